"""How unsure the difference of two independent means is, when their spreads need not be alike."""

from __future__ import annotations

import math

import numpy as np

from aligntax.inference.samples import Sample


def welch(first: Sample, second: Sample) -> tuple[float, float]:
    """Return the standard error of the difference of two means, and Welch and Satterthwaite's degrees of freedom.

    Args:
        first: shape (n,), n >= 2, finite.
        second: shape (m,), m >= 2, finite.
    """
    parts = np.array([values.var(ddof=1) / len(values) for values in (first, second)])
    spare = np.array([len(first) - 1.0, len(second) - 1.0])
    shares = parts / parts.max() if parts.any() else np.ones(2)  # tiny variances must not vanish when squared
    return math.sqrt(float(parts.sum())), float(shares.sum() ** 2 / (shares**2 / spare).sum())
