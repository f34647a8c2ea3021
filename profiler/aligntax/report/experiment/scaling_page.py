"""The curves of a sweep as the text of one page, where they are no part of a result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aligntax.report.experiment.sections.scaling import scaling
from aligntax.report.experiment.wording import growth, spoken
from aligntax.report.page.rendering import render

__all__ = ["render_scaling"]


def render_scaling(found: Mapping[str, Any]) -> str:
    """Return the page as text.

    Args:
        found: what `aligntax sweep --json` writes: `target`, `created`, and `scaling`, by parameter.
    """
    section = scaling({"design": {}, "scaling": found["scaling"]})
    sweeps = found["scaling"].values()
    known = [growth(each) for each in sweeps if each.get("fit")]
    names = " and ".join(spoken(each["parameter"]) for each in sweeps)
    headline = " ".join(known) or f"The tax by {names}; how it grows cannot be told."
    sections = [] if section is None else [section]
    return render(subject=found["target"], headline=headline, sections=sections, measured=found["created"])
