"""Sections in series: cut a timeline into stretches that can be divided among the guards one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from aligntax.attribution.replay import Replay, critical_path, order
from aligntax.attribution.shapley import Shares, airport, exact, sampled
from aligntax.attribution.timeline import WorkItem

EXACT_PLAYERS = 8  # 256 replays of the section; every further guard doubles them
MOST_PAIRS = 512
FEWEST_PAIRS = 32  # fewer would make the standard error itself a guess
SAMPLED_ITEMS = 500_000  # work items to replay for one section at most, unless even the fewest pairs take more


class Settlement(NamedTuple):
    """What one section of several items books on whom.

    Attributes:
        critical: the items on its critical path.
        players: the guards that divide its delay.
        drags_ns: per player, by how much the section is shorter without it alone.
        shares: per player, its part of the delay.
    """

    critical: list[WorkItem]
    players: list[str]
    drags_ns: list[int]
    shares: Shares


def cut(items: Sequence[WorkItem]) -> Iterator[list[WorkItem]]:
    """Cut sorted work items wherever all that came before had ended before anything after it started.

    Every item behind a cut has every item ahead of it among its predecessors. So whichever guards are taken out, a
    section starts when the one before it ends, plus the observed gap, and the durations of the sections and gaps add
    up to the request's. The game is thus the sum of its sections' games, and the Shapley value is additive over games.

    Args:
        items: sorted work items.

    Yields:
        The sections in order; in a section of several items, no item starts after all before it have ended.
    """
    section: list[WorkItem] = []
    latest_ns = 0
    for item in items:
        if section and item.start_ns >= latest_ns:
            yield section
            section = []
        if not section or item.end_ns > latest_ns:
            latest_ns = item.end_ns
        section.append(item)
    if section:
        yield section


def settle(section: Sequence[WorkItem], seed: str) -> Settlement:
    """Divide the delay of one section among its guards, by the cheapest of the ways that is exact for its shape.

    Args:
        section: sorted work items that overlap.
        seed: chooses the sampled orders; sections with seeds of their own have independent errors.

    Returns:
        The settlement. Its shares are exact unless more than 8 guards overlap in a shape without a closed form.
    """
    happened = order(section)
    critical = critical_path(section, happened)
    # A guard that took no time in this section adds nothing to any set of guards.
    players = sorted({item.owner for item in section if not item.is_model and item.end_ns > item.start_ns})

    # Nothing happened before anything: the section is as long as its longest item. A guard that is taken out
    # leaves its offset behind, as application time, so nothing can pull the end ahead of the last start.
    if len(happened.rest) == len(section):
        return Settlement(critical, players, *_fork_join(section, players))

    replay = Replay(section, happened, players)
    everyone = (1 << len(players)) - 1
    raw_ns = replay.length_ns(0)

    @cache
    def worth(present: int) -> int:
        return replay.length_ns(present) - raw_ns

    whole = worth(everyone)
    # A larger set of guards never ends earlier, so no set costs more than all of them: hidden together, hidden each.
    if whole == 0:
        return Settlement(critical, players, [0] * len(players), Shares([0] * len(players), 1))
    if len(players) == 1:
        return Settlement(critical, players, [whole], Shares([whole], 1))
    drags_ns = [whole - worth(everyone & ~(1 << player)) for player in range(len(players))]
    if len(players) <= EXACT_PLAYERS:
        return Settlement(critical, players, drags_ns, exact(worth, len(players)))
    affordable = SAMPLED_ITEMS // (2 * len(players) * len(section))
    pairs = max(FEWEST_PAIRS, min(MOST_PAIRS, affordable))
    return Settlement(critical, players, drags_ns, sampled(worth, len(players), pairs, seed))


def _fork_join(section: Sequence[WorkItem], players: list[str]) -> tuple[list[int], Shares]:
    floor_ns = section[-1].start_ns
    ends_ns = dict.fromkeys(players, floor_ns)
    for item in section:
        if item.is_model:
            floor_ns = max(floor_ns, item.end_ns)
        elif item.owner in ends_ns:
            ends_ns[item.owner] = max(ends_ns[item.owner], item.end_ns)
    costs = [max(0, end_ns - floor_ns) for end_ns in ends_ns.values()]
    # Taking out one guard helps only down to the next longest, and only if it is the longest.
    second, first = sorted([0, 0, *costs])[-2:]
    drags_ns = [cost - second if cost == first else 0 for cost in costs]
    return drags_ns, airport(costs)
