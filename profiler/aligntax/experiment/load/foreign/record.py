"""What a run of another load generator says, in one form."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aligntax.experiment.load.quantiles import QUANTILES
from aligntax.experiment.load.records import Call

__all__ = ["Foreign", "Unscheduled", "at", "items", "number", "summary_of"]

NO_INTERVAL = "a summary of another program: its quantiles have no intervals"


@dataclass(frozen=True, slots=True)
class Foreign:
    """One run, as its program wrote it down.

    Attributes:
        program: with its version, e.g. `"guidellm 0.8.1"`.
        kind: of arrivals, in the program's own word; None where it does not say.
        rate: that was asked for, in requests a second; None where it does not say.
        seconds: that the run took, as the program says.
        calls: its requests, in the order in which they were due; None where the file has none of them.
        summaries: distributions of what the file has no requests of, or of figures that are the program's own: by
            name, in seconds; they have no intervals.
        counts: how requests ended; needed where there are no calls.
        formulas: what each of the figures is, where it is not what ours is.
        warnings: what a reader should know.
    """

    program: str
    kind: str | None
    rate: float | None
    seconds: float
    calls: Sequence[Call] | None
    summaries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    formulas: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()

    @property
    def label(self) -> str:
        """The run in a few words."""
        rate = "" if self.rate is None else f" {self.rate:g}/s"
        return f"{self.kind or 'unknown arrivals'}{rate}"


class Unscheduled(ValueError):  # noqa: N818 (says what happened)
    """A run whose requests did not go out when they were due, because its program had not set when that was."""


def at(document: Any, *names: str | int) -> Any:
    """Return what lies at a path in a document; None if there is nothing."""
    for name in names:
        if isinstance(name, int):
            if not isinstance(document, list) or not -len(document) <= name < len(document):
                return None
            document = document[name]
        elif isinstance(document, Mapping):
            document = document.get(name)
        else:
            return None
    return document


def number(document: Any, *names: str | int) -> float | None:
    """Return the number at a path; None if there is nothing, or null.

    Raises:
        ValueError: if something else is there.
    """
    found = at(document, *names)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not math.isfinite(found):
        raise ValueError(f"{'.'.join(map(str, names))} is {found!r:.40}, and should be a number")
    return float(found)


def items(document: Any, *names: str | int) -> list[Any]:
    """Return the list at a path; an empty one if there is nothing, or null.

    Raises:
        ValueError: if something else is there.
    """
    found = at(document, *names)
    if found is None:
        return []
    if not isinstance(found, list):
        raise ValueError(  # noqa: TRY004 (the file is wrong, not an argument's type)
            f"{'.'.join(map(str, names))} is no list, and should be one"
        )
    return found


def summary_of(n: float | None, mean: float | None, quantiles: Mapping[str, float | None]) -> dict[str, Any] | None:
    """Return a distribution of which only a summary is known; None if nothing is.

    Args:
        n: how many values it is of.
        mean: in seconds.
        quantiles: by name, in seconds.
    """
    if not n or mean is None:
        return None
    known = {name: value for name in QUANTILES if (value := quantiles.get(name)) is not None}
    return {
        "n": round(n),
        "mean": mean,
        **{name: {"value": value, "low": None, "high": None} for name, value in known.items()},
    }
