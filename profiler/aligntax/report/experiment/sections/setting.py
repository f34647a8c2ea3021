"""Where and how it was measured: the target, the design of the experiment, the machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aligntax.figures import MISSING, duration, percentage
from aligntax.report.experiment.contents import Data
from aligntax.report.experiment.estimates import plain
from aligntax.report.experiment.wording import flattened
from aligntax.report.page.parts import Section, Table

__all__ = ["setting"]

_STOPPED = {
    "width": "both intervals, of the absolute and of the relative tax, were narrow enough",
    "budget": "the time was up",
    "pairs": "there were as many pairs as it may have at most",
    "interrupted": "it was interrupted",
}


def setting(result: Data) -> Section:
    """Return the section on the target, the design and the environment."""
    return Section(
        "setting",
        "What was measured, and where",
        "Numbers of two machines, or of two versions, cannot be compared without more ado.",
        (
            Table("The experiment.", ("", ""), tuple(_design(result)), words=(0, 1)),
            Table("The machine.", ("", ""), tuple(flattened(result["environment"])), words=(0, 1)),
        ),
    )


def _design(result: Data) -> list[tuple[str, str]]:
    target, design, own = result["target"], result["design"], result.get("self") or {}
    prompts = design.get("prompts") or {}
    pairs = [
        ("target", str(target.get("name", MISSING))),
        ("kind", str(target.get("kind", MISSING))),
        ("guards", ", ".join(target.get("guards", ())) or "none"),
        ("never left out", ", ".join(target.get("always_on", ()))),
        ("answers the same every time", {True: "yes", False: "no"}.get(target.get("deterministic"), "")),
        ("measured on", str(result.get("created", MISSING))),
        ("took", duration(result.get("seconds"))),
        *((f"arm {arm['name']}", _arm(arm)) for arm in result.get("arms", ())),
        ("prompts", _prompts(prompts)),
        ("rounds", _count(design, "rounds")),
        ("pairs", _count(design, "pairs")),
        ("warm-up rounds", _count(design, "warm_up_rounds")),
        ("width wanted", _width(design)),
        ("stopped because", _STOPPED.get(design.get("stopped", ""), str(design.get("stopped") or ""))),
        ("seed", "" if design.get("seed") is None else str(design["seed"])),
        ("instrument", _instrument(own)),
    ]
    return [pair for pair in pairs if pair[1]]


def _width(design: Mapping[str, Any]) -> str:
    return f"±{percentage(design['width'])} of a request" if design.get("width") else ""


def _instrument(own: Mapping[str, Any]) -> str:
    return f"{duration(own.get('seconds_per_span'))} a span, {own.get('dropped') or 0:,} dropped" if own else ""


def _arm(arm: Mapping[str, object]) -> str:
    bypassed = arm.get("bypassed")
    return f"without {', '.join(map(str, bypassed))}" if isinstance(bypassed, list) and bypassed else "all guards"


def _prompts(prompts: Mapping[str, object]) -> str:
    digest = str(prompts.get("sha256") or "")
    return f"{prompts['count']}" + (f", sha256 {digest[:16]}" if digest else "") if "count" in prompts else ""


def _count(design: Mapping[str, object], name: str) -> str:
    number = design.get(name)
    return plain(number) if isinstance(number, int) else ""
