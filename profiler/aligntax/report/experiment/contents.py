"""What a result file holds, checked before anything of it is shown."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aligntax.inference import Estimate
from aligntax.trace import Outcome

__all__ = ["ARM_NAMES", "QUANTILES", "RAN", "SCHEMA", "Data", "checked", "comparable_pairs", "estimate"]

SCHEMA = "aligntax.bench/1"
ARM_NAMES = {"raw": "without guards", "guarded": "with guards", "null": "without guards, again"}
QUANTILES = ("p50", "p90", "p95", "p99")
_NEEDED: Mapping[str, type] = {
    "target": Mapping,
    "environment": Mapping,
    "design": Mapping,
    "samples": Mapping,
    "tax": Mapping,
    "guards": Sequence,
}
RAN = frozenset(outcome.value for outcome in Outcome if outcome.comparable)
"""How requests ended that ran to their end."""

Data = Mapping[str, Any]


def checked(result: Data) -> Data:
    """Return the result if a report can be made of it.

    Raises:
        ValueError: for another schema, a part that is missing, samples of unequal length, and a number that is not
            finite; the message names the place.
    """
    if not isinstance(result, Mapping) or result.get("schema") != SCHEMA:
        found = result.get("schema") if isinstance(result, Mapping) else type(result).__name__
        raise ValueError(f"schema {found!r} is not {SCHEMA!r}; pass what `aligntax bench --json` wrote")
    for name, kind in _NEEDED.items():
        if not isinstance(result.get(name), kind) or isinstance(result[name], str):
            raise ValueError(f"the result has no {name!r} of the kind that {SCHEMA} says; run `aligntax bench` again")  # noqa: TRY004 (the file is wrong, not an argument's type)
    for place, number in _numbers(result, ""):
        if not math.isfinite(number):
            raise ValueError(f"{place} is {number}; what was not measured is null or left out, so measure it again")
    _check_samples(result["samples"])
    return result


def estimate(data: Any) -> Estimate | None:
    """Return an estimate of the result; None where it was not measured.

    A number without an interval is one, too.

    Raises:
        ValueError: for anything else than an estimate, a number or None.
    """
    if data is None or (isinstance(data, Mapping) and data.get("value", math.nan) is None):
        return None
    if isinstance(data, int | float):
        return Estimate(float(data))
    return Estimate.from_dict(data)


def comparable_pairs(result: Data) -> list[int]:
    """Return the indices of the samples that ran to their end in all arms that every experiment has."""
    samples = result["samples"]
    outcomes = [samples.get("outcomes", {}).get(arm) for arm in ("raw", "guarded", "null")]
    known = [outcome for outcome in outcomes if outcome is not None]
    seconds = samples.get("seconds", {})
    length = len(seconds.get("guarded", ())) if "raw" in seconds else 0
    return [index for index in range(length) if all(outcome[index] in RAN for outcome in known)]


def _numbers(data: Any, place: str) -> Iterator[tuple[str, float]]:
    if isinstance(data, float):
        yield place, data
    elif isinstance(data, Mapping):
        for name, value in data.items():
            yield from _numbers(value, f"{place}.{name}" if place else str(name))
    elif isinstance(data, list | tuple):
        for index, value in enumerate(data):
            if isinstance(value, float):  # most are: samples
                if not math.isfinite(value):
                    yield f"{place}[{index}]", value
            elif not isinstance(value, str | int):
                yield from _numbers(value, f"{place}[{index}]")


def _check_samples(samples: Data) -> None:
    lengths = {
        f"samples.{kind}.{name}": len(values)
        for kind in ("seconds", "cpu_seconds", "outcomes", "shares_seconds")
        for name, values in samples.get(kind, {}).items()
    }
    if len(set(lengths.values())) > 1:
        shortest, longest = min(lengths, key=lengths.__getitem__), max(lengths, key=lengths.__getitem__)
        raise ValueError(
            f"{shortest} holds {lengths[shortest]} samples and {longest} {lengths[longest]}; "
            "index i is the same request in all of them, so the file is damaged: run `aligntax bench` again"
        )
