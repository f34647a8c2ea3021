"""Guards that give a text a probability: scikit-learn's and ONNX Runtime's."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aligntax import Verdict
from aligntax.guards import LinearClassifier, OnnxClassifier
from aligntax_kernels import linear

MakeGraph = Callable[..., bytes]
Tokenize = Callable[[str], dict[str, Any]]

TEXTS = ["you are kind", "you stupid fool", "", "awful day", "größe 😀"]


# -- scikit-learn ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXTS)
def test_the_probability_is_that_of_scikit_learn(pipeline: Any, text: str) -> None:
    expected = pipeline.predict_proba([text])[0]
    said = LinearClassifier(pipeline, threshold=0.6)(text)
    assert said.score == pytest.approx(expected[1], abs=1e-6)
    blocked = expected[1] >= 0.6
    assert said[:4] == ((Verdict.BLOCK, "", 1, ("1",)) if blocked else (Verdict.ALLOW, text, 0, ()))
    assert LinearClassifier(pipeline, label=0).probability(text) == pytest.approx(expected[0], abs=1e-6)


def test_both_verdicts_are_given(pipeline: Any) -> None:
    guard = LinearClassifier(pipeline)
    assert [guard(text).verdict for text in ("good work", "you awful fool")] == [Verdict.ALLOW, Verdict.BLOCK]


def test_a_probability_that_meets_the_threshold_blocks(pipeline: Any) -> None:
    probability = LinearClassifier(pipeline).probability("good work")
    assert LinearClassifier(pipeline, threshold=probability)("good work").verdict is Verdict.BLOCK
    above = float(np.nextafter(probability, 1))
    assert LinearClassifier(pipeline, threshold=above)("good work").verdict is Verdict.ALLOW


def test_a_model_is_given_whole_in_parts_as_a_scorer_or_as_a_file(pipeline: Any, tmp_path: Path) -> None:
    scorer = linear.load(pipeline)
    scorer.save(tmp_path / "model.npz")
    vectorizer, classifier = (step for _, step in pipeline.steps)
    models = [
        pipeline,
        (vectorizer, classifier),
        [vectorizer, classifier],
        scorer,
        tmp_path / "model.npz",
        str(tmp_path / "model.npz"),
    ]
    assert len({LinearClassifier(model).probability("you fool") for model in models}) == 1


def test_of_several_classes_one_is_named() -> None:
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import LogisticRegression

    texts, labels = ["red", "green", "blue", "red red"], ["r", "g", "b", "r"]
    vectorizer = HashingVectorizer(n_features=64)
    classifier = LogisticRegression(C=100).fit(vectorizer.transform(texts), labels)
    guard = LinearClassifier((vectorizer, classifier), label="g")
    assert (guard("green").verdict, guard("green").labels, guard("red").verdict) == (
        Verdict.BLOCK,
        ("g",),
        Verdict.ALLOW,
    )
    with pytest.raises(ValueError, match=r"label is missing: the model has 3 classes; name one of \['b', 'g', 'r'\]"):
        LinearClassifier((vectorizer, classifier))


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"label": 7}, ValueError, r"label=7 is none of the model's classes; name one of \[0, 1\]"),
        ({"threshold": 1.5}, ValueError, r"threshold=1.5 is no probability"),
        ({"threshold": True}, TypeError, r"threshold: got True"),
        ({"threshold": float("nan")}, ValueError, r"threshold=nan"),
        ({"on_hit": "redact"}, ValueError, r"on_hit='redact' is unknown here; use 'block'"),
        ({"stage": "stream"}, ValueError, r"stage='stream' is unknown here; use 'input' or 'parallel' or 'output'"),
    ],
)
def test_what_a_linear_classifier_cannot_have_is_refused(
    pipeline: Any, settings: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        LinearClassifier(pipeline, **settings)


def test_what_is_no_model_is_refused(pipeline: Any, tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        LinearClassifier(object())
    with pytest.raises(ValueError, match="model: got 1 estimators"):
        LinearClassifier((pipeline,))
    with pytest.raises(OSError, match=r"gone\.npz"):
        LinearClassifier(tmp_path / "gone.npz")


# -- ONNX Runtime ----------------------------------------------------------------------------------------------------


def test_a_graph_blocks_what_it_gives_a_high_probability(make_graph: MakeGraph, tokenize: Tokenize) -> None:
    guard = OnnxClassifier(make_graph(-12.0), tokenize, label="long", threshold=0.5)
    assert guard("x" * 11)[:4] == (Verdict.ALLOW, "x" * 11, 0, ())
    said = guard("x" * 13)
    assert said[:4] == (Verdict.BLOCK, "", 1, ("long",))
    assert said.score == pytest.approx(1 / (1 + np.exp(-1.0)))
    assert guard("x" * 12).verdict is Verdict.BLOCK  # 0.5: the threshold is met


@pytest.mark.parametrize(("activation", "length"), [("sigmoid", 14), ("softmax", 1)])
def test_scores_are_made_probabilities(make_graph: MakeGraph, tokenize: Tokenize, activation: Any, length: int) -> None:
    guard = OnnxClassifier(make_graph(-12.0, None), tokenize, activation=activation)
    expected = 1.0 if activation == "softmax" else 1 / (1 + np.exp(-2.0))
    assert guard.probability("x" * length) == pytest.approx(expected)
    assert guard.probability("x" * 100_000) == pytest.approx(1.0)


def test_sigmoids_of_large_negative_scores_are_zero(make_graph: MakeGraph, tokenize: Tokenize) -> None:
    assert OnnxClassifier(make_graph(-1e6, None), tokenize, activation="sigmoid").probability("x") == 0.0


def test_a_sum_of_shares_that_rounding_put_beyond_1_is_1() -> None:
    graph, above = two_columns(), float(np.nextafter(np.float32(1), np.float32(2)))
    assert OnnxClassifier(graph, scores((0.0, above)), threshold=1.0)("").score == 1.0
    assert OnnxClassifier(graph, scores((1.0, -1e-7)))("").score == 0.0


def test_a_graph_comes_from_a_file_too(make_graph: MakeGraph, tokenize: Tokenize, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(make_graph(-12.0))
    assert OnnxClassifier(path, tokenize)("x" * 20).verdict is Verdict.BLOCK
    assert OnnxClassifier(str(path), tokenize)("x").verdict is Verdict.ALLOW


def test_the_session_computes_on_the_calling_thread(
    make_graph: MakeGraph, tokenize: Tokenize, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime

    seen: list[Any] = []
    made = onnxruntime.InferenceSession

    def session(model: Any, options: Any, **settings: Any) -> Any:
        seen.append((options, settings))
        return made(model, options, **settings)

    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    OnnxClassifier(make_graph(-12.0), tokenize)
    ((options, settings),) = seen
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert settings == {"providers": ["CPUExecutionProvider"]}


def two_columns() -> bytes:
    """A graph whose output has two classes and, if the input has, several rows."""
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("Identity", ["scores"], ["out"]), helper.make_node("Identity", ["scores"], ["again"])],
        "two",
        inputs=[helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["texts", 2])],
        outputs=[helper.make_tensor_value_info(name, TensorProto.FLOAT, ["texts", 2]) for name in ("out", "again")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    serialised: bytes = model.SerializeToString()
    return serialised


def scores(*rows: tuple[float, float]) -> Tokenize:
    return lambda text: {"scores": np.array(rows, np.float32)}


def test_class_and_output_are_chosen() -> None:
    graph = two_columns()
    assert OnnxClassifier(graph, scores((0.25, 0.75))).probability("") == 0.75
    assert OnnxClassifier(graph, scores((0.25, 0.75)), index=0, output="again").probability("") == 0.25
    softmax = OnnxClassifier(graph, scores((1.0, 3.0)), activation="softmax")
    assert softmax.probability("") == pytest.approx(1 / (1 + np.exp(-2.0)))


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("tokenizer", "settings", "kind", "message"),
    [
        (scores((0.1, 0.2), (0.3, 0.4)), {}, ValueError, r"output 'out' has shape \(2, 2\), which is not one text"),
        (scores((0.1, 0.2)), {"index": 2}, ValueError, r"not one text with a class 2"),
        (scores((0.1, 0.2)), {"index": 0.5}, TypeError, r"index: got 0.5; pass the number of a class"),
        (scores((0.1, 0.2)), {"index": True}, TypeError, r"index: got True"),
        (scores((0.1, 0.2)), {"label": 3}, TypeError, r"label: got a int; pass a str"),
        (scores((0.1, 0.2)), {"providers": "CPUExecutionProvider"}, TypeError, r"providers: got one str; pass a list"),
        (scores((0.1, 0.2)), {"providers": ["GPU"]}, ValueError, r"providers: 'GPU' is unknown; use any of '.*'CPUEx"),
        (scores((0.1, 1.0001)), {}, ValueError, r"gave 1.0001\d*, which is no probability"),
        (scores((0.1, -0.0001)), {}, ValueError, r"gave -0.0001\d*, which is no probability|gave -9\.\d*e-05"),
        (scores((0.1, 1.5)), {}, ValueError, r"gave 1.5, which is no probability; activation='sigmoid'"),
        (scores((0.1, NAN)), {"activation": "sigmoid"}, ValueError, r"gave nan, which is no probability"),
        (scores((INF, INF)), {"activation": "softmax"}, ValueError, r"gave nan"),
        (scores((0.1, 0.2)), {"output": "third"}, ValueError, r"output='third' is unknown here; use 'out' or 'again'"),
        (scores((0.1, 0.2)), {"activation": "tanh"}, ValueError, r"activation='tanh'"),
        ("tokenizer", {}, TypeError, r"tokenizer: got a str"),
        (
            lambda text: {"words": np.zeros((1, 2), np.float32)},
            {},
            ValueError,
            r"Required inputs \(\['scores'\]\) are missing",
        ),
        (
            lambda text: {"scores": np.zeros((1, 2))},
            {},
            ValueError,
            r"does not run .* its inputs are scores tensor\(float\) \['texts', 2\]",
        ),
        (
            lambda text: {}[text],
            {},
            ValueError,
            r"the model does not run on what the tokenizer gives \(KeyError: 'warm up'",
        ),
    ],
)
def test_a_graph_that_does_not_go_with_its_settings_is_refused_when_it_is_loaded(
    tokenizer: Any, settings: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        OnnxClassifier(two_columns(), tokenizer, **settings)


@pytest.mark.parametrize("model", [b"no graph", "/gone/model.onnx"])
def test_what_is_no_graph_is_refused(tokenize: Tokenize, model: Any) -> None:
    with pytest.raises(ValueError, match=r"model: ONNX Runtime cannot load (8 bytes|/gone/model.onnx) \("):
        OnnxClassifier(model, tokenize)


def test_without_onnx_runtime_the_install_command_is_named(
    make_graph: MakeGraph, tokenize: Tokenize, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'aligntax\[onnx\]'") as caught:
        OnnxClassifier(make_graph(0.0), tokenize)
    assert caught.value.name == "onnxruntime"
