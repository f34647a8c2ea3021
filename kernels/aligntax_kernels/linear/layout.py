"""A model as the compiled scorer reads it: one block of integers, passed as one address.

An address is the cheapest argument of all; unboxing a dozen others would cost more than scoring a short text.
"""

from __future__ import annotations

import secrets
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aligntax_kernels.linear.model import ANALYZERS, LINKS, NORMS, Model
from aligntax_kernels.linear.stop_words import table_of

__all__ = ["Layout", "layout_of"]

# Where each field lies in the block, in bytes.
ANALYZER, LEAST, MOST, LOWERCASE, COLUMNS, SIGNED, BINARY, NORM, LINK, OUTPUTS = range(0, 80, 8)
WEIGHTS, INTERCEPTS, STOP_SLOTS, STOP_MASK, STOP_SPELLED, MULTIPLIER = range(80, 128, 8)

WORD_ANALYZER, CHARACTER_ANALYZER, PADDED_ANALYZER = range(len(ANALYZERS))
NO_NORM, L1, L2 = range(len(NORMS))
LOGISTIC, SOFTMAX, HUBER = range(len(LINKS))


class Layout(NamedTuple):
    """The block's address, and everything that must stay alive while the address is used."""

    address: int
    owners: tuple[Any, ...]


def layout_of(model: Model) -> Layout:
    """Return the block of a model; weights and intercepts stay where they are."""
    features = model.features
    stop_words = table_of(features.stop_words)
    fields = {
        ANALYZER: ANALYZERS.index(features.analyzer),
        LEAST: features.ngram_range[0],
        MOST: features.ngram_range[1],
        LOWERCASE: features.lowercase,
        COLUMNS: features.columns,
        SIGNED: features.alternate_sign,
        BINARY: features.binary,
        NORM: NORMS.index(features.norm),
        LINK: LINKS.index(model.link),
        OUTPUTS: len(model.intercepts),
        WEIGHTS: model.weights.ctypes.data,
        INTERCEPTS: model.intercepts.ctypes.data,
        STOP_SLOTS: stop_words.slots.ctypes.data,
        STOP_MASK: len(stop_words.slots) - 1 if features.stop_words else 0,
        STOP_SPELLED: stop_words.spelled.ctypes.data,
        MULTIPLIER: secrets.randbits(64) | 1,
    }
    block: NDArray[np.uint64] = np.array([fields[offset] for offset in sorted(fields)], np.uint64)
    return Layout(block.ctypes.data, (block, model, stop_words))
