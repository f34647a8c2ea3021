"""Names of figures: a task and a score, with a dot between them, and none within the task."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from aligntax.taxes.performance.scores import Key

__all__ = ["unique"]


def unique(told: Sequence[str | Key]) -> dict[Any, str]:
    """Return a name for each figure, e.g. `gsm8k.exact_match,strict-match` or `macro.all`.

    Args:
        told: averages by their group, and scores by their key.
    """
    found: dict[Hashable, str] = {}
    taken: set[str] = set()
    for each in told:
        name = f"{_plain(each.task)}.{each.label}" if isinstance(each, Key) else f"macro.{_plain(each)}"
        number, unnumbered = 2, name
        while name in taken:
            group, _, rest = unnumbered.partition(".")
            name, number = f"{group}~{number}.{rest}", number + 1
        found[each] = name
        taken.add(name)
    return found


def _plain(written: str) -> str:
    return written.replace(".", "_")
