"""From one text to its scores: cut, hash, count, in turns of so many features that none of it leaves the cache."""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from aligntax_kernels.compilation import kernel
from aligntax_kernels.intrinsics import load_u64
from aligntax_kernels.linear import layout
from aligntax_kernels.linear.counting import count_features, roomy, scale_scores
from aligntax_kernels.linear.cutting import SLACK, cut_characters, cut_padded_words, cut_words
from aligntax_kernels.linear.hashing import hash_characters, hash_words

__all__ = ["score_text"]

_FEATURES_A_TURN = 1024


@kernel(types.void(types.uint64, types.uint64, types.uint64, types.uint64, types.float64[::1]))
def score_text(
    at: np.uint64, length: np.uint64, settings: np.uint64, kinds: np.uint64, sums: NDArray[np.float64]
) -> None:
    """Write the scores of a text, the linear function of its features.

    Args:
        at: address of the text's UTF-8.
        length: of the text, in bytes.
        settings: address of the model's block.
        kinds: address of the flags of all code points; 0 for a text that is ASCII and not yet lower-cased.
        sums: float64, (outputs + 1,): gets the scores; the last is used meanwhile.
    """
    analyzer = load_u64(settings + np.uint64(layout.ANALYZER))
    least = load_u64(settings + np.uint64(layout.LEAST))
    most = load_u64(settings + np.uint64(layout.MOST))
    multiplier = load_u64(settings + np.uint64(layout.MULTIPLIER))
    counts = load_u64(settings + np.uint64(layout.BINARY)) | load_u64(settings + np.uint64(layout.NORM))
    words = analyzer == np.uint64(layout.WORD_ANALYZER)
    padded = analyzer == np.uint64(layout.PADDED_ANALYZER)
    buffer = np.empty(np.int64(length) + SLACK, np.uint8)
    ends = np.empty(np.int64(length) // 2 + 1, np.int64)
    if words:
        parts = units = cut_words(at, length, settings, kinds, buffer, ends)
    elif padded:
        parts = cut_padded_words(at, length, settings, kinds, buffer, ends)
        units = length + np.uint64(2)
    else:
        parts = np.uint64(1)
        units = cut_characters(at, length, settings, kinds, buffer)
        ends[0] = np.int64(units)
    # No feature is longer than the text, however long the model would let it be.
    a_start = max(min(most, units), least) - least + np.uint64(1)
    most = least + a_start - np.uint64(1)
    room = max(a_start, min(units * a_start, np.uint64(_FEATURES_A_TURN)))
    hashes = np.empty(np.int64(room), np.uint32)
    table = np.zeros((0, 2), np.int64)
    part = start = begin = used = written = np.uint64(0)
    sums[:] = 0.0
    while part < parts:
        if words:
            part, written = hash_words(buffer, ends, parts, part, least, most, hashes)
        else:
            stop = np.uint64(ends[part]) + np.uint64(padded)
            whole = padded and start == begin
            start, written = hash_characters(buffer, start, stop, least, most, whole, hashes, written)
            if start == stop:
                part += np.uint64(1)
                # A padded word ends with its space, and with the same one begins the next.
                start = begin = stop - np.uint64(padded)
            if part < parts and written + a_start <= room:
                continue
        if counts:
            table = roomy(table, used, written, multiplier)
        used = count_features(hashes, written, settings, table, used, sums)
        written = np.uint64(0)
    scale_scores(sums, settings)
