"""The linear scorer on the CPU, compiled when this module is imported."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import accumulate

import numpy as np
from numba import config, types
from numpy.typing import NDArray

from aligntax_kernels.bytes_type import TEXT
from aligntax_kernels.compilation import direct, kernel
from aligntax_kernels.intrinsics import address_of
from aligntax_kernels.linear import reference
from aligntax_kernels.linear.characters import kinds
from aligntax_kernels.linear.counting import to_probabilities
from aligntax_kernels.linear.layout import layout_of
from aligntax_kernels.linear.model import Model
from aligntax_kernels.linear.preparation import ascii_is_itself, decoded, prepared, utf8
from aligntax_kernels.linear.scoring import score_text

__all__ = ["Scoring"]

# Bytes from which on other threads are let run meanwhile; a shorter run is over before a fight for the GIL is.
_LONG_RUN_BYTES = 1 << 15

# Made by the import, in 10 ms, and kept for good: another thread may be at its address at any time.
_KINDS = kinds()
_PREPARED: int = _KINDS.ctypes.data
_NOT_PREPARED = 0

# Where the probabilities go of which only the last is wanted, which the call returns. Any thread may write here.
_UNREAD = np.empty(2)


@kernel(types.float64(TEXT, types.uint64, types.uint64, types.float64[::1]))
def _one(text: bytes, settings: int, kinds: int, probabilities: NDArray[np.float64]) -> float:
    """Write the probability of each class, and return that of the last; NaN where a score overflows."""
    sums = np.empty((1 if len(probabilities) == 2 else len(probabilities)) + 1)
    score_text(address_of(text), np.uint64(len(text)), np.uint64(settings), np.uint64(kinds), sums)
    return to_probabilities(sums, np.uint64(settings), probabilities)


@kernel(types.boolean(TEXT, types.int64[::1], types.uint64, types.uint64, types.float64[:, ::1]), nogil=True)
def _many(
    texts: bytes, bounds: NDArray[np.int64], settings: int, kinds: int, probabilities: NDArray[np.float64]
) -> bool:
    """Write the probabilities of texts that lie one after another; return whether each has some."""
    classes = probabilities.shape[1]
    sums = np.empty((1 if classes == 2 else classes) + 1)
    for row in range(len(probabilities)):
        at = address_of(texts) + np.uint64(bounds[row])
        score_text(at, np.uint64(bounds[row + 1] - bounds[row]), np.uint64(settings), np.uint64(kinds), sums)
        if math.isnan(to_probabilities(sums, np.uint64(settings), probabilities[row])):
            return False
    return True


_one_of = direct(_one)
_many_of = direct(_many)


class Scoring:
    """Computes probabilities of texts under one model; any number of threads may share it."""

    def __init__(self, model: Model) -> None:
        self._features = model.features
        self._classes = len(model.classes)
        self._layout = layout_of(model)
        self._settings = self._layout.address
        self._ascii_is_itself = ascii_is_itself(model.features)

    def score(self, text: str | bytes) -> float:
        """Return the probability of the second of two classes."""
        if type(text) is str and text.isascii():
            data, characters = text.encode(), _NOT_PREPARED
        else:
            data, characters = self._prepared(text)
        if len(data) >= _LONG_RUN_BYTES:
            return float(self._scored([data], characters)[0, 1])
        probability = _one_of(data, self._settings, characters, _UNREAD)
        if math.isnan(probability):
            raise reference.undecided()
        return probability

    def probabilities(self, text: str | bytes) -> NDArray[np.float64]:
        """Return the probability of each class, (classes,)."""
        data, characters = self._prepared(text)
        if len(data) >= _LONG_RUN_BYTES:
            row: NDArray[np.float64] = self._scored([data], characters)[0]
            return row
        probabilities = np.empty(self._classes)
        if math.isnan(_one_of(data, self._settings, characters, probabilities)):
            raise reference.undecided()
        return probabilities

    def probabilities_batch(self, texts: Iterable[str | bytes]) -> NDArray[np.float64]:
        """Return the probabilities of each text, (texts, classes)."""
        whole = [text if isinstance(text, str) else self._decoded(text) for text in texts]
        if all(map(str.isascii, whole)):
            return self._scored([text.encode() for text in whole], _NOT_PREPARED)
        features = self._features
        return self._scored([utf8(features, prepared(features, text)) for text in whole], _PREPARED)

    def _decoded(self, text: str | bytes) -> str:
        return decoded(self._features, text)

    def _prepared(self, text: str | bytes) -> tuple[bytes, int]:
        """Return the UTF-8 to score, and the address of the flags of all code points where it is prepared."""
        if isinstance(text, bytes) and self._ascii_is_itself and text.isascii():
            return text, _NOT_PREPARED
        whole = decoded(self._features, text)
        if whole.isascii():
            return whole.encode(), _NOT_PREPARED
        return utf8(self._features, prepared(self._features, whole)), _PREPARED

    def _scored(self, texts: Sequence[bytes], characters: int) -> NDArray[np.float64]:
        bounds = np.array([0, *accumulate(map(len, texts))], np.int64)
        probabilities = np.empty((len(texts), self._classes))
        if not _many_of(b"".join(texts), bounds, self._settings, characters, probabilities):
            raise reference.undecided()
        return probabilities


if getattr(config, "DISABLE_JIT"):  # noqa: B009 (set at run time, and unknown to mypy)
    # Interpreted, there is no memory at an address: NUMBA_DISABLE_JIT=1 makes this module the oracle's.
    Scoring = reference.Scoring  # type: ignore[misc, assignment]
