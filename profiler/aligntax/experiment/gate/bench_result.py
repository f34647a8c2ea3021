"""The figures of a result of `aligntax bench` that can be compared and limited.

Only requests count that were allowed or modified with and without guards: a blocked one has no raw time to compare
with. What guards and stages cost are means per request, and sum to the mean of the replayed tax; the headline is the
median of the pairwise differences, as in the result itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aligntax.experiment.gate.compute import compute_metrics
from aligntax.experiment.gate.fields import estimate, numbers
from aligntax.experiment.gate.measured import Measured, Metric, Unit, Values
from aligntax.experiment.result import SCHEMA
from aligntax.inference import Estimate, mean, relative_difference
from aligntax.trace import GUARD_STAGES, Outcome

__all__ = ["DECIDING", "measured_from_bench"]

DECIDING = "tax.relative"

# What makes a number another number though no guard has changed. Loads and the kernel's release do that as well, but
# never stay the same; the ratio to raw is there for these.
_ENVIRONMENT = ("cpu_model", "cores", "governor", "gpus", "python", "implementation", "threads")
_COLLECTOR = ("enabled", "thresholds")
_TARGET = ("kind", "name", "guards", "always_on")


@dataclass(frozen=True, slots=True)
class _Pairs:
    """What is known of each request that ran to its end with and without guards."""

    prompts: NDArray[np.int64]
    raw: Values
    guarded: Values
    shares: Mapping[str, Values]
    cpu: Mapping[str, Values]


def measured_from_bench(path: Path, data: Mapping[str, Any]) -> Measured:
    """Return what a result of schema `aligntax.bench/1` holds.

    Raises:
        ValueError: for what is no measurement, and where no pair ran to its end; names the key.
        AttributeError, IndexError, KeyError, StopIteration, TypeError: where a part is missing or in the wrong place.
    """
    target, environment, prompts = data["target"], data["environment"], data["design"]["prompts"]["sha256"]
    collector = environment.get("garbage_collector") or {}
    pairs = _pairs(data["samples"])
    return Measured(
        path=path,
        schema=SCHEMA,
        created=str(data["created"]),
        name=str(target["name"]),
        n=len(pairs.raw),
        conditions={
            **{f"target.{name}": target[name] for name in _TARGET},
            "prompts": prompts,
            "left out of raw": next(arm["bypassed"] for arm in data["arms"] if arm["name"] == "raw"),
            **{name: environment.get(name) for name in _ENVIRONMENT},
            **{f"garbage_collector.{name}": collector.get(name) for name in _COLLECTOR},
            **{f"version of {name}": version for name, version in environment["versions"].items()},
        },
        metrics={metric.key: metric for metric in _metrics(data, pairs)},
        deciding=DECIDING,
        prompts_sha256=prompts,
        data=data,
    )


def _pairs(samples: Mapping[str, Any]) -> _Pairs:
    asked = samples["prompt"]
    kept = np.ones(len(asked), bool)
    for arm in ("raw", "guarded"):
        kept &= [Outcome(outcome).comparable for outcome in samples["outcomes"][arm]]
    chosen = np.flatnonzero(kept)
    if not len(chosen):
        raise ValueError("no request ran to its end with and without guards, so there is no tax; use other prompts")

    def of_each(key: str) -> dict[str, Values]:
        found = {}
        for name, values in (samples.get(key) or {}).items():
            if len(values) != len(asked):
                raise ValueError(f"samples.{key}.{name} has {len(values)} values for {len(asked)} pairs; measure again")
            found[name] = numbers(f"samples.{key}.{name}", [values[index] for index in chosen])
        return found

    seconds = of_each("seconds")
    for arm in ("raw", "guarded"):
        if (seconds[arm] <= 0).any():
            raise ValueError(
                f"samples.seconds.{arm} holds {seconds[arm].min():g}, and a request takes time; measure again"
            )
    prompts = numbers("samples.prompt", [asked[index] for index in chosen]).astype(np.int64)
    return _Pairs(prompts, seconds["raw"], seconds["guarded"], of_each("shares_seconds"), of_each("cpu_seconds"))


def _metrics(data: Mapping[str, Any], pairs: _Pairs) -> Iterator[Metric]:
    yield from _taxes(data["tax"], pairs)
    for arm, values in (("guarded", pairs.guarded), ("raw", pairs.raw)):
        median = estimate(f"latency.{arm}.p50", data["latency"][arm]["p50"])
        yield Metric(
            f"latency.{arm}",
            f"{arm} request, median",
            Unit.SECONDS,
            median,
            values,
            pairs.prompts,
            reference=float(np.median(values)),
            level=True,
        )
    guards = {str(guard["name"]): guard for guard in data["guards"]}
    for name, guard in guards.items():
        yield from _part(f"guards.{name}", f"share of {name}", pairs, [name], guard["share_seconds"])
    for stage in GUARD_STAGES:
        names = [name for name, guard in guards.items() if guard["stage"] == stage]
        if names:
            only = names[0] if len(names) == 1 else None
            known = guards[only]["share_seconds"] if only else None
            same_as = f"guards.{only}.absolute" if only else None
            yield from _part(f"stages.{stage}", f"stage {stage}", pairs, names, known, same_as)
    yield from compute_metrics(data, pairs.cpu, pairs.prompts)


def _taxes(known: Mapping[str, Any], pairs: _Pairs) -> Iterator[Metric]:
    times = pairs.guarded / pairs.raw
    yield Metric(
        DECIDING,
        "tax, of raw",
        Unit.RATIO,
        estimate("tax.relative", known["relative"]),
        times - 1,
        pairs.prompts,
        reference=float(times.mean()),
    )
    yield Metric(
        "tax.absolute",
        "tax",
        Unit.SECONDS,
        estimate("tax.seconds", known["seconds"]),
        pairs.guarded - pairs.raw,
        pairs.prompts,
        reference=float(pairs.guarded.mean()),
    )


def _part(
    key: str, title: str, pairs: _Pairs, names: Sequence[str], known: Any, same_as: str | None = None
) -> Iterator[Metric]:
    """Yield what one guard, or several together, have of the tax: in seconds, and of raw."""
    if any(name not in pairs.shares for name in names):
        figure = None if known is None else estimate(f"{key}.share_seconds", known)
        yield Metric(f"{key}.absolute", title, Unit.SECONDS, figure, same_as=same_as)
        return
    shares = np.sum([pairs.shares[name] for name in names], axis=0)
    yield Metric(
        f"{key}.absolute",
        title,
        Unit.SECONDS,
        mean(shares),
        shares,
        pairs.prompts,
        reference=float(pairs.guarded.mean()),
        same_as=same_as,
    )
    relative = _of_raw(pairs.raw, shares)
    yield Metric(f"{key}.relative", f"{title}, of raw", Unit.RATIO, relative, same_as=same_as or f"{key}.absolute")


def _of_raw(raw: Values, part: Values) -> Estimate | None:
    """Return mean(part) / mean(raw) with its interval: the ratio of raw and the part together to raw, less one."""
    return relative_difference(raw, raw + part, paired=True) if (raw + part).mean() > 0 else None
