"""What tests of `aligntax bench` share: targets, options of short experiments, and results read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aligntax.experiment.result import Result

PIPELINE = "tests.experiment.pipelines:pipeline"
TARGETS = "tests.cli.bench_targets"
QUICK = ("--no-cold", "--warm-up", "0", "--pairs", "8", "--width", "1e-9")
ENDLESS = ("--no-cold", "--budget", "300", "--width", "1e-9")
DEADLINE_SECONDS = 60.0
GUARDS = """
[[guards]]
use = "blocklist"
stage = "input"
patterns = ["secretword"]
on_hit = "block"
"""


def written(path: Path) -> dict[str, Any]:
    return dict(Result.load(path).data)
