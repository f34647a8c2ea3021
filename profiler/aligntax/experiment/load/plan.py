"""What a load consists of, and how far it has come."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from aligntax.experiment.load.arrivals import MAX_ARRIVALS, MAX_RATE, MIN_RATE, Arrivals
from aligntax.experiment.load.capacity import check_tolerance
from aligntax.experiment.load.driver import Counts, Limits
from aligntax.experiment.load.objective import Objective, Slo

__all__ = ["SEARCH_SECONDS", "SECONDS", "Plan", "Progress", "SearchPlan"]

SECONDS = 30.0
SEARCH_SECONDS = 600.0
MAX_WINDOWS = 1000
MAX_REQUESTS = MAX_ARRIVALS // 2  # of a trial, which has its warm-up besides
REACH = 64.0
"""How far from the load's own rate a search goes, as a factor: six doublings."""


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """How the highest rate is searched that keeps an objective.

    Attributes:
        objective: that is to be kept.
        requests: of a trial at least; None for four times as many as it takes to say anything about the quantile.
        extensions: how often a trial that cannot tell is repeated and added to, for as long as it may yet come to tell.
        tolerance: the bracket's width at which the search ends, as a share of the rate.
        budget_seconds: after which no further trial begins.

    Raises:
        ValueError: if one of them is out of range.
    """

    objective: Objective
    requests: int | None = None
    extensions: int = 3
    tolerance: float = 0.05
    budget_seconds: float = SEARCH_SECONDS

    def __post_init__(self) -> None:
        least = self.objective.smallest
        if self.requests is not None and not least <= self.requests <= MAX_REQUESTS:
            raise ValueError(
                f"requests={self.requests} of a trial say nothing about {self.objective}; "
                f"use {least} to {MAX_REQUESTS:,}"
            )
        if not 0 <= self.extensions <= 100:
            raise ValueError(f"extensions={self.extensions} must be 0 to 100")
        check_tolerance(self.tolerance)
        if not 0 < self.budget_seconds < math.inf:
            raise ValueError(f"budget_seconds={self.budget_seconds} must be a finite number above 0")

    @property
    def least_requests(self) -> int:
        """How many requests a trial has at least."""
        return self.requests or min(MAX_REQUESTS, 4 * self.objective.smallest)

    def requests_at(self, rate: float) -> int:
        """Return how many requests a trial has.

        At a rate that is too high by the tolerance, a line grows to the limit within limit / tolerance seconds. A trial
        goes on for twice as long, so that half of its requests would be late: many that come at once are no load.
        """
        seconds = 2 * self.objective.limit_seconds / self.tolerance
        return min(MAX_REQUESTS, max(self.least_requests, math.ceil(rate * seconds)))


@dataclass(frozen=True, slots=True)
class Plan:
    """One load: the same requests at the same rate to every arm, in turns.

    Attributes:
        arrivals: when requests are due.
        seconds: for how long they count, in each arm.
        windows: into how many turns that is cut.
        warm_up_seconds: at the start of each window, sent and not counted: a line that is empty is no typical one.
        limits: of requests in flight, and of time.
        max_requests: that each arm may be sent, in all windows and all trials of a search together.
        slo: what makes an answer a good one; None: no goodput.
        search: for the highest rate; None: there is none.

    Raises:
        ValueError: if one of them is out of range.
    """

    arrivals: Arrivals
    seconds: float = SECONDS
    windows: int = 4
    warm_up_seconds: float = 1.0
    limits: Limits = field(default_factory=Limits)
    max_requests: int = MAX_ARRIVALS
    slo: Slo | None = None
    search: SearchPlan | None = None

    def __post_init__(self) -> None:
        if not 0 < self.seconds < math.inf:
            raise ValueError(f"seconds={self.seconds} must be a finite number above 0")
        if not 1 <= self.windows <= MAX_WINDOWS:
            raise ValueError(f"windows={self.windows} must be 1 to {MAX_WINDOWS}")
        if not 0 <= self.warm_up_seconds < math.inf:
            raise ValueError(f"warm_up_seconds={self.warm_up_seconds} must be a finite number, not below 0")
        if self.arrivals.rate * self.window_seconds < 1:
            raise ValueError(
                f"{self.arrivals.rate:g} requests a second are less than one in a window of {self.window_seconds:g} s; "
                "load for longer, or in fewer windows"
            )
        if not 1 <= self.max_requests <= MAX_ARRIVALS:
            raise ValueError(f"max_requests={self.max_requests} must be 1 to {MAX_ARRIVALS:,}")
        due = self.arrivals.rate * self.window_seconds * self.windows
        if due > self.max_requests:
            raise ValueError(
                f"{self.arrivals.rate:g} requests a second for {self.seconds:g} s are {due:,.0f} to each arm, warm-up "
                f"included, and at most {self.max_requests:,} are sent; send fewer a second, or for less long"
            )

    @property
    def window_seconds(self) -> float:
        """How long a window is, its warm-up included."""
        return self.warm_up_seconds + self.seconds / self.windows

    @property
    def rates(self) -> tuple[float, float]:
        """The least and the highest rate that a search tries."""
        return max(MIN_RATE, self.arrivals.rate / REACH), min(MAX_RATE, self.arrivals.rate * REACH)


class Progress(NamedTuple):
    """How far a load has come.

    Attributes:
        stage: `"load"` or `"search"`.
        arm: that is under load now.
        rate: in requests a second.
        counts: of this window.
        elapsed_seconds: of the stage.
        total_seconds: of the stage: how long it takes, or may take; without what is in flight at the end of windows.
    """

    stage: str
    arm: str
    rate: float
    counts: Counts
    elapsed_seconds: float
    total_seconds: float
