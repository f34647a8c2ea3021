"""A linear classifier on hashed n-grams, as scikit-learn has fitted it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from aligntax.guards.classifier import Classifier
from aligntax.guards.guard import OnError
from aligntax.trace import Stage
from aligntax_kernels import linear

__all__ = ["LinearClassifier"]


class LinearClassifier(Classifier):
    """Blocks a text that belongs to a class.

        probability = aligntax_kernels.linear.load(model).probabilities(text)[label]
        block if probability >= threshold; else allow

    Compiled when it is made, so that no request waits for it.

    Args:
        model: a fitted scikit-learn Pipeline of HashingVectorizer and LogisticRegression or SGDClassifier; a pair of
            the two; a `linear.Scorer`; or the file that `Scorer.save` wrote.
        threshold: probability from which on a text is blocked, 0 to 1.
        label: the class that is blocked; the second of two where None.
        on_hit: "block"; there is nothing to redact.
        name, stage, on_error: see `Guard`.

    Raises:
        TypeError, ValueError: for an argument that it cannot have, or a model that cannot be computed exactly.
        OSError: if the file cannot be read.
    """

    def __init__(
        self,
        model: Any,
        *,
        threshold: float = 0.5,
        label: Any = None,
        on_hit: Literal["block"] = "block",
        name: str = "linear_classifier",
        stage: Stage = "input",
        on_error: OnError = "closed",
    ) -> None:
        super().__init__(threshold, on_hit, name, stage, on_error)
        self._scorer = _scorer(model)
        classes = self._scorer.classes.tolist()
        if label is None and len(classes) != 2:
            raise ValueError(f"label is missing: the model has {len(classes)} classes; name one of {classes}")
        if label is not None and label not in classes:
            raise ValueError(f"label={label!r} is none of the model's classes; name one of {classes}")
        self._index = 1 if label is None else classes.index(label)
        self._labels = (str(classes[self._index]),)
        self._is_positive = len(classes) == 2 and self._index == 1
        linear.warm()
        self.probability("warm up")

    def probability(self, text: str) -> float:
        """Return how probable it is, from 0 to 1, that a text belongs to the class.

        Raises:
            TypeError, ValueError: as `linear.Scorer.score`.
        """
        if self._is_positive:
            return self._scorer.score(text)
        return float(self._scorer.probabilities(text)[self._index])


def _scorer(model: Any) -> linear.Scorer:
    if isinstance(model, linear.Scorer):
        return model
    if isinstance(model, (str, Path)):
        return linear.read(model)
    if isinstance(model, (tuple, list)):
        if len(model) != 2:
            raise ValueError(f"model: got {len(model)} estimators; pass a vectorizer and a classifier")
        return linear.load(*model)
    return linear.load(model)
