"""lm-evaluation-harness and inspect_ai, run on toy models here and now, and what they wrote read back."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aligntax.taxes.performance import Asked, Key, read_arm

from ..one_command import figures
from . import toy_harness, toy_inspect
from .making import tax

Arms = dict[str, Path]
_LIMIT_SECONDS = 240


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Arms:
    return toy_harness.run_harness(tmp_path_factory.mktemp("harness"))


@pytest.fixture(scope="module")
def inspect(tmp_path_factory: pytest.TempPathFactory) -> Arms:
    folder = tmp_path_factory.mktemp("inspect")
    arms = {}
    for arm, period in (("raw", 5), ("aligned", 4)):  # 16 and 15 of 20 right
        arms[arm] = folder / arm
        command = [sys.executable, toy_inspect.__file__, str(arms[arm]), str(period)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_SECONDS, check=False)
        assert done.returncode == 0, done.stderr[-2_000:]
    return arms


def of_samples(folder: Path) -> list[float]:
    """Return what the harness wrote of each item."""
    (path,) = folder.rglob("samples_*.jsonl")
    return [json.loads(line)["acc"] for line in path.read_text().splitlines()]


def test_what_the_harness_computed_is_what_is_read(harness: Arms) -> None:
    for folder in harness.values():
        (path,) = folder.rglob("results_*.json")
        wrote: dict[str, Any] = json.loads(path.read_text())
        arm = read_arm(path.parent, Asked())
        key = Key(toy_harness.TASK, "acc")
        score = arm.scores[key]
        assert score.value == wrote["results"][toy_harness.TASK]["acc,none"]
        assert score.standard_error == wrote["results"][toy_harness.TASK]["acc_stderr,none"]
        assert (score.n, score.version, score.shots) == (toy_harness.ITEMS, str(toy_harness.VERSION), 0)
        assert arm.samples[key].values.mean() == pytest.approx(score.value)


def test_the_tax_from_its_items(harness: Arms) -> None:
    raw, aligned = map(of_samples, harness.values())
    figure = figures(tax(*(next(folder.rglob("results_*.json")).parent for folder in harness.values())))[
        f"{toy_harness.TASK}.acc"
    ]
    assert figure.n == toy_harness.ITEMS
    assert figure.more["paired"]
    assert figure.absolute.value == pytest.approx(100 * (sum(raw) - sum(aligned)) / toy_harness.ITEMS)
    assert figure.more["only_raw_better"] == sum(a > b for a, b in zip(raw, aligned, strict=True)) > 0


def test_the_tax_from_logs_of_inspect(inspect: Arms) -> None:
    score = read_arm(inspect["raw"], Asked()).scores[Key(toy_inspect.NAME, "accuracy", "match")]
    assert (score.value, score.n, score.version) == (0.8, toy_inspect.ITEMS, "2")
    assert score.standard_error == pytest.approx(math.sqrt(0.8 * 0.2 / (toy_inspect.ITEMS - 1)))
    figure = figures(tax(inspect["raw"], inspect["aligned"]))[f"{toy_inspect.NAME}.accuracy,match"]
    assert figure.absolute.value == pytest.approx(5)
    # Raw is wrong on items 0, 5, 10, 15, aligned on 0, 4, 8, 12, 16: item 0 is in both.
    assert (figure.more["paired"], figure.more["only_raw_better"]) == (True, 4)
