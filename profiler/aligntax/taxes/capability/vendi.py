"""How many different texts there are, effectively: the Vendi score."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["vendi", "vendi_of_vectors"]

_ROUNDING = 1e-6


def vendi(kernel: ArrayLike) -> float:
    """Return the Vendi score: exp(-sum l ln l) over the eigenvalues l of K / n.

    1 for identical texts, n for n that have nothing in common. Source: Friedman and Dieng, The Vendi Score, TMLR 2023,
    definition 3.1.

    Args:
        kernel: shape (n, n), the similarity of each text to each: symmetric, with ones on the diagonal, and positive
            semidefinite.

    Raises:
        ValueError: if it is no such matrix.
    """
    found = np.asarray(kernel, dtype=np.float64)
    if found.ndim != 2 or found.shape[0] != found.shape[1] or not found.size:
        raise ValueError(f"kernel has shape {found.shape}; pass a square matrix with a row for each text")
    if not np.isfinite(found).all():
        raise ValueError("kernel holds a value that is not finite; check the embedding")
    if not np.allclose(found, found.T, atol=_ROUNDING) or not np.allclose(np.diag(found), 1, atol=_ROUNDING):
        raise ValueError("kernel is not symmetric with ones on its diagonal; pass similarities of normalised vectors")
    values = np.linalg.eigvalsh(found / len(found))
    if values[0] < -_ROUNDING:
        raise ValueError(f"kernel has the eigenvalue {values[0]:.3g}; pass a positive semidefinite one")
    present = values[values > 0]
    return math.exp(-float(present @ np.log(present)))


def vendi_of_vectors(vectors: Any) -> float:
    """Return the Vendi score of texts whose similarity is the cosine of their vectors.

    Args:
        vectors: shape (n, d), n >= 1, each of length 1; an array or a scipy.sparse matrix.
    """
    products = vectors @ vectors.T
    kernel: NDArray[np.float64] = np.asarray(products.toarray() if hasattr(products, "toarray") else products)
    np.fill_diagonal(kernel, 1.0)  # which rounding of single-precision embeddings may miss
    return vendi(kernel)
