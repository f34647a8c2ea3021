"""The default embedding against scikit-learn's own pipeline; the user's functions, and what is wrong with them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from aligntax.taxes.capability.embedding import Foreign, TfIdf, embedding, unit_vectors

TEXTS = ["a cat sat", "a dog sat down", "cats and dogs", "a cat", "", "zebra"]


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Foreign]:
    def make(function: Any) -> Foreign:
        module = ModuleType("vectors_of_a_test")
        module.embed = function  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return Foreign("vectors_of_a_test:embed")

    return make


def test_tf_idf_is_scikit_learns() -> None:
    tokens = [text.split() for text in TEXTS]
    embed = TfIdf()
    embed.learn(tokens[:2])
    embed.learn(tokens[2:])
    vectors = embed(TEXTS, tokens)
    expected = TfidfVectorizer(analyzer=str.split).fit_transform(TEXTS)
    similar = (vectors @ vectors.T).toarray()
    assert similar == pytest.approx((expected @ expected.T).toarray() + np.diag([0, 0, 0, 0, 1, 0]))


def test_texts_without_a_token_are_alike_and_like_nothing_else() -> None:
    embed = TfIdf()
    embed.learn([["a"], [], []])
    vectors = embed(["a", "", " "], [["a"], [], []])
    assert (vectors @ vectors.T).toarray().tolist() == [[1, 0, 0], [0, 1, 1], [0, 1, 1]]


@pytest.mark.parametrize(
    ("kind", "scale"), [(np.asarray, 1e-200), (np.asarray, 1.0), (np.asarray, 1e200), (sparse.csr_array, 1.0)]
)
def test_vectors_have_length_1(kind: Any, scale: float) -> None:
    found = unit_vectors(kind(scale * np.array([[3.0, 4.0], [0.0, 0.0]])))
    dense = found.toarray() if sparse.issparse(found) else found
    assert dense == pytest.approx(np.array([[0.6, 0.8, 0], [0, 0, 1]]))


def test_a_function_of_the_users(foreign: Callable[[Any], Foreign]) -> None:
    embed = foreign(lambda texts: [[len(text), 1] for text in texts])
    vectors = embed(["aa", "bb", "c"] * 200, [])
    assert vectors.shape == (600, 3)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1)
    assert embed.name == "vectors_of_a_test:embed"


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda texts: 1 / 0, "failed with a ZeroDivisionError"),
        (lambda texts: [[1.0]], r"returned shape \(1, 1\) for 2 texts"),
        (lambda texts: [1.0, 2.0], r"returned shape \(2,\)"),
        (lambda texts: [[float("nan")]] * 2, "not finite"),
        (lambda texts: ["one", "two"], "failed with a ValueError"),
    ],
)
def test_functions_that_do_not_go(foreign: Callable[[Any], Foreign], function: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        foreign(function)(["secret", "text"], [])


def test_rows_that_change_their_length(foreign: Callable[[Any], Foreign]) -> None:
    embed = foreign(lambda texts: [[1.0] * len(texts)] * len(texts))
    embed(["a", "b"], [])
    with pytest.raises(ValueError, match="same length"):
        embed(["a", "b", "c"], [])


def test_a_function_itself() -> None:
    embed = embedding(np.atleast_2d)
    assert embed.name == "numpy:atleast_2d"
    assert embedding(None).learns
    assert not embed.learns


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "import a_module_that_nobody_has",
            "the embedding {name} needs a_module_that_nobody_has, which is not installed",
        ),
        (
            "1 / 0",
            r"the embedding {name}: its module raises a ZeroDivisionError when imported \(division by zero\)",
        ),
        ("embed = 3", "the embedding {name} is a int, which cannot be called; name a function of a list of texts"),
        ("", "has no 'embed'"),
        ("embed = len", ""),
    ],
)
def test_modules_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    module = f"vectors_in_{tmp_path.name}"
    (tmp_path / f"{module}.py").write_text(source)
    name = f"{module}:embed"
    if not message:
        assert embedding(name).name == name
        monkeypatch.delitem(sys.modules, module)
        return
    with pytest.raises(ValueError, match=message.format(name=name)):
        embedding(name)


@pytest.mark.parametrize("reference", ["no colon", "no.such.module:x", "math:no_such", "math:pi"])
def test_no_such_function(reference: str) -> None:
    with pytest.raises(ValueError, match=reference.partition(":")[2] or reference):
        embedding(reference)
