"""The energy that requests take, with guards and without, where a counter of the machine tells."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from aligntax.devices.sensor import Sensor
from aligntax.experiment.paired import Progress

__all__ = ["energy_of"]

BLOCK_SECONDS = 2.0
"""Counters move in steps of up to 100 ms: what one block takes is told to a twentieth at least."""
BLOCKS = 3


class _Counter(NamedTuple):
    source: str
    device: str
    estimated: bool


def energy_of(
    arms: Mapping[str, Callable[[Any], object]], prompts: Sequence[Any], sensors: Sequence[Sensor], progress: Progress
) -> dict[str, Any] | None:
    """Return the joules of a request in each arm, idle power included, from blocks of requests in turns.

    Args:
        arms: what answers a prompt.
        prompts: what to ask, over and over.
        sensors: of the machine.
        progress: is told, and may end it.

    Returns:
        Joules by arm, and what they were measured with; None where no counter tells, one of them could not be read
        meanwhile, or it was ended.
    """
    counters = _joules(sensors).keys()
    if not counters:
        return None
    joules = dict.fromkeys(arms, 0.0)
    requests = Counter[str]()
    endless = itertools.cycle(prompts)
    blocks = [*arms] * BLOCKS
    for number, name in enumerate(blocks):
        if not progress("measuring energy", number / len(blocks), ""):
            return None
        before = _joules(sensors)
        until = time.monotonic() + BLOCK_SECONDS
        while True:
            arms[name](next(endless))
            requests[name] += 1
            if time.monotonic() >= until:
                break
        after = _joules(sensors)
        if not before.keys() == after.keys() == counters:
            return None
        joules[name] += sum(after[each] - before[each] for each in counters)
    return {
        **{name: joules[name] / requests[name] for name in arms},
        "source": sorted({f"{each.source} {each.device}" for each in counters}),
        "estimated": any(each.estimated for each in counters),
    }


def _joules(sensors: Sequence[Sensor]) -> dict[_Counter, float]:
    readings = (reading for sensor in sensors for reading in sensor.read())
    return {
        _Counter(each.source, each.device, each.estimated): each.value
        for each in readings
        if each.metric == "energy_joules"
    }
