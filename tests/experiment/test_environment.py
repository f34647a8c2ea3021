"""What figures depend on is written beside them, and what cannot be known is null."""

from __future__ import annotations

import gc
import json
import os
import platform
import sys
from pathlib import Path

import pynvml
import pytest

import aligntax
from aligntax.experiment import environment as module
from aligntax.experiment.environment import environment

KEYS = {
    "cpu_model",
    "cores",
    "governor",
    "platform",
    "python",
    "implementation",
    "versions",
    "gpus",
    "threads",
    "garbage_collector",
    "clock",
    "switch_interval_seconds",
    "load_average",
}


def test_it_is_plain_data_about_this_very_process():
    found = environment()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found.keys() == KEYS
    assert found["cores"] == len(os.sched_getaffinity(0))
    assert found["python"] == platform.python_version()
    assert found["versions"]["aligntax"] == aligntax.__version__
    assert found["versions"]["numpy"] == sys.modules["numpy"].__version__
    assert found["clock"]["monotonic"] is True
    assert found["cpu_model"]


def test_settings_of_the_interpreter_and_of_libraries_are_those_in_force(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    interval = sys.getswitchinterval()
    gc.disable()
    sys.setswitchinterval(0.02)
    try:
        found = environment()
    finally:
        gc.enable()
        sys.setswitchinterval(interval)
    assert found["garbage_collector"]["enabled"] is False
    assert found["switch_interval_seconds"] == pytest.approx(0.02)
    assert found["threads"]["OMP_NUM_THREADS"] == "3"
    assert "MKL_NUM_THREADS" not in found["threads"]


def test_torch_is_asked_only_if_it_is_loaded_already(monkeypatch):
    class Torch:
        get_num_threads = staticmethod(lambda: 7)

    monkeypatch.setitem(sys.modules, "torch", Torch)
    assert environment()["threads"]["torch"] == 7
    monkeypatch.delitem(sys.modules, "torch")
    assert "torch" not in environment()["threads"]
    assert "torch" not in sys.modules


class Driver:
    """GPUs that say what they are called."""

    NVMLError = pynvml.NVMLError

    def __init__(self, *names: str | Exception) -> None:
        self.names = names
        self.open = 0

    def nvmlInit(self) -> None:  # noqa: N802 - NVML's own name
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802 - NVML's own name
        self.open -= 1

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802 - NVML's own name
        return len(self.names)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802 - NVML's own name
        return index

    def nvmlDeviceGetName(self, handle: int) -> str:  # noqa: N802 - NVML's own name
        name = self.names[handle]
        if isinstance(name, Exception):
            raise name
        return name


def test_gpus_are_described_by_what_they_are_called(monkeypatch):
    """Two machines with a GPU each are alike only if it is of the same kind."""
    driver = Driver("NVIDIA H200", "NVIDIA L4")
    monkeypatch.setattr(module, "pynvml", driver)
    assert environment()["gpus"] == ["NVIDIA H200", "NVIDIA L4"]
    assert driver.open == 0


def test_a_gpu_that_does_not_tell_its_name_is_there_all_the_same(monkeypatch):
    driver = Driver(pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST))
    monkeypatch.setattr(module, "pynvml", driver)
    (said,) = environment()["gpus"]
    assert said.startswith("unknown (")
    assert driver.open == 0


def test_the_governor_is_read_or_null(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(module, "_GOVERNOR", tmp_path / "scaling_governor")
    assert environment()["governor"] is None
    (tmp_path / "scaling_governor").write_text("performance\n")
    assert environment()["governor"] == "performance"


def test_a_machine_that_does_not_name_its_processor_is_called_something(monkeypatch):
    monkeypatch.setattr(module, "_read", lambda path: None)
    monkeypatch.setattr(platform, "processor", lambda: "")
    found = environment()
    assert found["cpu_model"] == "unknown"
    assert found["governor"] is None
