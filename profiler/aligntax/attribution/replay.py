"""Replay of observed work with some guards taken out, and the path that decided when it ended.

Happens-before is inferred from times: an item may depend on every item that ended at or before its start, and on no
item that it overlaps. In a replay an item starts when the last of those has ended, plus the gap that was observed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from aligntax.attribution.timeline import WorkItem


class Order(NamedTuple):
    """Which items have ended by when, each named once.

    Attributes:
        ended: for each item, the items that ended before it starts but not yet before the item ahead of it.
        rest: the items that had not ended before the last one started.
    """

    ended: list[list[int]]
    rest: list[int]


def order(items: Sequence[WorkItem]) -> Order:
    """Sort out which items happened before which.

    Args:
        items: sorted work items.

    Returns:
        The order in O(n log n) time and O(n) space, however many pairs of items are ordered.
    """
    by_end = sorted(range(len(items)), key=lambda index: items[index].end_ns)
    ended = []
    position = 0
    for index, item in enumerate(items):
        first = position
        # The index keeps items of length zero that fall on one instant from each preceding the other. An item
        # never passes itself here, so the position stays inside the list.
        while by_end[position] < index and items[by_end[position]].end_ns <= item.start_ns:
            position += 1
        ended.append(by_end[first:position])
    return Order(ended, by_end[position:])


class Replay:
    """The replay of one section: how long it takes with any choice of its guards.

    Args:
        items: sorted work items.
        order: their order.
        players: the guards that can be taken out; the other items always run.
    """

    __slots__ = ("_always", "_steps")

    def __init__(self, items: Sequence[WorkItem], order: Order, players: Sequence[str]) -> None:
        bits = {player: 1 << position for position, player in enumerate(players)}
        self._always = 1 << len(players)
        self._steps: list[tuple[list[int], int, int, int]] = []
        latest_ns = items[0].start_ns
        for item, ended in zip(items, order.ended, strict=True):
            if ended:
                latest_ns = items[ended[-1]].end_ns
            bit = bits.get(item.owner, self._always)
            self._steps.append((ended, item.start_ns - latest_ns, item.end_ns - item.start_ns, bit))

    def length_ns(self, present: int) -> int:
        """Return the time from the start of the first item to the end of the last.

        Args:
            present: bit set whose bit i says that player i runs; a player that doesn't takes no time.

        Returns:
            Nanoseconds, in O(n).
        """
        present |= self._always
        latest_ns = 0
        ends_ns: list[int] = []
        for ended, gap_ns, duration_ns, bit in self._steps:
            for index in ended:
                if ends_ns[index] > latest_ns:
                    latest_ns = ends_ns[index]
            ends_ns.append(latest_ns + gap_ns + duration_ns if bit & present else latest_ns + gap_ns)
        return max(ends_ns)


def critical_path(items: Sequence[WorkItem], order: Order) -> list[WorkItem]:
    """Walk back from the item that ended last, always to the item that ended last before.

    Of items that ended together the model's binds, then the one that started first.

    Args:
        items: sorted work items.
        order: their order.

    Returns:
        The items of the critical path, last one first. The time between them belongs to no layer.
    """
    binding: list[int | None] = []
    latest: int | None = None
    for ended in (*order.ended, order.rest):
        for index in ended:
            # They come in order of end, then start: of those that end together, the first stays until a model's.
            if latest is None or _binds(items[index], items[latest]):
                latest = index
        binding.append(latest)
    path = []
    while latest is not None:
        path.append(items[latest])
        latest = binding[latest]
    return path


def _binds(item: WorkItem, other: WorkItem) -> bool:
    return (item.end_ns, item.is_model) > (other.end_ns, other.is_model)
