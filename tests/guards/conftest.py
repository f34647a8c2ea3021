"""Guards of every kind, made once for all tests of a session, and what they are fed with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aligntax.guards import PII, Blocklist, EntropyGate, LinearClassifier, OnnxClassifier, Secrets, TokenBan

TEXTS = ["you are kind", "thank you so much", "what a lovely day", "good work", "you are awful", "i hate you so much"]
TEXTS += ["what a stupid fool", "bad, awful work"]
LABELS = [0, 0, 0, 0, 1, 1, 1, 1]
GITHUB_TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


@pytest.fixture(scope="session")
def pipeline() -> Any:
    """A scikit-learn pipeline that tells kind texts from others."""
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    vectorizer = HashingVectorizer(n_features=2**10, ngram_range=(1, 2))
    return make_pipeline(vectorizer, LogisticRegression(C=100.0)).fit(TEXTS, LABELS)


def length_graph(bias: float, activation: str | None = "Sigmoid") -> bytes:
    """Return a graph with one input, `length`, (1, 1), and the score `length + bias`, (1, 1)."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = [helper.make_node("Add", ["length", "bias"], ["score" if activation else "probability"])]
    if activation:
        nodes.append(helper.make_node(activation, ["score"], ["probability"]))
    graph = helper.make_graph(
        nodes,
        "length",
        inputs=[helper.make_tensor_value_info("length", TensorProto.FLOAT, [1, 1])],
        outputs=[helper.make_tensor_value_info("probability", TensorProto.FLOAT, [1, 1])],
        initializer=[numpy_helper.from_array(np.array([[bias]], np.float32), "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    serialised: bytes = model.SerializeToString()
    return serialised


@pytest.fixture(scope="session")
def make_graph() -> Callable[..., bytes]:
    return length_graph


def length_of(text: str) -> dict[str, Any]:
    """The tokenizer that goes with the graph."""
    return {"length": np.array([[len(text)]], np.float32)}


@pytest.fixture(scope="session")
def tokenize() -> Callable[[str], dict[str, Any]]:
    return length_of


@pytest.fixture(scope="session")
def github_token() -> str:
    return GITHUB_TOKEN


@pytest.fixture(scope="session")
def guards(pipeline: Any) -> dict[str, Any]:
    """One guard of each kind, by its name."""
    made = [
        PII(),
        Secrets(stage="output"),
        Blocklist(["forbidden word", "nonsense"]),
        LinearClassifier(pipeline),
        OnnxClassifier(length_graph(-20.0), length_of, label="long"),
        TokenBan([[1], [2]], 8),
        EntropyGate(1.0),
    ]
    return {guard.name: guard for guard in made}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Writes a file, and returns its path."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write
