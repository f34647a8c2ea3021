"""Every way to run an ONNX Runtime session; each returns the scores."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
SIZE = 3


def by_run(session: onnxruntime.InferenceSession, values: FloatArray) -> Any:
    return session.run(None, {"values": values})[0]


def by_keywords(session: onnxruntime.InferenceSession, values: FloatArray) -> Any:
    return session.run(output_names=["scores"], input_feed={"values": values}, run_options=onnxruntime.RunOptions())[0]


def by_io_binding(session: onnxruntime.InferenceSession, values: FloatArray) -> Any:
    binding = session.io_binding()
    binding.bind_cpu_input("values", values)
    binding.bind_output("scores")
    session.run_with_iobinding(binding)
    return binding.copy_outputs_to_cpu()[0]


def by_ort_values(session: onnxruntime.InferenceSession, values: FloatArray) -> Any:
    feed = {"values": onnxruntime.OrtValue.ortvalue_from_numpy(values)}
    return session.run_with_ort_values(["scores"], feed)[0].numpy()


class Answer:
    """Waits for the callback of an asynchronous run."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self.results: Any = None
        self.data: Any = None
        self.error: Any = None
        self.thread: int | None = None

    def __call__(self, results: Any, data: Any, error: Any) -> None:
        self.results, self.data, self.error = results, data, error
        self.thread = threading.get_ident()
        self.arrived.set()


def by_run_async(session: onnxruntime.InferenceSession, values: FloatArray) -> Any:
    answer = Answer()
    session.run_async(["scores"], {"values": values}, answer, "data")
    assert answer.arrived.wait(10)
    assert (answer.data, answer.error) == ("data", "")
    return answer.results[0]


WAYS = [by_run, by_keywords, by_io_binding, by_ort_values, by_run_async]
