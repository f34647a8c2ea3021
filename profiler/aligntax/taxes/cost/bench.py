"""What a result of `aligntax bench` says of the cost: CPU, GPU, energy and node time per useful request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from aligntax.inference import Estimate
from aligntax.taxes.cost.resource import ESTIMATED, MEASURED, RAN, Column, Prices, Resource, per_useful_request
from aligntax.taxes.record import Refusal

__all__ = ["resources_of_bench"]

ARMS = ("raw", "guarded")
_SUMMED = "sum over all requests / useful requests, guarded minus raw"
_NEVER_BOTH = "no request ran to its end in both arms and in time; use prompts that the guards allow, or a longer --slo"


class _Arms(NamedTuple):
    """The requests of both arms: what they took, and which were useful."""

    clusters: list[str]
    seconds: tuple[Column, Column]
    useful: tuple[Column, Column]
    shares: tuple[float, float]
    """Of the requests that ran to their end in both arms: how many were in time, in each."""

    @property
    def n(self) -> int:
        return int(self.useful[1].sum())


def resources_of_bench(
    data: Mapping[str, Any], prices: Prices, slo_seconds: float | None
) -> Iterator[Resource | Refusal]:
    """Yield what each resource costs, or why that is not known; what has no sensor is absent, and never zero.

    Args:
        data: the result, checked.
        prices: what only the user knows.
        slo_seconds: a request that takes longer is not useful; None: any that ran to its end is.
    """
    arms = _arms(data, slo_seconds)
    for number, name in enumerate(ARMS):
        if not arms.useful[number].any():
            what = "ran to its end" + ("" if slo_seconds is None else f" within {slo_seconds:g} s")
            yield Refusal(
                "all", "no_useful_request", f"no request of the arm {name} {what}; use prompts that the guards allow"
            )
            return
    yield from _money(data, arms, prices)
    yield from _cpu(data, arms)
    yield from _gpu(data, arms)
    yield from _energy(data, arms, prices)


def _arms(data: Mapping[str, Any], slo_seconds: float | None) -> _Arms:
    samples = data["samples"]
    try:
        seconds, outcomes = samples["seconds"], samples["outcomes"]
        times = tuple(np.array(seconds[arm], np.float64) for arm in ARMS)
        ran = tuple(np.isin(np.array(outcomes[arm], str), RAN) for arm in ARMS)
    except KeyError as error:
        raise ValueError(
            f"samples lack {error}; write the result anew with: aligntax bench TARGET --json FILE"
        ) from error
    good = tuple(each & (slo_seconds is None or took <= slo_seconds) for each, took in zip(ran, times, strict=True))
    both = ran[0] & ran[1]
    shares = tuple(float(each[both].mean()) if both.any() else 0.0 for each in good)
    useful = tuple(each.astype(np.float64) for each in good)
    return _Arms([*map(str, samples["prompt"])], (times[0], times[1]), (useful[0], useful[1]), (shares[0], shares[1]))


def _summed(name: str, title: str, unit: str, arms: _Arms, columns: tuple[Column, Column], **more: Any) -> Resource:
    raw, tax, relative = per_useful_request(columns[0], arms.useful[0], columns[1], arms.useful[1], arms.clusters)
    return Resource(name, title, unit, raw, tax, relative, arms.n, _SUMMED, **more)


def _money(data: Mapping[str, Any], arms: _Arms, prices: Prices) -> Iterator[Resource | Refusal]:
    if prices.per_hour is None:
        yield Refusal("currency", "no_price", "what a node costs is not known; give --price-per-hour")
        return
    a_second = prices.per_hour * prices.nodes / 3600
    columns = (arms.seconds[0] * a_second, arms.seconds[1] * a_second)
    yield _summed(
        "currency",
        "Price",
        prices.currency,
        arms,
        columns,
        origins=("price per hour from the user", "duration of requests"),
        marks=("one request at a time",),
    )
    rates = ((data.get("load") or {}).get("throughput_tax") or {}).get("arms") or {}
    found = [(rates.get(arm) or {}).get("rate") for arm in ARMS]
    known = [Estimate.from_dict(each) for each in found if each is not None]
    if len(known) < len(found):
        return
    raw, guarded = known
    value = a_second / guarded.value - a_second / raw.value
    if raw.low and raw.high and guarded.low and guarded.high:
        tax = Estimate(
            value, a_second / guarded.high - a_second / raw.low, a_second / guarded.low - a_second / raw.high
        )
    else:
        tax = Estimate(value)
    yield Resource(
        "currency_at_capacity",
        "Price at the highest rate that keeps the objective",
        prices.currency,
        a_second / raw.value,
        tax,
        Estimate(raw.value / guarded.value - 1),
        arms.n,
        "price per second / highest rate, guarded minus raw",
        origins=("price per hour from the user", "throughput tax"),
        marks=("bounds of the search",),
    )


def _cpu(data: Mapping[str, Any], arms: _Arms) -> Iterator[Resource | Refusal]:
    cpu = data["samples"].get("cpu_seconds") or {}
    if not {"raw", "guarded"} <= cpu.keys():
        yield Refusal(
            "cpu_seconds", "not_measured", "the result holds no CPU time: that of other machines is not known"
        )
        return
    columns = (np.array(cpu["raw"], np.float64), np.array(cpu["guarded"], np.float64))
    yield _summed("cpu_seconds", "CPU time", "CPU-seconds", arms, columns, origins=("process CPU clock",))


def _gpu(data: Mapping[str, Any], arms: _Arms) -> Iterator[Resource | Refusal]:
    timed = (data.get("compute") or {}).get("gpu_seconds") or {}
    if timed.get("raw") is None or timed.get("guarded") is None:
        yield from _gpu_of_guards(data, arms)
        return
    if not all(arms.shares):
        yield Refusal("gpu_seconds", "no_useful_request", _NEVER_BOTH)
        return
    before, after = (Estimate.from_dict(timed[arm]).value / part for arm, part in zip(ARMS, arms.shares, strict=True))
    tax = Estimate(after - before)
    if arms.shares == (1.0, 1.0) and timed.get("tax") is not None:
        tax = Estimate.from_dict(timed["tax"])
    yield Resource(
        "gpu_seconds",
        "GPU time",
        "GPU-seconds",
        before,
        tax,
        Estimate(after / before - 1) if before > 0 else None,
        arms.n,
        "GPU time of a request that ran to its end / share of those in time, guarded minus raw",
        origins=("CUDA events",),
    )


def _gpu_of_guards(data: Mapping[str, Any], arms: _Arms) -> Iterator[Resource | Refusal]:
    """Yield the GPU time of guards where that of whole requests is not known, as behind a proxy."""
    known = [guard["gpu_seconds"] for guard in data["guards"] if guard.get("gpu_seconds") is not None]
    if not known:
        yield Refusal(
            "gpu_seconds", "no_sensor", "no guard was timed on a GPU: there is none, or it has no events to time it by"
        )
        return
    if not all(arms.shares):
        yield Refusal("gpu_seconds", "no_useful_request", _NEVER_BOTH)
        return
    total = sum(each["value"] if isinstance(each, Mapping) else float(each) for each in known)
    yield Resource(
        "gpu_seconds",
        "GPU time of guards",
        "GPU-seconds",
        None,
        Estimate(total / arms.shares[1]),
        None,
        arms.n,
        "GPU time of guards / useful requests",
        origins=("CUDA events",),
        marks=("raw is not timed",),
    )


def _energy(data: Mapping[str, Any], arms: _Arms, prices: Prices) -> Iterator[Resource | Refusal]:
    found = (data.get("compute") or {}).get("energy_joules")
    if not found or found.get("raw") is None or found.get("guarded") is None:
        yield Refusal("joules", "no_sensor", "no energy counter of the machine could be read (NVML, or RAPL as root)")
    elif not all(arms.shares):
        yield Refusal("joules", "no_useful_request", _NEVER_BOTH)
    else:
        raw, guarded = float(found["raw"]), float(found["guarded"])
        before, after = raw / arms.shares[0], guarded / arms.shares[1]
        yield Resource(
            "joules",
            "Energy",
            "J",
            before,
            Estimate(after - before),
            Estimate(after / before - 1) if before > 0 else None,
            arms.n,
            "joules of a request that ran to its end / share of those in time, guarded minus raw",
            ESTIMATED if found.get("estimated") else MEASURED,
            tuple(map(str, found.get("source") or ())),
            ("idle power included",),
        )
    if prices.idle_watts is None:
        yield Refusal(
            "idle_joules", "no_idle_power", "what the machine draws while idle is not known; give --idle-watts"
        )
        return
    watts = prices.idle_watts * prices.nodes
    columns = (arms.seconds[0] * watts, arms.seconds[1] * watts)
    origins = ("idle power from the user", "duration of requests")
    yield _summed("idle_joules", "Idle energy", "J", arms, columns, basis=ESTIMATED, origins=origins)
