"""The arms of an experiment: the same pipeline with some of its guards left out."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["GUARDED", "HOP", "NULL", "ONLY", "RAW", "WITHOUT", "Arm", "arms_of", "orders"]

RAW, GUARDED, NULL, HOP = "raw", "guarded", "null", "hop"
ONLY, WITHOUT = "only:", "without:"


@dataclass(frozen=True, slots=True)
class Arm:
    """A pipeline with some of its guards left out.

    Attributes:
        name: `raw` without all guards, `guarded` with all; `null` is the same as `raw` (A/A); `only:NAME` has one guard
            alone, and `without:NAME` lacks one. `hop` is a proxy without any guard, where `raw` is what is behind it.
        bypassed: names of the guards that are left out.
    """

    name: str
    bypassed: frozenset[str]


def arms_of(guards: Sequence[str], *, each: bool = False) -> list[Arm]:
    """Return the arms for a pipeline with these guards.

    Args:
        guards: their names.
        each: whether each guard is also measured alone, and left out. With one guard these are no others.
    """
    everything = frozenset(guards)
    arms = [Arm(RAW, everything), Arm(GUARDED, frozenset()), Arm(NULL, everything)]
    if each and len(guards) > 1:
        arms += [Arm(ONLY + name, everything - {name}) for name in guards]
        arms += [Arm(WITHOUT + name, frozenset({name})) for name in guards]
    return arms


def orders(count: int, seed: int) -> Iterator[list[int]]:
    """Yield, without end, the order in which to run `count` arms: one drawn at random, then the same backwards.

    Whatever drifts linearly while two neighbouring orders run cancels out between them.
    """
    drawn = random.Random(seed)  # noqa: S311 (an order is no secret)
    while True:
        order = list(range(count))
        drawn.shuffle(order)
        yield order
        yield order[::-1]
