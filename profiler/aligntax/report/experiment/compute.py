"""What the guards take besides time, in words: for the table in a terminal and for the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aligntax.figures import duration
from aligntax.report.experiment.contents import Data, estimate
from aligntax.report.experiment.estimates import plain, signed_duration, size, value, with_interval
from aligntax.report.experiment.wording import spoken

__all__ = ["cold_start_rows", "compute_rows", "contention_words"]

_TITLES = {
    "cpu_seconds": "CPU time",
    "gpu_seconds": "GPU time",
    "energy_joules": "energy",
    "memory_bytes": "memory, peak of Python's heap",
}
_COLD = {"import_seconds": "until it is imported", "first_call_seconds": "first request"}


def compute_rows(result: Data) -> list[tuple[str, str, str, str]]:
    """Return a line for each thing that was measured: its name, without and with guards, and the tax on it."""
    return [
        _compute_row(name, found)
        for name, found in (result.get("compute") or {}).items()
        if isinstance(found, Mapping) and any(estimate(found.get(arm)) is not None for arm in ("raw", "guarded", "tax"))
    ]


def _compute_row(name: str, found: Mapping[str, Any]) -> tuple[str, str, str, str]:
    def write(number: float) -> str:
        if name.endswith("_seconds"):
            return duration(number)
        if name.endswith("_bytes"):
            return size(number)
        return f"{plain(number)} J" if name.endswith("_joules") else plain(number)

    def write_signed(number: float) -> str:
        return f"{'+' if number > 0 else ''}{write(number)}"

    title = _TITLES.get(name, spoken(name))
    source = found.get("source")
    if source:
        named = ", ".join(source) if isinstance(source, list | tuple) else source
        title += f" ({named}, {'estimated' if found.get('estimated') else 'measured'})"
    raw, guarded = (with_interval(found.get(arm), write) for arm in ("raw", "guarded"))
    return title, raw, guarded, with_interval(found.get("tax", _added(found)), write_signed)


def _added(found: Mapping[str, Any]) -> float | None:
    """Return guarded minus raw where a result does not say what was added, as of energy; its interval is not known."""
    raw, guarded = (estimate(found.get(arm)) for arm in ("raw", "guarded"))
    return None if raw is None or guarded is None else guarded.value - raw.value


def contention_words(result: Data) -> str:
    """Return in words what guards cost beyond their own time; empty where it was not measured."""
    found = result.get("contention") or {}
    if estimate(found.get("residual_seconds")) is None:
        return ""
    measured, replayed = (value(found.get(f"{name}_seconds"), signed_duration) for name in ("measured", "replayed"))
    residual = with_interval(found["residual_seconds"], signed_duration)
    running = "what guards cost without running: caches, memory and processors that they share with the model"
    hop = found.get("hop_seconds")
    if estimate(hop) is not None:
        passing = with_interval(hop, signed_duration)
        running = (
            f"not the guards' own time: the way through the proxy takes {passing} of it, and the rest is {running}"
        )
    return (
        f"The measured tax is {measured} on average, and the recorded calls of the guards explain {replayed} of it. "
        f"What is left, {residual}, is {running}."
    )


def cold_start_rows(result: Data) -> list[tuple[str, str, str]]:
    """Return a line for each part of a cold start, without and with guards."""
    found = result.get("cold_start") or {}
    raw, guarded = found.get("raw") or {}, found.get("guarded") or {}
    names = [name for name in dict.fromkeys((*raw, *guarded)) if raw.get(name) or guarded.get(name)]
    return [(_COLD.get(name, spoken(name)), _cold(raw.get(name)), _cold(guarded.get(name))) for name in names]


def _cold(data: Any) -> str:
    """Return a time of a few cold starts; with so few, most often it has no interval, which goes without saying."""
    found = estimate(data)
    return value(data, duration) if found is None or found.low is None else with_interval(data, duration)
