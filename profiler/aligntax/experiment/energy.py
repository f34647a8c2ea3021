"""The energy that requests take, with guards and without, where a counter of the machine tells."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aligntax.devices.sensor import Sensor

__all__ = ["energy_of"]

BLOCK_SECONDS = 2.0
"""Counters move in steps of up to 100 ms: what one block takes is told to a twentieth at least."""
BLOCKS = 3


def energy_of(
    arms: Mapping[str, Callable[[Any], object]], prompts: Sequence[Any], sensors: Sequence[Sensor]
) -> dict[str, Any] | None:
    """Return the joules of a request in each arm, idle power included, from blocks of requests in turns.

    Args:
        arms: what answers a prompt.
        prompts: what to ask, over and over.
        sensors: of the machine.

    Returns:
        Joules by arm, and what they were measured with; None where no counter tells.
    """
    counters = {
        (reading.source, reading.device, reading.estimated)
        for sensor in sensors
        for reading in sensor.read()
        if reading.metric == "energy_joules"
    }
    if not counters:
        return None
    joules = dict.fromkeys(arms, 0.0)
    requests = Counter[str]()
    endless = itertools.cycle(prompts)
    for name in [*arms] * BLOCKS:
        before = _joules(sensors)
        until = time.monotonic() + BLOCK_SECONDS
        while time.monotonic() < until:
            arms[name](next(endless))
            requests[name] += 1
        joules[name] += _joules(sensors) - before
    return {
        **{name: joules[name] / requests[name] for name in arms},
        "source": sorted({f"{source} {device}" for source, device, _ in counters}),
        "estimated": any(estimated for *_, estimated in counters),
    }


def _joules(sensors: Sequence[Sensor]) -> float:
    return sum(reading.value for sensor in sensors for reading in sensor.read() if reading.metric == "energy_joules")
