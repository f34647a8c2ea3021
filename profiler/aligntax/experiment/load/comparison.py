"""Raw against guarded under load: the same prompts, due at the same times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from aligntax.experiment.arms import GUARDED, RAW
from aligntax.experiment.load.quantiles import QUANTILES
from aligntax.experiment.load.records import ALLOWED, Call
from aligntax.experiment.load.summary import Stretch
from aligntax.inference import mean_of_differences, median_of_differences, relative_difference

__all__ = ["compared", "samples_of"]

MAX_SAMPLES = 50_000


def compared(stretches: Mapping[str, Sequence[Stretch]]) -> dict[str, Any]:
    """Return what the guards cost under load, of requests that both arms answered.

    Differences of quantiles are that: no quantile of the differences, and no request's.

    Returns:
        `tax` and `differences_of_quantiles`, each by measure; empty without pairs.
    """
    if not {RAW, GUARDED} <= stretches.keys():
        return {}
    pairs = [
        calls
        for _, calls in _rows({name: stretches[name] for name in (RAW, GUARDED)})
        if all(call.outcome == ALLOWED for call in calls)
    ]
    measures: dict[str, Callable[[Call], int | None]] = {
        "scheduled": lambda call: call.scheduled_ns,
        "service": lambda call: call.service_ns,
        "first_chunk": lambda call: call.scheduled_first_ns,
    }
    taxes: dict[str, Any] = {}
    differences: dict[str, Any] = {}
    for name, measure in measures.items():
        found = [
            (raw_ns / 1e9, guarded_ns / 1e9)
            for raw, guarded in pairs
            if (raw_ns := measure(raw)) is not None and (guarded_ns := measure(guarded)) is not None
        ]
        if found:
            base, new = np.array(found).T
            taxes[name] = _tax(base, new)
            differences[name] = {
                label: float(np.quantile(new, q) - np.quantile(base, q)) for label, q in QUANTILES.items()
            }
    return {"tax": taxes, "differences_of_quantiles": differences} if taxes else {}


def samples_of(stretches: Mapping[str, Sequence[Stretch]], warnings: list[str]) -> dict[str, Any]:
    """Return the requests of all arms, index for index, as far as all arms had them.

    Args:
        stretches: by arm.
        warnings: gets one more if there are too many to keep.
    """
    rows = list(_rows(stretches))
    if len(rows) > MAX_SAMPLES:
        warnings.append(f"load: the samples of the first {MAX_SAMPLES:,} of {len(rows):,} requests were kept")
        del rows[MAX_SAMPLES:]
    names = list(stretches)

    def column(value: Callable[[Call], int | None]) -> dict[str, list[float | None]]:
        return {
            name: [None if (found := value(calls[place])) is None else found / 1e9 for _, calls in rows]
            for place, name in enumerate(names)
        }

    return {
        "window": [window for window, _ in rows],
        "intended_seconds": [calls[0].intended_ns / 1e9 for _, calls in rows],
        "scheduled_seconds": column(lambda call: call.scheduled_ns),
        "service_seconds": column(lambda call: call.service_ns),
        "outcomes": {name: [calls[place].outcome for _, calls in rows] for place, name in enumerate(names)},
    }


def _rows(stretches: Mapping[str, Sequence[Stretch]]) -> Iterator[tuple[int, tuple[Call, ...]]]:
    """Yield the number of a window and one call of each arm: the same prompt, due at the same time in it."""
    for number, windows in enumerate(zip(*stretches.values(), strict=False)):
        arms = [{call.number: call for call in window.calls} for window in windows]
        for index in sorted(set(arms[0]).intersection(*arms[1:])):
            yield number, tuple(calls[index] for calls in arms)


def _tax(raw: Any, guarded: Any) -> dict[str, Any]:
    return {
        "seconds": median_of_differences(raw, guarded).to_dict(),
        "mean_seconds": mean_of_differences(raw, guarded).to_dict(),
        "relative": relative_difference(raw, guarded, paired=True).to_dict(),
        "n": len(raw),
    }
