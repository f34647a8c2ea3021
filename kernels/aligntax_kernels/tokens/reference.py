"""The oracle of the token filters: slow and obvious."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def apply_bitmask(logits: NDArray[np.float32], bitmask: NDArray[np.int32]) -> None:
    """Set the logits of banned tokens to minus infinity, in place.

    Args:
        logits: float32, (rows, vocabulary).
        bitmask: int32, (rows or 1, ceil(vocabulary / 32)); bit set = allowed, the lowest bit first.
    """
    rows, vocabulary = logits.shape
    for row in range(rows):
        words = bitmask[0] if len(bitmask) == 1 else bitmask[row]
        for token in range(vocabulary):
            word, bit = divmod(token, 32)
            if not (int(words[word]) >> bit) & 1:
                logits[row, token] = -np.inf
