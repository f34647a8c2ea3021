"""One prompt through every arm, and the warm-up that is made of such turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aligntax.experiment.arms import orders
from aligntax.experiment.call import Measurement

__all__ = ["Turns", "WarmUp", "warm_up"]

LOOK_SECONDS = 1.0
"""After which whoever wants it to end is asked again also between two arms: requests may be slow, and arms many. To ask
more often would set the arms of quick requests apart."""
MAX_NOTED = 10_000


class Turns:
    """Sends prompts through all arms, in an order that is drawn anew for each second one, and turned round between.

    Args:
        arms: what answers a prompt and says how long it took.
        seed: of the orders.
    """

    def __init__(self, arms: Mapping[str, Callable[[Any], Measurement]], seed: int) -> None:
        self._arms = arms
        self._names = list(arms)
        self._orders = orders(len(arms), seed)

    def take(self, prompt: Any, go_on: Callable[[], bool]) -> dict[str, Measurement] | None:
        """Return what every arm took for one prompt; None if `go_on` said no before the last of them."""
        one: dict[str, Measurement] = {}
        looked = time.monotonic()
        for place in next(self._orders):
            if one and time.monotonic() - looked >= LOOK_SECONDS:
                if not go_on():
                    return None
                looked = time.monotonic()
            name = self._names[place]
            one[name] = self._arms[name](prompt)
        return one


@dataclass(slots=True)
class WarmUp:
    """What a warm-up took; none of it counts.

    Attributes:
        seconds: of the first `MAX_NOTED` requests of each arm.
        cut: how many prompts there should have been more, when the time for them was up.
        ended: whether somebody wanted it to end.
    """

    seconds: dict[str, list[float]] = field(default_factory=dict)
    cut: int = 0
    ended: bool = False


def warm_up(
    turns: Turns, prompts: Sequence[Any], *, rounds: int, budget_seconds: float, told: Callable[[float], bool]
) -> WarmUp:
    """Send every prompt through every arm a few times.

    Args:
        turns: sends one.
        prompts: what to ask.
        rounds: how often.
        budget_seconds: after which no more is asked.
        told: is told which share is done; returns whether to go on.

    Raises:
        Exception: what an arm raised.
    """
    found = WarmUp()
    until = time.monotonic() + budget_seconds
    total = rounds * len(prompts)
    for turn in range(total):

        def go_on(done: float = turn / total) -> bool:
            found.ended = not told(done)
            return not found.ended and time.monotonic() < until

        one = turns.take(prompts[turn % len(prompts)], go_on)
        for name, measurement in (one or {}).items():
            noted = found.seconds.setdefault(name, [])
            if len(noted) < MAX_NOTED:
                noted.append(measurement.seconds)
        if one is not None:
            found.ended = not told((turn + 1) / total)
        if found.ended:
            break
        if one is None or time.monotonic() >= until:
            found.cut = total - turn - (one is not None)
            break
    return found
