"""Loads in simulated time, and a server that takes as long as it is told."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.experiment.load.virtual_time import VirtualTime

from aligntax.experiment.load import (
    Arm,
    Arrivals,
    Plan,
    Reply,
    Timing,
    run_load,
)
from aligntax.experiment.load.records import ALLOWED, ERROR

PROMPTS = [f"prompt {number}" for number in range(7)]


POISSON = Arrivals("poisson", 20.0, seed=1)


def loaded(arms: dict[str, Any], plan: Plan, **more: Any) -> dict[str, Any]:
    time = VirtualTime()
    found = time.run(
        run_load(
            {name: arm if isinstance(arm, Arm) else Arm(arm) for name, arm in arms.items()},
            PROMPTS,
            plan,
            clock=time.clock,
            pace=time.pace,
            **more,
        )
    )
    json.dumps(found, allow_nan=False)  # a result file holds it as it is
    return found


class Fixed:
    """Takes as long as it is told, for each prompt."""

    def __init__(self, seconds: float, outcome: str = ALLOWED, *, sometimes: str | None = None) -> None:
        self._seconds, self._outcome, self._sometimes = seconds, outcome, sometimes
        self.events: list[str] = []

    async def open(self) -> None:
        self.events.append("open")

    async def close(self) -> None:
        self.events.append("close")

    def running(self) -> int:
        return 0

    async def send(self, prompt: Any, timing: Timing) -> Reply:
        self.events.append(prompt)
        timing.start()
        await asyncio.sleep(self._seconds)
        timing.end()
        special = self._sometimes is not None and prompt == "prompt 3"
        outcome = self._sometimes if special and self._sometimes else self._outcome
        return Reply(outcome, "broken" if outcome == ERROR else None)
