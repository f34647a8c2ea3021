"""The demo's guards as aligntax has them, on top of the kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aligntax.demo.layers import Guards
from aligntax.demo.phrases import BLOCKED_PHRASES, FILTERED_PHRASES, REMOVED
from aligntax.guards import PII, Blocklist, TokenBan

__all__ = ["bitmask_of", "kernel_guards"]


def kernel_guards(classify: Callable[[str], Any], allowed: NDArray[np.bool_]) -> Guards:
    """Return the guards, compiled.

    Args:
        classify: the classifier.
        allowed: for each token whether it may be said.
    """
    return Guards(
        redact=PII(),
        check=Blocklist(BLOCKED_PHRASES),
        classify=classify,
        mask=TokenBan(bitmask=bitmask_of(allowed)),
        filter=Blocklist(FILTERED_PHRASES, on_hit="redact", replacement=REMOVED, stage="stream").stream,
    )


def bitmask_of(allowed: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return one bit for each token, 32 in a word, the lowest bit first; set = allowed."""
    padded = np.zeros(-(-len(allowed) // 32) * 32, dtype=np.bool_)
    padded[: len(allowed)] = allowed
    return np.packbits(padded, bitorder="little").view(np.int32)
