"""From what the arms of an experiment took to its result: pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aligntax.attribution import Attribution
from aligntax.experiment.arms import GUARDED, HOP, NULL, ONLY, RAW, WITHOUT
from aligntax.experiment.paired import Columns
from aligntax.inference import mean, mean_of_differences, median_of_differences, quantile, relative_difference
from aligntax.trace import Layer

__all__ = ["analyse"]

QUANTILES = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99}
NANO = 1e9
Seconds = NDArray[np.float64]


def analyse(columns: Columns, guards: Mapping[str, Layer]) -> dict[str, Any]:
    """Return the parts of a result that follow from the measurements.

    The `latency` of an arm is over the pairs at which raw, guarded and that arm all ran to their end, so that its rows
    are about the same requests: one that a guard blocks would make the others look faster or slower by being left out.

    Args:
        columns: what was measured.
        guards: those that the arms leave out, by name.

    Raises:
        ValueError: if no request ran to its end both with and without guards.
        KeyboardInterrupt: if it was ended before one did.
    """
    if not columns.comparable(RAW, GUARDED):
        if columns.stopped == "interrupted":
            raise KeyboardInterrupt("interrupted before anything was measured")
        outcomes = dict(Counter(each.outcome.value for each in columns.measured[GUARDED]))
        raise ValueError(
            f"of {len(columns.prompt)} requests none ran to its end with and without guards ({outcomes}); a request "
            "that is blocked or fails has no tax: use prompts that the guards allow"
        )
    chosen, attributions = _attributions(columns)
    tax = _tax(columns)
    null = _null(columns)
    tax["distinguishable"] = _outside(tax["seconds"], null["seconds"]) if null else None
    return {
        "samples": _samples(columns, guards),
        "tax": tax,
        **({"null": null} if null else {}),
        "latency": {
            arm: _latency(_seconds(columns, arm, columns.comparable(RAW, GUARDED, arm))) for arm in columns.arms
        },
        **(
            {"warm_up": {arm: _latency(np.array(values)) for arm, values in columns.warm_up.items()}}
            if columns.warm_up
            else {}
        ),
        "guards": [_guard(columns, attributions, layer, null) for layer in guards.values()],
        "contention": _contention(columns, chosen, attributions),
        "compute": _compute(columns),
        "outcomes": {
            arm: dict(Counter(each.outcome.value for each in column)) for arm, column in columns.measured.items()
        },
    }


def _seconds(columns: Columns, arm: str, chosen: Sequence[int]) -> Seconds:
    column = columns.measured[arm]
    return np.array([column[index].seconds for index in chosen])


def _pairs(columns: Columns, base: str, new: str) -> tuple[Seconds, Seconds]:
    chosen = columns.comparable(base, new)
    return _seconds(columns, base, chosen), _seconds(columns, new, chosen)


def _tax(columns: Columns) -> dict[str, Any]:
    raw, guarded = _pairs(columns, RAW, GUARDED)
    return {
        "seconds": median_of_differences(raw, guarded).to_dict(),
        "mean_seconds": mean_of_differences(raw, guarded).to_dict(),
        "relative": relative_difference(raw, guarded, paired=True).to_dict(),
        "n": len(raw),
        **({"hop_seconds": _difference(columns, RAW, HOP)} if HOP in columns.arms else {}),
        **_first_chunk(columns),
    }


def _first_chunk(columns: Columns) -> dict[str, Any]:
    """Return the tax on the time to the first chunk, where both arms stream."""
    chosen = columns.comparable(RAW, GUARDED)
    found = {arm: [columns.measured[arm][index].first_chunk_seconds for index in chosen] for arm in (RAW, GUARDED)}
    pairs = [
        (raw, new) for raw, new in zip(found[RAW], found[GUARDED], strict=True) if raw is not None and new is not None
    ]
    if not pairs:
        return {}
    raw, guarded = (np.array(column) for column in zip(*pairs, strict=True))
    return {"first_chunk_seconds": median_of_differences(raw, guarded).to_dict()}


def _null(columns: Columns) -> dict[str, Any] | None:
    if NULL not in columns.arms:
        return None
    raw, null = _pairs(columns, RAW, NULL)
    return {
        "seconds": median_of_differences(raw, null).to_dict(),
        "relative": relative_difference(raw, null, paired=True).to_dict(),
        "n": len(raw),
    }


def _outside(effect: Mapping[str, float | None], band: Mapping[str, float | None]) -> bool | None:
    """Return whether an interval lies beyond everything that identical arms were found to differ by.

    None where either has no interval.
    """
    ends = (effect["low"], effect["high"], band["low"], band["high"])
    if any(end is None for end in ends):
        return None
    low, high, band_low, band_high = (float(end) for end in ends if end is not None)
    reach = max(abs(band_low), abs(band_high))
    return low > reach or high < -reach


def _latency(values: Seconds) -> dict[str, Any]:
    if not len(values):
        return {"n": 0}
    quantiles = {name: quantile(values, q).to_dict() for name, q in QUANTILES.items()}
    return {"n": len(values), "mean": float(values.mean()), **quantiles}


def _attributions(columns: Columns) -> tuple[list[int], list[Attribution]]:
    """Return the pairs of which it is known who caused what, and who did."""
    column = columns.measured[GUARDED]
    found = [(index, column[index].attribution) for index in columns.comparable(RAW, GUARDED)]
    known = [(index, each) for index, each in found if each is not None]
    return [index for index, _ in known], [each for _, each in known]


def _guard(
    columns: Columns, attributions: Sequence[Attribution], layer: Layer, null: Mapping[str, Any] | None
) -> dict[str, Any]:
    name = layer.name
    spans = columns.spans.get(name)
    found: dict[str, Any] = {
        "name": name,
        "stage": layer.stage,
        "calls": sum(each.layers[name].calls for each in attributions if name in each.layers),
        "verdicts": dict(spans.verdicts) if spans else {},
    }
    total_ns = sum(each.tax_ns for each in attributions)
    for part in ("busy", "critical", "drag", "share"):
        values = [
            getattr(each.layers[name], f"{part}_ns") / NANO if name in each.layers else 0.0 for each in attributions
        ]
        found[f"{part}_seconds"] = mean(values).to_dict() if values else None
    share = found["share_seconds"]
    mine_ns = sum(each.layers[name].share_ns for each in attributions if name in each.layers)
    found["share_of_tax"] = mine_ns / total_ns if total_ns else None
    requests = len(attributions)
    sampled = spans.cpu_sampled if spans else 0
    found["cpu_seconds"] = spans.cpu_ns / NANO / sampled * spans.spans / requests if spans and sampled else None
    found["gpu_seconds"] = spans.gpu_ns / NANO / requests if spans and spans.gpu_ns else None
    nothing = HOP if HOP in columns.arms else RAW  # the way through a proxy is not a guard's
    found["alone_seconds"] = _difference(columns, nothing, ONLY + name)
    found["left_out_seconds"] = _difference(columns, WITHOUT + name, GUARDED)
    found["distinguishable"] = _outside(share, null["seconds"]) if null and share else None
    return found


def _difference(columns: Columns, base: str, new: str) -> dict[str, float | None] | None:
    """Return what one arm takes more than another; None where one of them was not run, or never to its end."""
    if not (base in columns.arms and new in columns.arms and columns.comparable(base, new)):
        return None
    return median_of_differences(*_pairs(columns, base, new)).to_dict()


def _contention(columns: Columns, chosen: Sequence[int], attributions: Sequence[Attribution]) -> dict[str, Any] | None:
    """Return how much more the guards cost than a replay of their spans says: what they take from the rest.

    In a proxy the way through it is part of that; what it takes is told beside it.
    """
    if not chosen:
        return None
    raw, guarded = (_seconds(columns, arm, chosen) for arm in (RAW, GUARDED))
    replayed = np.array([each.tax_ns / NANO for each in attributions])
    hop = _hop(columns, chosen)
    return {
        "measured_seconds": mean_of_differences(raw, guarded).to_dict(),
        "replayed_seconds": mean(replayed).to_dict(),
        "residual_seconds": mean_of_differences(replayed, guarded - raw).to_dict(),
        **({"hop_seconds": hop} if hop else {}),
    }


def _hop(columns: Columns, chosen: Sequence[int]) -> dict[str, float | None] | None:
    """Return what the way through a proxy takes on average; None without one."""
    if HOP not in columns.arms:
        return None
    both = sorted({*chosen}.intersection(columns.comparable(RAW, HOP)))
    if not both:
        return None
    raw, hop = (_seconds(columns, arm, both) for arm in (RAW, HOP))
    return mean_of_differences(raw, hop).to_dict()


def _compute(columns: Columns) -> dict[str, Any]:
    """Return what requests need of processors and GPUs; what is not known of every one of them is left out."""
    chosen = columns.comparable(RAW, GUARDED)
    raw, guarded = ([columns.measured[arm][index] for index in chosen] for arm in (RAW, GUARDED))
    found = {}
    if all(each.cpu_seconds is not None for each in (*raw, *guarded)):
        found["cpu_seconds"] = _needed([[each.cpu_seconds or 0.0 for each in arm] for arm in (raw, guarded)])
    # Where one request's layers were timed on a GPU, all are: others have left no work to it.
    if any(each.gpu_seconds is not None for each in (*raw, *guarded)):
        found["gpu_seconds"] = _needed([[each.gpu_seconds or 0.0 for each in arm] for arm in (raw, guarded)])
    return found


def _needed(arms: Sequence[Sequence[float]]) -> dict[str, Any]:
    raw, guarded = arms
    return {
        RAW: mean(raw).to_dict(),
        GUARDED: mean(guarded).to_dict(),
        "tax": mean_of_differences(raw, guarded).to_dict(),
    }


def _samples(columns: Columns, guards: Mapping[str, Layer]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "prompt": columns.prompt,
        "round": columns.round,
        "seconds": {arm: [each.seconds for each in column] for arm, column in columns.measured.items()},
        "outcomes": {arm: [each.outcome.value for each in column] for arm, column in columns.measured.items()},
    }
    if all(each.cpu_seconds is not None for column in columns.measured.values() for each in column):
        found["cpu_seconds"] = {arm: [each.cpu_seconds for each in column] for arm, column in columns.measured.items()}
    attributions = [each.attribution for each in columns.measured[GUARDED]]
    if all(each is not None for each in attributions):
        found["shares_seconds"] = {
            name: [_share_ns(each, name) / NANO for each in attributions if each is not None] for name in guards
        }
    return found


def _share_ns(attribution: Attribution, name: str) -> int:
    part = attribution.layers.get(name)
    return part.share_ns if part else 0
