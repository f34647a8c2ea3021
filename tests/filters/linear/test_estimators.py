"""Which estimators are read, and what is said of those that cannot be reproduced exactly."""

import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.pipeline import make_pipeline

from aligntax_kernels import linear

TEXTS = ["one two three", "TWO", ""]


def test_a_pipeline_is_its_two_steps(make_pipeline_of):
    pipeline = make_pipeline_of()
    whole, parts = linear.load(pipeline), linear.load(pipeline[0], pipeline[1])
    assert np.array_equal(whole.probabilities_batch(TEXTS), parts.probabilities_batch(TEXTS))


def test_what_was_loaded_is_a_copy(make_pipeline_of):
    pipeline = make_pipeline_of()
    scorer = linear.load(pipeline)
    before = scorer.probabilities_batch(TEXTS)
    pipeline[-1].coef_[:] = 0
    pipeline[0].set_params(ngram_range=(2, 2))
    scorer.classes[:] = 7
    assert np.array_equal(scorer.probabilities_batch(TEXTS), before)
    assert scorer.classes.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"analyzer": str.split}, r"analyzer is .*use 'word', 'char' or 'char_wb'"),
        ({"preprocessor": str.upper}, "preprocessor; apply it to the texts"),
        ({"tokenizer": str.split}, "tokenizer; use None"),
        ({"token_pattern": r"\w+"}, "token_pattern is .* only the default"),
        ({"strip_accents": str.upper}, "strip_accents is .*use 'ascii'"),
        ({"input": "filename"}, "input is 'filename'; use 'content'"),
        ({"dtype": np.int64}, "dtype is .*use numpy.float64"),
        ({"encoding": "no-such"}, "encoding='no-such' is unknown"),
        ({"decode_error": "surrogateescape"}, "decode_error='surrogateescape' is none of"),
        ({"norm": "max"}, "norm='max' is none of None, 'l1', 'l2'"),
        ({"ngram_range": (2, 1)}, r"ngram_range=\(2, 1\)"),
        ({"ngram_range": (0, 1)}, r"ngram_range=\(0, 1\)"),
        ({"ngram_range": (1, 2**31)}, r"ngram_range=\(1, 2147483648\).* <= second <= 2147483647"),
        ({"ngram_range": (2**64 - 1, 2**64 - 1)}, "ngram_range"),
        ({"encoding": "zlib"}, "encoding='zlib' is unknown to Python as one of text"),
        ({"stop_words": "french"}, "not a built-in stop list: french"),
    ],
)
def test_vectorizers_that_are_refused(settings, message, make_pipeline_of):
    with pytest.raises(ValueError, match=message):
        linear.load(make_pipeline_of(**settings))


@pytest.mark.parametrize("analyzer", ["char", "char_wb"])
def test_settings_that_an_analyzer_ignores_are_ignored(analyzer, make_pipeline_of):
    pattern = {"token_pattern": r"\d"}
    pipeline = make_pipeline_of(analyzer=analyzer, stop_words=["one"], tokenizer=str.split, **pattern)
    assert np.abs(linear.load(pipeline).probabilities_batch(TEXTS) - pipeline.predict_proba(TEXTS)).max() < 1e-9


class Custom(HashingVectorizer):
    """May override anything."""


@pytest.mark.parametrize(
    ("vectorizer", "classifier", "message"),
    [
        (Custom(), LogisticRegression(), "vectorizer: got a .*Custom; pass scikit-learn's own HashingVectorizer"),
        (CountVectorizer(), LogisticRegression(), "vectorizer: got a .*CountVectorizer"),
        (HashingVectorizer(), RidgeClassifier(), "classifier: got a .*pass .* LogisticRegression or SGDClassifier"),
        (HashingVectorizer(), "text", "classifier: got a builtins.str"),
        (HashingVectorizer(), None, "pipeline: got a .*HashingVectorizer; pass scikit-learn's own Pipeline"),
        (None, None, "pipeline: got a builtins.NoneType"),
    ],
)
def test_other_classes_are_refused(vectorizer, classifier, message):
    with pytest.raises(TypeError, match=message):
        linear.load(vectorizer, classifier)


def test_a_pipeline_with_a_step_between_is_refused():
    pipeline = make_pipeline(HashingVectorizer(), TfidfTransformer(), LogisticRegression())
    with pytest.raises(ValueError, match="steps hashingvectorizer, tfidftransformer, logisticregression; expected"):
        linear.load(pipeline)


@pytest.mark.parametrize("loss", ["hinge", "squared_error", "perceptron"])
def test_a_loss_without_probabilities_is_refused(loss, make_pipeline_of):
    with pytest.raises(ValueError, match=f"loss is '{loss}'.*'log_loss' or 'modified_huber'"):
        linear.load(make_pipeline_of(loss=loss))


def test_a_classifier_that_is_not_fitted_is_refused():
    with pytest.raises(ValueError, match="not fitted; fit it first"):
        linear.load(HashingVectorizer(), LogisticRegression())


def test_weights_of_another_width_are_refused(make_pipeline_of):
    pipeline = make_pipeline_of(n_features=64)
    with pytest.raises(ValueError, match=r"coefficients have shape \(64, 1\).* 128 features need \(128, 1\)"):
        linear.load(HashingVectorizer(n_features=128), pipeline[-1])


