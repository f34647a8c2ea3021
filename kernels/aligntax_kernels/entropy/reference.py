"""The oracle of the statistics of logits: the formulas, in numpy and float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aligntax_kernels.entropy.faults import NO_NUMBER, NOTHING_ALLOWED, Fault

__all__ = ["COLUMNS", "TOLERANCE", "measure"]

COLUMNS = 5
TOLERANCE = 1e-6
"""How much less than top_p the nucleus may hold."""


def measure(logits: NDArray[Any], kind: str, top_p: float) -> tuple[NDArray[np.float64], Fault | None]:
    """Return entropy, perplexity, largest probability, and size and mass of the nucleus of each row.

    Args:
        logits: (rows, vocabulary), of the type that `kind` names, or its bits for bfloat16.
        kind: "float32", "float16" or "bfloat16".
        top_p: of the nucleus; 0 for none.

    Returns:
        float64, (rows, 5); and the first row that is no distribution, from which on nothing is filled in.
    """
    statistics = np.zeros((len(logits), COLUMNS))
    for row, values in enumerate(_widened(logits, kind)):
        if np.isnan(values).any() or values.max() == np.inf:
            return statistics, Fault(row, NO_NUMBER)
        if values.max() == -np.inf:
            return statistics, Fault(row, NOTHING_ALLOWED)
        depths = values.max() - values
        masses = np.exp(-depths)
        # All but one of those on top: 1 + others would forget what is small beside it.
        others = np.count_nonzero(depths == 0) - 1 + masses[depths > 0].sum()
        possible = masses > 0
        entropy = np.log1p(others) + (masses[possible] * depths[possible]).sum() / (1 + others)
        statistics[row, :3] = entropy, np.exp(entropy), 1 / (1 + others)
        if top_p:
            held = np.cumsum(np.sort(masses)[::-1]) / (1 + others)
            size = min(int(np.searchsorted(held, top_p - TOLERANCE)) + 1, len(held))
            statistics[row, 3:] = size, min(held[size - 1], 1.0)
    return statistics, None


def _widened(logits: NDArray[Any], kind: str) -> NDArray[np.float64]:
    if kind != "bfloat16":
        with np.errstate(invalid="ignore"):  # a signalling NaN
            return logits.astype(np.float64)
    bits = logits.view(np.uint16).astype(np.uint32) << 16
    with np.errstate(invalid="ignore"):
        return bits.view(np.float32).astype(np.float64)
