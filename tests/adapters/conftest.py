"""A real ONNX Runtime session that doubles what it is given."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from .session_runs import SIZE, FloatArray


@pytest.fixture(scope="module")
def graph() -> bytes:
    """scores = values * 2"""
    node = helper.make_node("Mul", ["values", "two"], ["scores"])
    model = helper.make_model(
        helper.make_graph(
            [node],
            "double",
            [helper.make_tensor_value_info("values", TensorProto.FLOAT, [SIZE])],
            [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [SIZE])],
            [helper.make_tensor("two", TensorProto.FLOAT, [1], [2.0])],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=10,
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


@pytest.fixture
def options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2  # asynchronous runs need a thread that is not the caller's
    options.log_severity_level = 4
    return options


@pytest.fixture
def session(graph: bytes, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


@pytest.fixture
def values() -> FloatArray:
    return np.arange(SIZE, dtype=np.float32)
