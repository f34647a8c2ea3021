"""JSON files of pytest-benchmark: read as something to compare, and written so that its own `compare` reads them."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aligntax import __version__
from aligntax.experiment.gate.fields import numbers
from aligntax.experiment.gate.measured import Measured, Metric, Unit
from aligntax.experiment.result import SCHEMA as BENCH_SCHEMA
from aligntax.inference import Estimate, median

__all__ = ["is_pytest_benchmark", "measured_from_pytest_benchmark", "to_pytest_benchmark"]

SCHEMA = "pytest-benchmark"
_ARMS = ("raw", "guarded")


def is_pytest_benchmark(data: Any) -> bool:
    """Return whether what a JSON file holds is pytest-benchmark's."""
    return isinstance(data, dict) and {"machine_info", "benchmarks", "version"} <= data.keys()


def measured_from_pytest_benchmark(path: Path, data: Mapping[str, Any]) -> Measured:
    """Return what a file of pytest-benchmark holds: of each benchmark its rounds, in seconds per iteration.

    A benchmark whose rounds were not saved (`--benchmark-save-data`) has its median, and nothing to test it with.

    Raises:
        ValueError: if it holds no benchmark, or what is no measurement; names the benchmark.
        KeyError, TypeError: where something is missing or in the wrong place.
    """
    if not data["benchmarks"]:
        raise ValueError("holds no benchmark; run pytest with benchmarks in it")
    machine = data["machine_info"]
    processor = machine.get("cpu") or {}
    metrics = [_metric(found) for found in data["benchmarks"]]
    return Measured(
        path=path,
        schema=SCHEMA,
        created=str(data["datetime"]),
        name=path.stem,
        n=0,
        conditions={
            "cpu_model": processor.get("brand_raw"),
            "cores": processor.get("count"),
            "python": machine["python_version"],
            "implementation": machine["python_implementation"],
            "machine": machine["machine"],
        },
        metrics={metric.key: metric for metric in metrics},
        data=data,
    )


def _metric(found: Mapping[str, Any]) -> Metric:
    name, stats = str(found["fullname"]), found["stats"]
    rounds = numbers(f"{name}: stats.data", stats.get("data") or [])
    if not len(rounds):
        single = Estimate(float(numbers(f"{name}: stats.median", [stats["median"]])[0]))
        return Metric(f"benchmarks.{name}", name, Unit.SECONDS, single)
    return Metric(f"benchmarks.{name}", name, Unit.SECONDS, median(rounds), rounds, reference=float(np.median(rounds)))


def to_pytest_benchmark(measured: Measured) -> dict[str, Any]:
    """Return the arms of a result as benchmarks, in the form that `pytest-benchmark compare` reads.

    Args:
        measured: a result of `aligntax bench`; of its requests those count that ran to their end in both arms.

    Raises:
        ValueError: for the record of another tax, which has no requests.
    """
    if measured.schema != BENCH_SCHEMA:
        raise ValueError(f"{measured.path}: is {measured.schema}, and pytest-benchmark shows requests")
    samples = {arm: measured.metrics[f"latency.{arm}"].samples for arm in _ARMS}
    environment, target = measured.data["environment"], measured.name
    return {
        "machine_info": {
            "node": "",
            "machine": environment.get("platform"),
            "python_implementation": environment.get("implementation"),
            "python_version": environment.get("python"),
            "cpu": {"brand_raw": environment.get("cpu_model"), "count": environment.get("cores")},
        },
        "commit_info": {"id": "unversioned", "dirty": False},
        "benchmarks": [
            {
                "group": target,
                "name": arm,
                "fullname": f"{target}::{arm}",
                "params": None,
                "param": None,
                "extra_info": {"tax": measured.data["tax"]} if arm == "guarded" else {},
                "options": {},
                "stats": _stats(values.tolist()),
            }
            for arm, values in samples.items()
            if values is not None
        ],
        "datetime": measured.created,
        "version": f"aligntax {__version__}",
    }


def _stats(values: Sequence[float]) -> dict[str, Any]:
    """Return what pytest-benchmark says of rounds, with its definitions of quartiles and fences (Tukey's)."""
    data = sorted(values)
    mean, deviation = statistics.fmean(data), statistics.stdev(data) if len(data) > 1 else 0.0
    first, third = _quartiles(data)
    spread = third - first
    low, high = first - 1.5 * spread, third + 1.5 * spread
    far = sum(abs(value - mean) > deviation for value in data)
    outside = sum(not low <= value <= high for value in data)
    return {
        "min": data[0],
        "max": data[-1],
        "mean": mean,
        "stddev": deviation,
        "rounds": len(data),
        "median": statistics.median(data),
        "iqr": spread,
        "q1": first,
        "q3": third,
        "iqr_outliers": outside,
        "stddev_outliers": far,
        "outliers": f"{far};{outside}",
        "ld15iqr": data[bisect_left(data, low)],
        "hd15iqr": data[bisect_right(data, high) - 1],
        "ops": 1 / mean,
        "total": math.fsum(data),
        "data": list(values),
        "iterations": 1,
    }


def _quartiles(data: Sequence[float]) -> tuple[float, float]:
    """Return the quartiles of sorted values: medians of the halves, or between the two ways to halve an odd number."""
    half, odd = divmod(len(data), 2)
    if len(data) == 1:
        return data[0], data[0]
    if not odd:
        return statistics.median(data[:half]), statistics.median(data[half:])
    without = statistics.median(data[:half]), statistics.median(data[half + 1 :])
    within = statistics.median(data[: half + 1]), statistics.median(data[half:])
    return (without[0] + within[0]) / 2, (without[1] + within[1]) / 2
