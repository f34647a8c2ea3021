"""Interleaved measurement: rounds in which every arm runs once, in random order, and what such rounds say.

Arms that alternate see the same machine: a neighbour's load or a change of the clock rate meets all of them alike.
What is compared are medians over rounds; their intervals come from the rounds themselves, not from a model of noise.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FunctionType
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from aligntax.tax import quantile_ranks

Float64Array = NDArray[np.float64]
Arm = Callable[[], float]
Function = TypeVar("Function", bound=Callable[..., Any])

RESAMPLES = 4_000
CONFIDENCE = 0.95


class Estimate(NamedTuple):
    """A median with its 95 % interval; the interval is None where there are too few values for one."""

    median: float
    interval: tuple[float, float] | None


def own_code(function: Function) -> Function:
    """Return a copy of a function whose bytecode specialises for itself.

    The interpreter adapts each place in the code to what it meets there. A loop that is used for several arms would
    meet a different callee for each and adapt to none, as no place in a program does that calls one guard.
    """
    copy = FunctionType(
        function.__code__.replace(),
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    return cast(Function, copy)


def interleave(arms: Mapping[str, Arm], rounds: int, seed: int = 0) -> dict[str, Float64Array]:
    """Run every arm once per round, in an order drawn anew for each round.

    The garbage collector stays as the program has it, since its passes are part of what code costs in production; a
    full collection before each arm keeps one arm's litter out of the next one's time. Then every arm runs twice, and
    the second run counts: what is compared are programs under load, whose caches hold their own code and whose
    allocator has memory at hand, and not what the arm before has left of either. One round before the first is thrown
    away: it lets the interpreter specialise its bytecode.

    Args:
        arms: what each arm does; returns its own measurement of one round.
        rounds: how many rounds count.
        seed: of the orders.

    Returns:
        What each arm said in each round, shape (rounds,).
    """
    if rounds < 1:
        raise ValueError(f"rounds={rounds}: at least one round is needed to measure anything")
    order = random.Random(seed)
    said: dict[str, list[float]] = {name: [] for name in arms}
    for round_number in range(rounds + 1):
        names = list(arms)
        order.shuffle(names)
        for name in names:
            gc.collect()
            arms[name]()
            value = arms[name]()
            if round_number:
                said[name].append(value)
    return {name: np.array(values, dtype=np.float64) for name, values in said.items()}


@contextmanager
def frozen_heap() -> Iterator[None]:
    """Keep what is there at the beginning out of every garbage collection until the end.

    What a large peer imports outlives the benchmark; looking through it before each arm would take most of the time.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def median(values: Float64Array) -> Estimate:
    """Return the median over rounds, and its distribution-free interval from order statistics."""
    return quantile(values, 0.5)


def quantile(values: Float64Array, q: float) -> Estimate:
    """Return the `q` quantile of independent values, and its distribution-free interval from order statistics."""
    ranks = quantile_ranks(len(values), q, CONFIDENCE)
    ordered = np.sort(values)
    interval = None if ranks is None else (float(ordered[ranks[0] - 1]), float(ordered[ranks[1] - 1]))
    return Estimate(float(np.quantile(values, q)), interval)


def ratio_of_medians(above: Float64Array, below: Float64Array, seed: int = 0) -> Estimate:
    """Return median(above) / median(below) and its bootstrap interval, whole rounds drawn with replacement.

    Rounds are drawn whole because the arms of one round share its disturbances. Source: Efron and Tibshirani, An
    Introduction to the Bootstrap, section 13.3 (percentile interval).

    Raises:
        ValueError: if the arms do not have the same number of rounds.
    """
    if above.shape != below.shape:
        raise ValueError(f"arms of {len(above)} and {len(below)} rounds cannot be paired; run them in one interleave")
    drawn = np.random.default_rng(seed).integers(len(above), size=(RESAMPLES, len(above)))
    ratios = np.median(above[drawn], axis=1) / np.median(below[drawn], axis=1)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(ratios, [tail, 1 - tail])
    return Estimate(float(np.median(above) / np.median(below)), (float(low), float(high)))


def garbage_collector() -> dict[str, Any]:
    """Return the state of the garbage collector, which decides what allocation costs."""
    return {"enabled": gc.isenabled(), "thresholds": list(gc.get_threshold()), "frozen": gc.get_freeze_count()}
