"""Scores texts with a linear classifier on hashed n-grams that scikit-learn has fitted; trains nothing itself."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aligntax_kernels import backends
from aligntax_kernels.backends import Backend
from aligntax_kernels.linear.estimators import model_of
from aligntax_kernels.linear.model import Features, Model
from aligntax_kernels.linear.storage import read_model, write_model

__all__ = ["Backend", "Features", "Model", "Scorer", "load", "read", "warm"]


class Scorer:
    """Gives the probabilities that a fitted scikit-learn pipeline gives, to 1e-6.

        row = normed(count(sign(h) at abs(h) % n_features, for h in murmur3(n-grams(text))))
        scores = row @ coefficients + intercepts
        probabilities = logistic, softmax or modified-Huber estimate of scores, as the classifier was fitted

    Everything is computed in float64; a model that was fitted on float32 features differs from that by scikit-learn's
    own rounding. Threads may share a scorer.

    Args:
        model: what `load` makes of a pipeline; its arrays must not be changed afterwards.
        backend: as for `load`.

    Raises:
        TypeError: if `model` is not a Model.
        ValueError: for an unknown backend.

    Source: Weinberger and others, Feature Hashing for Large Scale Multitask Learning, ICML 2009; scikit-learn's
    HashingVectorizer, LogisticRegression and SGDClassifier.
    """

    __slots__ = ("_model", "_scoring")

    def __init__(self, model: Model, *, backend: Backend = "auto") -> None:
        if not isinstance(model, Model):
            raise TypeError(f"model: got a {type(model).__name__}; pass a Model, or use load() on estimators")
        self._scoring = backends.implementation(__name__, backend).Scoring(model)
        self._model = model

    @property
    def classes(self) -> NDArray[Any]:
        """The labels, in the order of the probabilities."""
        return self._model.classes.copy()

    @property
    def features(self) -> Features:
        """How a text becomes a row of numbers."""
        return self._model.features

    def score(self, text: str | bytes) -> float:
        """Return the probability of the second of two classes, the positive one.

        Args:
            text: str, or bytes in the encoding that the vectorizer was set to.

        Raises:
            TypeError: for a text that is neither.
            ValueError: if the model has more than two classes; for a text that does not decode, or that holds a lone
                surrogate where it would become part of a feature; for scores that overflow.
        """
        if len(self._model.classes) != 2:
            raise ValueError(
                f"the model has {len(self._model.classes)} classes; use probabilities(), or name one there"
            )
        probability: float = self._scoring.score(text)
        return probability

    def probabilities(self, text: str | bytes) -> NDArray[np.float64]:
        """Return the probability of each class for one text, float64, (classes,).

        Args:
            text: str, or bytes in the encoding that the vectorizer was set to.

        Raises:
            TypeError, ValueError: as `score` does.
        """
        probabilities: NDArray[np.float64] = self._scoring.probabilities(text)
        return probabilities

    def probabilities_batch(self, texts: Iterable[str | bytes]) -> NDArray[np.float64]:
        """Return the probability of each class for each text, float64, (texts, classes).

        Args:
            texts: any number of them, none included; not one text, which is a sequence of texts too.

        Raises:
            TypeError, ValueError: as `score` does.
        """
        if isinstance(texts, (str, bytes)) or not isinstance(texts, Iterable):
            raise TypeError(f"texts: got one {type(texts).__name__}; pass a list of texts, or use probabilities()")
        probabilities: NDArray[np.float64] = self._scoring.probabilities_batch(texts)
        return probabilities

    def save(self, path: str | Path) -> None:
        """Write the model to a file for `read`; the file is complete or not there at all.

        Args:
            path: a numpy archive without pickles, whatever its name ends in.

        Raises:
            OSError: if the file cannot be written.
            ValueError: for coefficients that take more than 4 GiB, which `read` would refuse.
        """
        write_model(Path(path), self._model)


def load(vectorizer: Any, classifier: Any = None, *, backend: Backend = "auto") -> Scorer:
    """Return the scorer of a fitted scikit-learn pipeline, or of a vectorizer and a classifier fitted on its output.

    Args:
        vectorizer: a HashingVectorizer, with any analyzer, n-gram range, norm, case, accents and stop words of
            scikit-learn's own; or a Pipeline of one and a classifier, with nothing between.
        classifier: a LogisticRegression, or an SGDClassifier with loss "log_loss" or "modified_huber"; left out where
            a pipeline is given.
        backend: `"cpu"` is compiled by numba, `"reference"` is the oracle in plain Python, `"auto"` takes `"cpu"`.

    Raises:
        TypeError: for estimators of other classes, subclasses included.
        ValueError: for settings that cannot be reproduced exactly (callables, another token pattern), for a classifier
            that is not fitted, for weights that do not fit or are not finite; for an unknown backend.
    """
    return Scorer(model_of(vectorizer, classifier), backend=backend)


def read(path: str | Path, *, backend: Backend = "auto") -> Scorer:
    """Return the scorer that `Scorer.save` wrote.

    Args:
        path: the file. Nothing in it is ever executed or unpickled.
        backend: as for `load`.

    Raises:
        OSError: if the file cannot be read.
        ValueError: for a file that is damaged, of another format or version, or larger than what is accepted.
    """
    return Scorer(read_model(Path(path)), backend=backend)


def warm() -> float:
    """Compile everything here ahead of the first request, and return how many seconds that took.

    With a filled numba cache that is the time to import numba and load; a second call takes next to nothing.
    """
    start = time.perf_counter()
    backends.implementation(__name__, "cpu")  # compiles where it is imported
    return time.perf_counter() - start
