"""Which configurations nobody should choose: another one is at least as good in everything, and better in something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from aligntax.inference import Estimate

__all__ = ["Option", "Standing", "front", "points"]


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


def points(objectives: Sequence[str], options: Sequence[Option]) -> list[dict[str, Any]]:
    """Return configurations as plain data: their costs by objective, and where they stand.

    Raises:
        ValueError: as `front`, and if there are not as many objectives as costs.
    """
    return [
        {
            "name": option.name,
            **{objective: cost.to_dict() for objective, cost in zip(objectives, option.costs, strict=True)},
            "dominated": bool(standing.dominated_by),
            "dominated_by": list(standing.dominated_by),
            "clearly": standing.clearly,
        }
        for option, standing in zip(options, front(options), strict=True)
    ]


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
