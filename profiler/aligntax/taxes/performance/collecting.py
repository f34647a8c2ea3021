"""Samples as they are read: a few numbers an item, whatever else its line holds."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np

from aligntax.taxes.lines import key_of
from aligntax.taxes.performance.scores import Samples

__all__ = ["MAX_ITEMS", "Collector", "field_of"]

MAX_ITEMS = 50_000_000
"""Of one task: 24 bytes each, and 8 more for each metric and for a group."""


class Collector:
    """Takes the items of one task and filter, and gives them back sorted by identity.

    Items whose text is the same have the same hash. They are told apart by their number in the data set, and paired in
    its order; two items that share both are one item twice.

    Args:
        source: name of the file.
        identified_by: the field that the ids are of.
        metrics: which scores an item has.
        counted: what places count: the file's lines or its items.
    """

    def __init__(self, source: str, identified_by: str, metrics: Sequence[str], counted: str = "line") -> None:
        self.source = source
        self.counted = counted
        self.identified_by = identified_by
        self.metrics = tuple(metrics)
        self._ids, self._orders, self._places = array("Q"), array("q"), array("q")
        self._clusters = array("Q")
        self._values = {metric: array("d") for metric in metrics}

    def __len__(self) -> int:
        """Return how many items were taken."""
        return len(self._ids)

    def take(self, identity: str, order: int, place: int, values: Sequence[float], cluster: str | None) -> None:
        """Take one item.

        Args:
            identity: of the item.
            order: its number in the data set.
            place: of its line, or of itself, from 1.
            values: one for each metric.
            cluster: what it is grouped by; of all items or of none.

        Raises:
            ValueError: if there are too many.
        """
        if len(self._ids) >= MAX_ITEMS:
            raise ValueError(f"{self.source}: more than {MAX_ITEMS:,} items of one task; split the file")
        self._ids.append(key_of(identity))
        self._orders.append(order)
        self._places.append(place)
        for metric, value in zip(self.metrics, values, strict=True):
            self._values[metric].append(value)
        if cluster is not None:
            self._clusters.append(key_of(cluster))

    def samples(self) -> dict[str, Samples]:
        """Return the items by metric."""
        ids, orders, places = (np.array(each) for each in (self._ids, self._orders, self._places))
        sorting = np.lexsort((places, orders, ids))
        ids, orders, places = ids[sorting], orders[sorting], places[sorting]
        twice = np.flatnonzero((ids[1:] == ids[:-1]) & (orders[1:] == orders[:-1]))
        flaw = None
        if twice.size:
            first, second = sorted(int(place) for place in places[twice[0] : twice[0] + 2])
            flaw = (
                "duplicate_ids",
                f"{self.source}: {self.counted}s {first:,} and {second:,} are the same item by {self.identified_by}, "
                f"as are {twice.size:,} pairs in all; keep one {self.counted} for each item",
            )
        clusters = np.array(self._clusters)[sorting] if self._clusters else None
        return {
            metric: Samples(
                ids, np.array(values)[sorting], places, clusters, self.identified_by, self.source, self.counted, flaw
            )
            for metric, values in self._values.items()
        }


def field_of(row: Any, path: str) -> str | None:
    """Return a field of a row, e.g. `doc.passage`, as a string; None where it is missing or null."""
    for name in path.split("."):
        if not isinstance(row, dict) or name not in row:
            return None
        row = row[name]
    return None if row is None or isinstance(row, dict | list) else str(row)
