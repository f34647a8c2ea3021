"""Adds up the ledgers of workers. Nothing is lost: what has no row of its own is counted as `other`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from aligntax.ledger import Ledger
from aligntax.ledger_fields import NO_MODEL, OTHER
from aligntax.trace import Layer

MAX_MERGED_LAYERS = 1024
MAX_MERGED_MODELS = 256


def merged(ledgers: Sequence[Ledger]) -> Ledger:
    """Return the sum of ledgers that nobody else writes to.

    Layers that have a name in common and mean different things in two workers keep rows of their own. There is room
    for `MAX_MERGED_LAYERS` layers and `MAX_MERGED_MODELS` models, in the order of the ledgers; further layers are
    counted as one called `other` of the same kind and stage, further models as requests without one.
    """
    layers = list(dict.fromkeys(layer for ledger in ledgers for layer in ledger.layers))
    rows = {layer: row for row, layer in enumerate(layers[:MAX_MERGED_LAYERS])}
    kept = list(rows)
    for layer in layers[MAX_MERGED_LAYERS:]:
        other = other_than(layer)
        if other not in rows:
            rows[other] = len(kept)
            kept.append(other)
        rows[layer] = rows[other]
    models = list(dict.fromkeys([NO_MODEL, *(model for ledger in ledgers for model in ledger.models)]))
    models = models[:MAX_MERGED_MODELS]
    total = Ledger(max(1, len(kept)), max(2, len(models)))
    total.layers, total.models = kept, models
    # Rows may be full of names of which some were no longer used; they were no bother then, and are none now.
    for ledger in ledgers:
        total.add(ledger, [rows[layer] for layer in ledger.layers])
    return total


def all_running(running: Iterable[Mapping[Layer, int]], layers: Sequence[Layer]) -> Mapping[Layer, int]:
    """Return the sum of calls in progress, for the layers of a merged ledger."""
    known = set(layers)
    total: Counter[Layer] = Counter()
    for counts in running:
        for layer, count in counts.items():
            total[layer if layer in known else other_than(layer)] += count
    return total


def other_than(layer: Layer) -> Layer:
    """Return the layer that stands for those of its kind and stage that have no row of their own."""
    return Layer(OTHER, layer.kind, layer.stage)
