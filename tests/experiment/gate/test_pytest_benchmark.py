"""Files of pytest-benchmark: compared as they are, and written so that the program itself reads them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.stats import Stats

from aligntax.experiment.gate import read_measured
from aligntax.experiment.gate.pytest_benchmark import to_pytest_benchmark
from aligntax.inference import Verdict

from .simulated import simulated

Save = Callable[..., Path]
Run = Callable[..., Any]

BENCHMARKS = """
import time

def test_slow(benchmark):
    benchmark.pedantic(time.sleep, args=({seconds},), rounds=25)

def test_same(benchmark):
    benchmark.pedantic(time.sleep, args=(0.002,), rounds=25)
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two files that pytest-benchmark wrote: one of its two benchmarks sleeps for 2 ms, and then for 4 ms."""

    def bench(seconds: float) -> Path:
        folder = tmp_path_factory.mktemp("benchmarks")
        (folder / "test_sleep.py").write_text(BENCHMARKS.format(seconds=seconds))
        path = folder / "benchmark.json"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-c", "/dev/null"]
        options = ["--rootdir", str(folder), str(folder), f"--benchmark-json={path}"]
        # A worker of pytest-xdist would have it measure nothing.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        done = subprocess.run(
            [*command, *options], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=100
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return path

    return bench(0.002), bench(0.004)


def test_real_files_are_compared(files: tuple[Path, Path], run: Run) -> None:
    """A sleep of 4 ms against one of 2 ms; the other benchmark is the same in both."""
    found = run("compare", *files, "--margin", "50%", "--json", "c.json")
    assert found.code == 1
    assert "(the worst of 2 metrics)" in found.out
    rows = {row["metric"]: row for row in json.loads(Path("c.json").read_text())["metrics"]}
    slow, same = (rows[f"benchmarks.test_sleep.py::{name}"] for name in ("test_slow", "test_same"))
    assert slow["verdict"] == "regression"
    assert slow["sampling"] == "independent"
    assert slow["effect"]["value"] > 0.001
    assert same["verdict"] != "regression"


def test_rounds_that_were_not_saved_leave_nothing_to_test(files: tuple[Path, Path], run: Run, save: Save) -> None:
    data = json.loads(files[0].read_text())
    for benchmark in data["benchmarks"]:
        benchmark["stats"].pop("data", None)
    path = save("without.json", data)
    found = run("compare", path, path)
    assert found.code == 2
    assert "no samples to test" in found.out


def test_another_processor_is_refused(files: tuple[Path, Path], run: Run, save: Save) -> None:
    data = json.loads(files[0].read_text())
    data["machine_info"]["cpu"]["brand_raw"] = "Slow CPU"
    found = run("compare", files[0], save("new.json", data))
    assert found.code == 3
    assert "cpu_model: " in found.err


def test_a_benchmark_and_a_result_are_of_two_kinds(files: tuple[Path, Path], run: Run, save: Save) -> None:
    base, new = save("result.json", simulated(1, 20)), files[1]
    for arguments in ((base, new), (new, base)):
        found = run("compare", *arguments, "--force")
        assert found.code == 3
        assert "compare two of one kind" in found.err


def test_a_budget_is_not_for_benchmarks(files: tuple[Path, Path], run: Run, budget: Path) -> None:
    found = run("gate", files[1], "--budget", budget)
    assert found.code == 3
    assert "a budget is for results of aligntax bench" in found.err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"benchmarks": []}, "holds no benchmark"),
        ({"machine_info": {}, "benchmarks": [{}]}, "is not whole"),
        ({"benchmarks": [{"fullname": "t", "stats": {"data": ["x"]}}]}, r"t: stats\.data holds x at index 0"),
        ({"benchmarks": [{"fullname": "t", "stats": {}}]}, "'median' is missing"),
        ({"benchmarks": [{"stats": {}}]}, "'fullname' is missing"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(save: Save, change: dict[str, Any], message: str) -> None:
    machine = {"python_version": "3", "python_implementation": "CPython", "machine": "x", "cpu": {}}
    data = {"machine_info": machine, "benchmarks": [], "datetime": "2026-03-01", "version": "5"}
    with pytest.raises(ValueError, match=rf"^.*p\.json: .*{message}"):
        read_measured(save("p.json", {**data, **change}))


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 7, 101])
def test_the_statistics_are_those_of_pytest_benchmark(save: Save, n: int) -> None:
    data = to_pytest_benchmark(read_measured(save("r.json", simulated(1, n))))
    for benchmark in data["benchmarks"]:
        ours = benchmark["stats"]
        theirs = Stats()
        for seconds in ours["data"]:
            theirs.update(seconds)
        expected = theirs.as_dict()
        assert {key: ours[key] for key in expected if isinstance(expected[key], str)} == {"outliers": theirs.outliers}
        numbers = [key for key in expected if not isinstance(expected[key], str)]
        assert [ours[key] for key in numbers] == pytest.approx([expected[key] for key in numbers], rel=1e-9)


def test_its_own_compare_reads_what_is_written(run: Run, save: Save, tmp_path: Path, budget: Path) -> None:
    program = Path(sys.executable).with_name("pytest-benchmark")
    for number, name in enumerate(("one", "two")):
        save(f"{name}.json", simulated(number, 60))
        assert run("gate", f"{name}.json", "--budget", budget, "--pytest-benchmark", f"{name}-p.json").code in (0, 2)
    command = [str(program), "compare", "one-p.json", "two-p.json", "--columns=median,rounds", "--csv=out.csv"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "benchmark 'shop.chat:pipeline': 4 tests" in done.stdout
    assert not done.stderr.strip().startswith("Failed")
    for name in ("raw", "guarded"):
        assert done.stdout.count(name) == 2


def test_what_is_written_can_be_compared_again(save: Save) -> None:
    from aligntax.experiment.gate import compare_measured

    pair = (
        to_pytest_benchmark(read_measured(save("r.json", simulated(seed, 300, prompts=1, slowdown=slowdown))))
        for seed, slowdown in ((1, 1.0), (2, 1.05))
    )
    found = compare_measured(*(read_measured(save(f"p{place}.json", data)) for place, data in enumerate(pair)))
    assert {row.title: row.verdict for row in found.rows} == {
        "shop.chat:pipeline::raw": Verdict.UNCHANGED,
        "shop.chat:pipeline::guarded": Verdict.REGRESSION,
    }
    assert np.isfinite([row.found.p for row in found.rows if row.found]).all()
