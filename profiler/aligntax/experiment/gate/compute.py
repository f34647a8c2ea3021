"""What guards cost beside time on the wall: CPU, GPU, energy, memory, and the cold start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aligntax.experiment.gate.fields import estimate, numbers
from aligntax.experiment.gate.measured import Metric, Unit, Values
from aligntax.inference import Estimate, mean, mean_of_differences, relative_difference

__all__ = ["compute_metrics"]

_ADDED = (
    ("gpu.absolute", "gpu_seconds", "GPU time of guards", Unit.SECONDS),
    ("energy.absolute", "energy_joules", "energy of guards", Unit.JOULES),
    ("memory.absolute", "memory_bytes", "peak memory of guards", Unit.BYTES),
)


def compute_metrics(data: Mapping[str, Any], cpu: Mapping[str, Values], prompts: NDArray[np.int64]) -> Iterator[Metric]:
    """Yield what a result holds of these.

    Args:
        data: the result.
        cpu: CPU seconds of each request, by arm; empty where they were not measured.
        prompts: of each request.

    Raises:
        ValueError: for what is no measurement; names the key.
    """
    compute = data.get("compute") or {}
    yield from _cpu(cpu, prompts)
    for key, name, title, unit in _ADDED:
        if compute.get(name) is not None:
            yield Metric(key, title, unit, _added(f"compute.{name}", compute[name]))
    cold = data.get("cold_start") or {}
    guarded = cold.get("guarded") or {}
    if guarded.get("import_seconds") is not None:
        known = _figure("cold_start.guarded.import_seconds", guarded["import_seconds"])
        yield Metric("cold_start.import", "import of the target", Unit.SECONDS, known, level=True)
    first = {arm: (cold.get(arm) or {}).get("first_call_seconds") for arm in ("raw", "guarded")}
    if None not in first.values():
        known = _added("cold_start.first_call_seconds", first)
        yield Metric("cold_start.first_call", "guards in the first call", Unit.SECONDS, known)


def _cpu(cpu: Mapping[str, Values], prompts: NDArray[np.int64]) -> Iterator[Metric]:
    if not {"raw", "guarded"} <= cpu.keys():
        return
    raw, guarded = cpu["raw"], cpu["guarded"]
    reference = float(guarded.mean())
    yield Metric(
        "cpu.absolute",
        "CPU time of guards",
        Unit.SECONDS,
        mean_of_differences(raw, guarded),
        guarded - raw,
        prompts,
        reference=reference or None,
    )
    if raw.mean() > 0 and reference > 0:
        relative = relative_difference(raw, guarded, paired=True)
        yield Metric("cpu.relative", "CPU time of guards, of raw", Unit.RATIO, relative, same_as="cpu.absolute")


def _added(name: str, found: Any) -> Estimate | None:
    """Return what guards add: the figure that the file gives for it, or else guarded minus raw.

    The latter has no interval, since those of two figures do not say how the two vary together.
    """
    if isinstance(found, Mapping) and "tax" in found:
        return _figure(f"{name}.tax", found["tax"])
    if isinstance(found, Mapping) and "raw" in found and "guarded" in found:
        raw, guarded = (_figure(f"{name}.{arm}", found[arm]) for arm in ("raw", "guarded"))
        return None if raw is None or guarded is None else Estimate(guarded.value - raw.value)
    return _figure(name, found)


def _figure(name: str, found: Any) -> Estimate | None:
    """Return a figure that is an estimate, a number, or a list of numbers, one for each time that it was measured."""
    if isinstance(found, Mapping):
        return estimate(name, found)
    if isinstance(found, list):
        return mean(numbers(name, found))
    return Estimate(float(numbers(name, [found])[0]))
