"""Arms under load, one after the other: never is one begun while another's requests are in flight."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aligntax.clock import Clock
from aligntax.experiment.load.arrivals import Arrivals
from aligntax.experiment.load.driver import Counts, Limits, Window, drive
from aligntax.experiment.load.pace import Pace
from aligntax.experiment.load.records import Arm, Call

__all__ = ["Stuck", "Turns"]

_LOOK_SECONDS = 0.01


class Stuck(Exception):  # noqa: N818 (says what happened)
    """Calls of an arm that go on after their time-out; the next arm cannot begin, since it would share them."""


class Turns:
    """Puts one arm at a time under load.

    Args:
        arms: by name.
        prompts: what they are asked.
        limits: of requests in flight, and of time.
        stop: once set, everything ends.
        clock: in nanoseconds.
        pace: how to wait; None for the driver's own way.
    """

    def __init__(
        self,
        arms: Mapping[str, Arm],
        prompts: Sequence[Any],
        limits: Limits,
        *,
        stop: asyncio.Event,
        clock: Clock,
        pace: Pace | None,
    ) -> None:
        self.stop = stop
        self.clock = clock
        self._arms = arms
        self._prompts = prompts
        self._limits = limits
        self._pace = pace

    async def window(
        self,
        arm: str,
        arrivals: Arrivals,
        *,
        number: int,
        first: int = 0,
        seconds: float | None = None,
        count: int | None = None,
        give_up: Callable[[Call], bool] | None = None,
        on_progress: Callable[[Counts], None] | None = None,
    ) -> Window:
        """Put one arm under load.

        Args:
            arm: its name.
            arrivals: how requests arrive.
            number: of the window, which chooses Poisson arrivals: the same in every arm.
            first: which prompt is the first.
            seconds: how long.
            count: how many requests at most; one of the two is needed.
            give_up: see `drive`.
            on_progress: see `drive`.

        Raises:
            Stuck: if calls of another window do not end.
        """
        chosen = self._arms[arm]
        await self._settle()
        if chosen.begin is not None:
            chosen.begin()
        turn = first % len(self._prompts)
        return await drive(
            chosen.target,
            arrivals.offsets(seconds=seconds, count=count, seed=number),
            [*self._prompts[turn:], *self._prompts[:turn]],
            self._limits,
            stop=self.stop,
            give_up=give_up,
            on_progress=on_progress,
            clock=self.clock,
            pace=self._pace,
        )

    async def _settle(self) -> None:
        until_ns = self.clock() + round(self._limits.timeout_seconds * 1e9)
        for name, arm in self._arms.items():
            while arm.target.running():
                if self.clock() > until_ns or self.stop.is_set():
                    raise Stuck(
                        f"{arm.target.running()} calls of arm {name!r} that had been given up still ran after up to "
                        f"{self._limits.timeout_seconds:g} s more, so no other arm was begun; give them more time, or "
                        "mend what hangs"
                    )
                await asyncio.sleep(_LOOK_SECONDS)
