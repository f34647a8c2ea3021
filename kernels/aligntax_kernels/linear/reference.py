"""The oracle of the linear scorer: slow and obvious, in `re`, dictionaries and numpy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from aligntax_kernels.linear.model import Features, Model
from aligntax_kernels.linear.preparation import decoded, prepared, utf8

__all__ = ["Scoring", "murmur3", "probabilities_of", "undecided"]

_WORDS = re.compile(r"(?u)\b\w\w+\b")
_WHITE_SPACE = re.compile(r"\s\s+")
_UINT32 = 0xFFFFFFFF


class Scoring:
    """Computes probabilities of texts under one model."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def score(self, text: str | bytes) -> float:
        """Return the probability of the last class."""
        return float(self.probabilities(text)[-1])

    def probabilities(self, text: str | bytes) -> NDArray[np.float64]:
        """Return the probability of each class, (classes,)."""
        features = self._model.features
        document = prepared(features, decoded(features, text))
        utf8(features, document)
        row = _row(features, document)
        with np.errstate(over="ignore", invalid="ignore"):
            scores = self._model.intercepts.copy()
            for column, value in row.items():
                scores += value * self._model.weights[column]
            if not np.isfinite(scores).all():
                raise undecided()
            return probabilities_of(scores, self._model.link)

    def probabilities_batch(self, texts: Iterable[str | bytes]) -> NDArray[np.float64]:
        """Return the probabilities of each text, (texts, classes)."""
        rows = [self.probabilities(text) for text in texts]
        return np.array(rows, np.float64).reshape(len(rows), len(self._model.classes))


def probabilities_of(scores: NDArray[np.float64], link: str) -> NDArray[np.float64]:
    """Return the probabilities for the scores of one text; one score stands for two classes."""
    if link == "softmax":
        exponentials = np.exp(scores - scores.max())
        return np.asarray(exponentials / exponentials.sum())
    single = (np.clip(scores, -1, 1) + 1) / 2 if link == "huber" else 1 / (1 + np.exp(-scores))
    if len(scores) == 1:
        return np.array([1 - single[0], single[0]])
    total = single.sum()
    return np.asarray(single / total) if total else np.full(len(scores), 1 / len(scores))


def undecided() -> ValueError:
    """Return the error for scores that are infinite, or that are no numbers."""
    return ValueError("text: its scores overflow, so that no probability can be told; fit with smaller weights")


def murmur3(data: bytes) -> int:
    """Return MurmurHash3_x86_32 with seed 0 as a signed integer.

    Source: Austin Appleby, MurmurHash3.cpp in SMHasher (public domain).
    """
    state = 0
    for start in range(0, len(data) - len(data) % 4, 4):
        state ^= _scrambled(int.from_bytes(data[start : start + 4], "little"))
        state = (_rotated(state, 13) * 5 + 0xE6546B64) & _UINT32
    state ^= _scrambled(int.from_bytes(data[len(data) - len(data) % 4 :], "little"))
    state ^= len(data)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        state = ((state ^ state >> shift) * factor) & _UINT32
    return state - (1 << 32) if state >> 31 else state


def _scrambled(block: int) -> int:
    return (_rotated((block * 0xCC9E2D51) & _UINT32, 15) * 0x1B873593) & _UINT32


def _rotated(value: int, bits: int) -> int:
    return (value << bits | value >> (32 - bits)) & _UINT32


def _row(features: Features, document: str) -> dict[int, float]:
    """Return the row of the feature matrix: column to value; a column whose signs cancelled is there, with 0."""
    row: dict[int, float] = {}
    for feature in _ngrams(features, document):
        hashed = murmur3(feature.encode("utf-8"))
        column = abs(hashed) % features.columns
        row[column] = row.get(column, 0.0) + (-1.0 if features.alternate_sign and hashed < 0 else 1.0)
    if features.binary:
        row = dict.fromkeys(row, 1.0)
    values = np.array(list(row.values()))
    size = {None: 1.0, "l1": float(np.abs(values).sum()), "l2": float(np.sqrt((values**2).sum()))}[features.norm]
    return {column: value / size for column, value in row.items()} if size else row


def _ngrams(features: Features, document: str) -> Iterator[str]:
    least, most = features.ngram_range
    if features.analyzer == "word":
        words = [word for word in _WORDS.findall(document) if word not in features.stop_words]
        for count in range(least, most + 1):
            for start in range(len(words) - count + 1):
                yield " ".join(words[start : start + count])
        return
    document = _WHITE_SPACE.sub(" ", document)
    for part in [document] if features.analyzer == "char" else [f" {word} " for word in document.split()]:
        if features.analyzer == "char_wb" and len(part) < least:
            yield part
        for count in range(least, most + 1):
            for start in range(len(part) - count + 1):
                yield part[start : start + count]
