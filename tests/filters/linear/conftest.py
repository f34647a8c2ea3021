"""Estimators whose every column weighs something, so that a feature that is missed or hashed wrong shows."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import make_pipeline

from aligntax_kernels import linear


@pytest.fixture(scope="session", autouse=True)
def _compiled():
    linear.warm()


def weighted(classes=2, loss=None, seed=0, scale=1.0, **settings):
    """A pipeline with weights drawn at random instead of fitted; `loss` makes it an SGDClassifier."""
    vectorizer = HashingVectorizer(**{"n_features": 2**12, **settings})
    random = np.random.default_rng(seed)
    outputs = 1 if classes == 2 else classes
    classifier = LogisticRegression() if loss is None else SGDClassifier(loss=loss)
    classifier.coef_ = scale * random.normal(size=(outputs, vectorizer.n_features))
    classifier.intercept_ = random.normal(size=outputs)
    classifier.classes_ = np.arange(classes)
    classifier.n_features_in_ = vectorizer.n_features
    return make_pipeline(vectorizer, classifier)


@pytest.fixture(scope="session")
def make_pipeline_of():
    return weighted