@pytest.mark.parametrize("attribute", ["coef_", "intercept_"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(value, attribute, make_pipeline_of):
    pipeline = make_pipeline_of()
    getattr(pipeline[-1], attribute)[..., 0] = value
    with pytest.raises(ValueError, match="NaN or infinity"):
        linear.load(pipeline)


@pytest.mark.parametrize(
    ("classes", "kept"),
    [
        (np.array(["no", "yes"], object), ["no", "yes"]),
        (np.array(["no", "yes"]), ["no", "yes"]),
        (np.array([False, True]), [False, True]),
        (np.array([-1.5, 2.5]), [-1.5, 2.5]),
    ],
)
def test_labels_are_kept(classes, kept, make_pipeline_of):
    pipeline = make_pipeline_of()
    pipeline[-1].classes_ = classes
    assert linear.load(pipeline).classes.tolist() == kept


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (np.array([1, "a"], object), "labels of one numpy type"),
        (np.array(["a", "b\0"], object), "ends in a NUL"),
        (np.array([1]), "at least two labels"),
        (np.array([b"a", b"b"]), "dtype .S1; use labels"),
        (np.array([1, 2], "datetime64[s]"), "datetime64"),
    ],
)
def test_labels_that_cannot_be_kept_are_refused(classes, message, make_pipeline_of):
    pipeline = make_pipeline_of()
    pipeline[-1].classes_ = classes
    with pytest.raises(ValueError, match=message):
        linear.load(pipeline)


def older(multi_class, solver, classes, make_pipeline_of):
    """A LogisticRegression as scikit-learn 1.4 has it: with the parameter `multi_class`."""
    pipeline = make_pipeline_of(classes=classes, n_features=64)
    parameters = {"multi_class": multi_class, "solver": solver}
    kind = type("LogisticRegression", (), {"get_params": lambda self, deep: parameters})
    kind.__module__ = "sklearn.linear_model._logistic"
    old = kind()
    for name in ("coef_", "intercept_", "classes_"):
        setattr(old, name, getattr(pipeline[-1], name))
    scores = pipeline.decision_function(TEXTS)
    return linear.load(pipeline[0], old).probabilities_batch(TEXTS), scores


def softmax(scores):
    exponentials = np.exp(scores)
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def one_against_rest(scores):
    single = 1 / (1 + np.exp(-scores))
    return single / single.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("multi_class", "solver", "expected"),
    [
        ("ovr", "lbfgs", one_against_rest),
        ("auto", "liblinear", one_against_rest),
        ("deprecated", "liblinear", one_against_rest),
        ("auto", "lbfgs", softmax),
        ("deprecated", "saga", softmax),
        ("multinomial", "lbfgs", softmax),
    ],
)
def test_older_classifiers_of_many_classes(multi_class, solver, expected, make_pipeline_of):
    probabilities, scores = older(multi_class, solver, 4, make_pipeline_of)
    assert np.abs(probabilities - expected(scores)).max() < 1e-12


@pytest.mark.parametrize(("multi_class", "factor"), [("ovr", 1), ("auto", 1), ("multinomial", 2)])
def test_older_classifiers_of_two_classes(multi_class, factor, make_pipeline_of):
    # The older predict_proba of a multinomial fit took the softmax of (-z, z).
    probabilities, scores = older(multi_class, "lbfgs", 2, make_pipeline_of)
    assert np.abs(probabilities[:, 1] - 1 / (1 + np.exp(-factor * scores))).max() < 1e-12


@pytest.mark.parametrize("analyzer", ["word", "char", "char_wb"])
def test_ngrams_longer_than_any_text(analyzer, make_pipeline_of):
    for ngram_range in ((1, 2**31 - 1), (2**31 - 1, 2**31 - 1)):
        pipeline = make_pipeline_of(analyzer=analyzer, ngram_range=ngram_range)
        if ngram_range[0] == 1:  # scikit-learn counts up to the second
            short = make_pipeline_of(analyzer=analyzer, ngram_range=(1, 20)).predict_proba(TEXTS)
        else:
            short = make_pipeline_of(analyzer=analyzer, ngram_range=(20, 20)).predict_proba(TEXTS)
        assert np.abs(linear.load(pipeline).probabilities_batch(TEXTS) - short).max() < 1e-9


def test_a_scorer_is_made_of_a_model(make_pipeline_of):
    with pytest.raises(TypeError, match=r"model: got a Pipeline; pass a Model, or use load\(\) on estimators"):
        linear.Scorer(make_pipeline_of())


def test_an_unknown_backend_is_named(make_pipeline_of):
    with pytest.raises(ValueError, match="backend 'cuda' is unknown here; use one of 'auto', 'reference', 'cpu'"):
        linear.load(make_pipeline_of(), backend="cuda")


@pytest.mark.parametrize("interpreted", ["0", "1"])
def test_neither_the_import_nor_the_reference_loads_numba_or_scikit_learn(interpreted, tmp_path, make_pipeline_of):
    linear.load(make_pipeline_of()).save(tmp_path / "model")
    code = (
        "import sys; from aligntax_kernels import linear\n"
        "heavy = {'numba', 'sklearn', 'torch'}\n"
        "assert not heavy & set(sys.modules)\n"
        "expected = linear.read(sys.argv[1], backend='reference').score('Some text é')\n"
        "assert not heavy & set(sys.modules)\n"
        "assert abs(linear.read(sys.argv[1]).score('Some text é') - expected) < 1e-12\n"
        "assert heavy & set(sys.modules) == {'numba'}, heavy & set(sys.modules)\n"
    )
    subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(tmp_path / "model")],
        env=os.environ | {"NUMBA_DISABLE_JIT": interpreted},
        check=True,
        timeout=100,
    )


def test_sgd_is_read_whatever_its_settings_say_of_classes(make_pipeline_of):
    pipeline = make_pipeline_of(classes=3, loss="log_loss")
    assert isinstance(pipeline[-1], SGDClassifier)
    assert linear.load(pipeline).probabilities("text").shape == (3,)
