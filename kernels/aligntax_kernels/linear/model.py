"""A linear text classifier as plain data: what its features are, its weights, and how scores become probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Features", "Model"]

ANALYZERS = ("word", "char", "char_wb")
ACCENTS = (None, "ascii", "unicode")
NORMS = (None, "l1", "l2")
LINKS = ("logistic", "softmax", "huber")
DECODE_ERRORS = ("strict", "ignore", "replace")
LABEL_KINDS = "biufU"
MOST_COLUMNS = 2**31 - 1
LONGEST_NGRAM = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Features:
    """How a text becomes a row of numbers; the names and meanings are those of scikit-learn's HashingVectorizer.

    Attributes:
        analyzer: "word", "char" or "char_wb".
        ngram_range: the fewest and the most words or characters in a feature.
        lowercase: whether the text is lower-cased first, as `str.lower` does.
        strip_accents: None, "ascii" or "unicode".
        stop_words: words that are left out before n-grams are made; sorted.
        columns: n_features, how many columns the hash chooses from.
        alternate_sign: whether the hash's sign is the sign of what is counted.
        binary: whether a column is 1 wherever it was touched, instead of the sum.
        norm: None, "l1" or "l2", of the row.
        encoding, decode_error: how a text that is bytes is decoded.
    """

    analyzer: str
    ngram_range: tuple[int, int]
    lowercase: bool
    strip_accents: str | None
    stop_words: tuple[str, ...]
    columns: int
    alternate_sign: bool
    binary: bool
    norm: str | None
    encoding: str
    decode_error: str

    def __post_init__(self) -> None:
        for name, allowed in (
            ("analyzer", ANALYZERS),
            ("strip_accents", ACCENTS),
            ("norm", NORMS),
            ("decode_error", DECODE_ERRORS),
        ):
            value = getattr(self, name)
            if value not in allowed:
                raise ValueError(f"{name}={value!r} is none of {', '.join(map(repr, allowed))}")
        for name in ("lowercase", "alternate_sign", "binary"):
            if getattr(self, name) not in (True, False):
                raise ValueError(f"{name}={getattr(self, name)!r} is neither True nor False")
        # A file can hold anything in their place.
        sizes = self.ngram_range
        if [type(size) for size in sizes] != [int, int] or not 1 <= sizes[0] <= sizes[1] <= LONGEST_NGRAM:
            raise ValueError(f"ngram_range={sizes!r}: expected two integers, 1 <= first <= second <= {LONGEST_NGRAM}")
        if type(self.columns) is not int or not 1 <= self.columns <= MOST_COLUMNS:
            raise ValueError(f"n_features={self.columns!r}: expected an integer, 1 to {MOST_COLUMNS}")
        if not all(isinstance(word, str) for word in self.stop_words):
            raise ValueError("stop_words hold something else than strings; use a list of words")
        try:
            "".encode(self.encoding)  # unlike codecs.lookup, this knows that "zlib" is no encoding of text
        except (LookupError, TypeError, ValueError):
            raise ValueError(f"encoding={self.encoding!r} is unknown to Python as one of text; use 'utf-8'") from None


@dataclass(frozen=True, slots=True)
class Model:
    """Features, and the linear function of them.

    Attributes:
        features: how a text becomes a row.
        link: "logistic" (of each score, scaled to sum 1 where there are more than two classes), "softmax", or "huber",
            which is the probability estimate of scikit-learn's modified_huber loss.
        weights: float64, (columns, outputs), C-contiguous; one output stands for two classes.
        intercepts: float64, (outputs,).
        classes: (classes,), the labels: booleans, integers, floats or strings of numpy's.
    """

    features: Features
    link: str
    weights: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    classes: NDArray[Any]

    def __post_init__(self) -> None:
        if self.link not in LINKS:
            raise ValueError(f"link={self.link!r} is none of {', '.join(map(repr, LINKS))}")
        if self.classes.ndim != 1 or len(self.classes) < 2:
            raise ValueError(f"classes have shape {self.classes.shape}; expected one axis with at least two labels")
        if self.classes.dtype.kind not in LABEL_KINDS:
            raise ValueError(
                f"classes are of dtype {self.classes.dtype}; use labels of one numpy type: integers, floats or strings"
            )
        outputs = 1 if len(self.classes) == 2 else len(self.classes)
        if self.link == "softmax" and outputs == 1:
            raise ValueError("a softmax of two classes needs no second output; use 'logistic'")
        for name, array, shape in (
            ("coefficients", self.weights, (self.features.columns, outputs)),
            ("intercepts", self.intercepts, (outputs,)),
        ):
            if array.shape != shape:
                raise ValueError(
                    f"{name} have shape {array.shape}; {len(self.classes)} classes and {self.features.columns} "
                    f"features need {shape}"
                )
            if array.dtype != np.float64 or not array.flags.c_contiguous:
                raise ValueError(f"{name} are {array.dtype}; expected C-contiguous float64")
            if not np.isfinite(array).all():
                raise ValueError(f"{name} hold NaN or infinity; fit the classifier on scaled data")
