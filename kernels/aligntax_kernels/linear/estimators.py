"""Reads fitted scikit-learn estimators, by their attributes alone: scikit-learn is not imported here."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aligntax_kernels.linear.model import ACCENTS, ANALYZERS, Features, Model

__all__ = ["model_of"]

TOKEN_PATTERN = r"(?u)\b\w\w+\b"  # noqa: S105 (scikit-learn's default pattern)
DTYPES = (np.dtype(np.float64), np.dtype(np.float32))
LOSSES = {"log_loss": "logistic", "modified_huber": "huber"}


def model_of(vectorizer: Any, classifier: Any = None) -> Model:
    """Return the model in a fitted pipeline, or in a vectorizer and a classifier that was fitted on its output.

    Raises:
        TypeError: for objects of other classes, subclasses included, since those may compute something else.
        ValueError: for settings that cannot be reproduced exactly, and for a classifier that is not fitted.
    """
    if classifier is None:
        vectorizer, classifier = _steps(vectorizer)
    _require_class(vectorizer, "vectorizer", ("HashingVectorizer",))
    _require_class(classifier, "classifier", ("LogisticRegression", "SGDClassifier"))
    features = _features(vectorizer)
    if not hasattr(classifier, "coef_") or not hasattr(classifier, "classes_"):
        raise ValueError("the classifier is not fitted; fit it first, nothing is trained here")
    link, factor = _link(classifier)
    coefficients = classifier.coef_
    if hasattr(coefficients, "toarray"):  # after the estimator's sparsify()
        coefficients = coefficients.toarray()
    weights = np.ascontiguousarray(np.asarray(coefficients, np.float64).T * factor)
    outputs = weights.shape[1]
    intercepts = np.broadcast_to(np.asarray(classifier.intercept_, np.float64) * factor, (outputs,)).copy()
    return Model(features, link, weights, intercepts, _labels(classifier.classes_))


def _steps(pipeline: Any) -> tuple[Any, Any]:
    _require_class(pipeline, "pipeline", ("Pipeline",))
    steps = [step for _, step in pipeline.steps]
    if len(steps) != 2:
        names = ", ".join(name for name, _ in pipeline.steps)
        raise ValueError(f"the pipeline has the steps {names}; expected a HashingVectorizer and a classifier alone")
    return steps[0], steps[1]


def _require_class(estimator: Any, role: str, names: tuple[str, ...]) -> None:
    kind = type(estimator)
    if kind.__name__ not in names or kind.__module__.partition(".")[0] != "sklearn":
        raise TypeError(
            f"{role}: got a {kind.__module__}.{kind.__qualname__}; pass scikit-learn's own {' or '.join(names)}"
        )


def _features(vectorizer: Any) -> Features:
    settings = vectorizer.get_params(deep=False)
    analyzer = settings["analyzer"]
    if analyzer not in ANALYZERS:
        raise ValueError(f"the vectorizer's analyzer is {analyzer!r}; use 'word', 'char' or 'char_wb'")
    if settings["input"] != "content":
        raise ValueError(f"the vectorizer's input is {settings['input']!r}; use 'content' and read the files yourself")
    if settings["preprocessor"] is not None:
        raise ValueError(
            "the vectorizer has a preprocessor; apply it to the texts before they are passed, and use None"
        )
    if settings["strip_accents"] not in ACCENTS:
        raise ValueError(
            f"the vectorizer's strip_accents is {settings['strip_accents']!r}; use 'ascii', 'unicode' or None"
        )
    if np.dtype(settings["dtype"]) not in DTYPES:
        raise ValueError(f"the vectorizer's dtype is {settings['dtype']!r}; use numpy.float64 or numpy.float32")
    stop_words: tuple[str, ...] = ()
    if analyzer == "word":  # the others ignore these settings
        if settings["tokenizer"] is not None:
            raise ValueError(f"the vectorizer has a tokenizer; use None, and the token pattern {TOKEN_PATTERN!r}")
        if settings["token_pattern"] != TOKEN_PATTERN:
            raise ValueError(
                f"the vectorizer's token_pattern is {settings['token_pattern']!r}; only the default is reproduced "
                f"exactly: {TOKEN_PATTERN!r}"
            )
        stop_words = tuple(sorted(vectorizer.get_stop_words() or ()))
    least, most = settings["ngram_range"]
    return Features(
        analyzer=analyzer,
        ngram_range=(int(least), int(most)),
        lowercase=bool(settings["lowercase"]),
        strip_accents=settings["strip_accents"],
        stop_words=stop_words,
        columns=int(settings["n_features"]),
        alternate_sign=bool(settings["alternate_sign"]),
        binary=bool(settings["binary"]),
        norm=settings["norm"],
        encoding=settings["encoding"],
        decode_error=settings["decode_error"],
    )


def _link(classifier: Any) -> tuple[str, float]:
    """Return how scores become probabilities, and a factor for the scores."""
    settings = classifier.get_params(deep=False)
    if type(classifier).__name__ == "SGDClassifier":
        if settings["loss"] not in LOSSES:
            raise ValueError(
                f"the classifier's loss is {settings['loss']!r}, which gives no probabilities; "
                f"use {' or '.join(map(repr, LOSSES))}"
            )
        return LOSSES[settings["loss"]], 1.0
    # Until scikit-learn 1.7 a parameter decided; since then three classes or more are always multinomial.
    scheme = settings.get("multi_class", "auto")
    if len(classifier.classes_) <= 2:
        # The softmax of (-z, z), of which the second is the logistic function of 2 z.
        return "logistic", 2.0 if scheme == "multinomial" else 1.0
    one_against_rest = scheme == "ovr" or (scheme != "multinomial" and settings["solver"] == "liblinear")
    return "logistic" if one_against_rest else "softmax", 1.0


def _labels(classes: Any) -> NDArray[Any]:
    labels = np.array(classes)
    if labels.dtype.hasobject and all(isinstance(label, str) for label in labels.tolist()):
        labels = np.array(labels.tolist(), str)
        if labels.tolist() != list(classes):
            raise ValueError("a class label ends in a NUL, which numpy strings cannot hold; rename the class")
    return labels
