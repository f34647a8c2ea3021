"""Which configurations nobody should choose: another one is at least as good in everything, and better in something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from aligntax.inference import Estimate

__all__ = ["Option", "Standing", "front"]


class Option(NamedTuple):
    """A configuration.

    Attributes:
        name: of it.
        costs: what it is judged by, in the same order for all; less is better.
    """

    name: str
    costs: tuple[Estimate, ...]


class Standing(NamedTuple):
    """What the others say of a configuration.

    Attributes:
        dominated_by: names of those that are at least as good in every cost, and better in one; empty on the front.
        clearly: whether one of them is better in some cost by more than both intervals.
    """

    dominated_by: tuple[str, ...]
    clearly: bool


def front(options: Sequence[Option]) -> list[Standing]:
    """Return, for each configuration, which others dominate it, by the point estimates.

    Raises:
        ValueError: if they are not all judged by as many costs.
    """
    if len({len(option.costs) for option in options}) > 1:
        raise ValueError("options have different numbers of costs; judge all by the same ones")
    return [_standing(option, options) for option in options]


def _standing(option: Option, options: Sequence[Option]) -> Standing:
    better = [other for other in options if other is not option and _dominates(other, option)]
    clearly = any(
        theirs.high is not None and own.low is not None and theirs.high < own.low
        for other in better
        for theirs, own in zip(other.costs, option.costs, strict=True)
    )
    return Standing(tuple(other.name for other in better), clearly)


def _dominates(other: Option, option: Option) -> bool:
    pairs = [(theirs.value, own.value) for theirs, own in zip(other.costs, option.costs, strict=True)]
    return all(theirs <= own for theirs, own in pairs) and any(theirs < own for theirs, own in pairs)
