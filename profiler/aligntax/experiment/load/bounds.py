"""What a load may take in all its windows together: so many requests of each arm, and a search so much time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from aligntax.clock import Clock
from aligntax.experiment.load.plan import Plan, SearchPlan

__all__ = ["Bound", "Bounds"]

Bound = Literal["budget", "requests"]


class Bounds:
    """Counts what a search has taken, and says when it may take no more.

    Args:
        plan: of the load.
        search: of the search.
        sent: how many requests each arm was sent before it.
        clock: in nanoseconds; the search begins now.
    """

    def __init__(self, plan: Plan, search: SearchPlan, sent: Mapping[str, int], clock: Clock) -> None:
        self._most_requests = plan.max_requests
        self._most_seconds = search.budget_seconds
        self._sent = dict(sent)
        self._clock = clock
        self._started_ns = clock()

    @property
    def elapsed_seconds(self) -> float:
        """How long the search has taken."""
        return (self._clock() - self._started_ns) / 1e9

    def add(self, arm: str, requests: int) -> None:
        """Count requests that an arm was sent."""
        self._sent[arm] = self._sent.get(arm, 0) + requests

    def beyond(self, arm: str, rate: float, requests: int) -> Bound | None:
        """Return which bound a window would go beyond: that of time, or of requests; None: neither."""
        if requests / rate > self._most_seconds - self.elapsed_seconds:
            return "budget"
        return "requests" if self._sent.get(arm, 0) + requests > self._most_requests else None

    def told(self, bound: Bound) -> str:
        """Return in words that the search ended at a bound, and the mend."""
        if bound == "budget":
            reason = f"another trial would have taken it beyond its {self._most_seconds:g} s (--search-seconds)"
        else:
            reason = f"another trial would have sent an arm more than {self._most_requests:,} requests in all"
        return (
            f"load: the search for the highest rate ended early: {reason}. What is told of it is what was seen until "
            "then; give it more time, name a rate nearer to the highest one, or ask for a lower quantile"
        )
