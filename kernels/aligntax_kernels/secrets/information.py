"""Shannon entropy, in whole numbers, so that the compiled kernel and its oracle never round differently."""

from __future__ import annotations

import math
from collections import Counter
from functools import cache

from aligntax_kernels.secrets.shapes import SAMPLE, Floor

__all__ = ["UNIT", "log_terms", "needed", "total"]

UNIT = 1 << 16
"""One bit of information."""


@cache
def log_terms() -> tuple[int, ...]:
    """Return n * log2(n) in units, for n from 0 to `SAMPLE`."""
    return (0, *(round(n * math.log2(n) * UNIT) for n in range(1, SAMPLE + 1)))


def total(sample: bytes) -> int:
    """Return the Shannon entropy of a sample, times its length, in units.

        counts = how often each byte occurs
        sum(count * log2(length / count) for count in counts)

    Args:
        sample: at most `SAMPLE` bytes.
    """
    terms = log_terms()
    return terms[len(sample)] - sum(terms[count] for count in Counter(sample).values())


@cache
def needed(floor: Floor) -> tuple[int, ...]:
    """Return the least `total` that a floor lets pass, for samples of 0 to `SAMPLE` bytes."""

    def units(length: int) -> int:
        bits = floor.bits * min(1.0, math.log2(max(1, length)) / math.log2(floor.length))
        # Each term of a total is rounded: by less than a unit for each byte, which must not decide a tie.
        return max(0, math.floor(bits * length * UNIT) - length)

    return tuple(units(length) for length in range(SAMPLE + 1))
