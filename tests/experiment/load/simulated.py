"""Servers that exist in virtual time only, and whose capacity is known."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from aligntax.experiment.load.records import ALLOWED, Reply, Timing


class OneAtATime:
    """Works on one request at a time, in the order in which they came.

    Args:
        mean_seconds: what one takes.
        exponential: whether it takes that in the mean, at random, as a queue M/M/1; else always.
        seed: of the lengths.
    """

    def __init__(self, mean_seconds: float, *, exponential: bool = False, seed: int = 0) -> None:
        self._mean = mean_seconds
        self._draws = random.Random(seed) if exponential else None
        self._place = asyncio.Semaphore(1)

    async def open(self) -> None:
        self._place = asyncio.Semaphore(1)

    async def close(self) -> None:
        pass

    def running(self) -> int:
        return 0

    async def send(self, prompt: Any, timing: Timing) -> Reply:
        timing.start()
        async with self._place:
            await asyncio.sleep(self._draws.expovariate(1 / self._mean) if self._draws else self._mean)
        timing.end()
        return Reply(ALLOWED)


class Stalling:
    """Answers after `seconds`, but does nothing at all in the last `stall_seconds` of every `every_seconds`."""

    def __init__(self, seconds: float, *, every_seconds: float, stall_seconds: float) -> None:
        self._seconds, self._every, self._stall = seconds, every_seconds, stall_seconds

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    def running(self) -> int:
        return 0

    async def send(self, prompt: Any, timing: Timing) -> Reply:
        timing.start()
        await asyncio.sleep(self._seconds)
        into = asyncio.get_running_loop().time() % self._every
        if into > self._every - self._stall:
            await asyncio.sleep(self._every - into)
        timing.end()
        return Reply(ALLOWED)
