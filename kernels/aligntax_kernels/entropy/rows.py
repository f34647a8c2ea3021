"""The statistics of rows of logits, each block of which is read from memory once and used while it is in the cache.

With p the probabilities, m the largest logit and S the mass of all but one token that has it, relative to that one's:
the entropy is log1p(S) + sum(p * (m - logit)). Both terms are sums of what is not negative, so that nothing cancels and
the entropy of a model that is nearly certain is as exact as any. Where a later block has a larger logit than all before
it, the sums are carried over to it: Milakov and Gimelshein, Online normalizer calculation for softmax, 2018.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types

from aligntax_kernels.compilation import kernel
from aligntax_kernels.entropy.blocks import BLOCK, block_of, count_equal, extremes, sums_below
from aligntax_kernels.entropy.faults import NO_NUMBER, NOTHING_ALLOWED, SOUND
from aligntax_kernels.entropy.lanes import LOG2_E, ROUNDING, exponential
from aligntax_kernels.entropy.nucleus import nucleus_of
from aligntax_kernels.entropy.reference import TOLERANCE

__all__ = ["measure_rows"]

_LN_2 = math.log(2.0)
_LOWEST, _HIGHEST = np.float32(-np.inf), np.float32(np.inf)

# From here on subtracting the largest logit from another that counts is exact (Sterbenz); below it, it is not.
_LARGE = np.float32(256.0)


@kernel(
    types.UniTuple(types.int64, 2)(  # type: ignore[no-untyped-call]
        types.uint64, types.int64, types.uint64, types.uint64, types.float64, types.float64[:, ::1]
    )
)
def measure_rows(address: Any, step: Any, vocabulary: Any, kind: Any, top_p: Any, statistics: Any) -> Any:
    """Write entropy, perplexity, largest probability, and size and mass of the nucleus of each row.

    Args:
        address: of the first row, aligned to its elements.
        step: bytes from one row to the next.
        vocabulary: how many logits a row has.
        kind: FLOAT32, FLOAT16 or BFLOAT16.
        top_p: of the nucleus; 0 for none.
        statistics: float64, (rows, 5).

    Returns:
        The first row that is no distribution, and NO_NUMBER where a logit is NaN or plus infinity, NOTHING_ALLOWED
        where all are minus infinity; or how many rows there are, and SOUND.
    """
    scratch = np.empty(BLOCK, np.float32)
    chosen = np.empty(np.int64(vocabulary) if top_p else 0, np.float32)
    for number in range(len(statistics)):
        row = address + np.uint64(step * number)
        highest = _LOWEST
        shift = largest = np.float32(0.0)
        rounding = ROUNDING
        origin = 0.0  # the logit whose mass is 1
        total = moment = peak = 0.0  # of what lies below the highest; the mass of one that does not
        ties = np.int64(0)
        for start in range(np.uint64(0), vocabulary, np.uint64(BLOCK)):
            values = block_of(row, start, min(vocabulary - start, np.uint64(BLOCK)), kind, scratch)
            least, most = extremes(values)
            if not (least >= _LOWEST and most < _HIGHEST):
                return number, NO_NUMBER
            if most == _LOWEST:
                continue
            if most > highest:
                shift = most if abs(most) >= _LARGE else np.float32(0.0)
                largest = most - shift
                scale = np.float32(np.rint(largest * LOG2_E))
                rounding = ROUNDING - scale
                if ties:
                    rise = np.float64(most) - np.float64(highest)
                    total += ties * peak
                    # What was the highest is a sum of masses now, and everything lies deeper by the rise.
                    factor = math.exp(origin - (np.float64(shift) + np.float64(scale) * _LN_2))
                    moment = (moment + rise * total) * factor
                    total *= factor
                origin = np.float64(shift) + np.float64(scale) * _LN_2
                peak = np.float64(exponential(largest, rounding))
                highest = most
                ties = np.int64(0)
            if most == highest:
                ties += count_equal(values, highest)
            block_total, block_moment = sums_below(values, shift, largest, rounding)
            total += block_total
            moment += block_moment
        if ties == 0:
            return number, NOTHING_ALLOWED
        others = np.float64(ties - 1) + total / peak
        entropy = math.log1p(others) + moment / peak / (1.0 + others)
        statistics[number, 0] = entropy
        statistics[number, 1] = math.exp(entropy)
        statistics[number, 2] = 1.0 / (1.0 + others)
        if top_p == 0.0:
            continue
        everything = peak * (1.0 + others)
        target = (top_p - TOLERANCE) * everything
        if ties * peak >= target:
            size = min(max(math.ceil(target / peak), 1.0), np.float64(ties))
            mass = size * peak
        else:
            size, mass = nucleus_of(
                row, vocabulary, kind, scratch, shift, largest, rounding, everything, target, chosen
            )
        statistics[number, 3] = size
        statistics[number, 4] = min(mass / everything, 1.0)
    return len(statistics), SOUND
