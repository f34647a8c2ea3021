"""What an experiment's figures depend on: the machine, the interpreter, the versions, the load."""

from __future__ import annotations

import gc
import os
import platform
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import pynvml

import aligntax

__all__ = ["environment"]

_DISTRIBUTIONS = ("numpy", "numba", "torch", "onnxruntime", "transformers", "scipy")
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def environment() -> dict[str, Any]:
    """Return what figures that are taken now depend on, as plain data. What cannot be known is null."""
    return {
        "cpu_model": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "governor": _read(_GOVERNOR),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "versions": {"aligntax": aligntax.__version__, **_versions()},
        "gpus": _gpus(),
        "threads": {**_thread_settings(), **_torch_threads()},
        "garbage_collector": {
            "enabled": gc.isenabled(),
            "thresholds": list(gc.get_threshold()),
            "frozen": gc.get_freeze_count(),
        },
        "clock": vars(time.get_clock_info("perf_counter")),
        "switch_interval_seconds": sys.getswitchinterval(),
        "load_average": list(os.getloadavg()),
    }


def _gpus() -> list[str]:
    """Return what each GPU calls itself, in the order of the driver; none where there is no driver."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        handles = map(pynvml.nvmlDeviceGetHandleByIndex, range(pynvml.nvmlDeviceGetCount()))
        return [str(pynvml.nvmlDeviceGetName(handle)) for handle in handles]
    except pynvml.NVMLError as error:
        return [f"unknown ({error})"]
    finally:
        with suppress(pynvml.NVMLError):  # the driver may be gone before us
            pynvml.nvmlShutdown()


def _versions() -> dict[str, str]:
    found = {}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _thread_settings() -> Mapping[str, str]:
    return {name: os.environ[name] for name in _THREAD_VARIABLES if name in os.environ}


def _torch_threads() -> Mapping[str, int]:
    torch: Any = sys.modules.get("torch")
    return {} if torch is None else {"torch": torch.get_num_threads()}


def _cpu_model() -> str:
    lines = (_read(Path("/proc/cpuinfo")) or "").splitlines()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Hardware")))
    return next(named, platform.processor() or "unknown")


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return None
