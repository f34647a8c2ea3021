"""What a gate can be written as, by the option that asks for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from aligntax.experiment.gate.bencher import to_bencher
from aligntax.experiment.gate.judging import Judged
from aligntax.experiment.gate.junit import junit
from aligntax.experiment.gate.pytest_benchmark import to_pytest_benchmark

__all__ = ["WRITERS"]


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, indent=1, allow_nan=False) + "\n"


WRITERS: Mapping[str, Callable[[Judged], str]] = {
    "--json": lambda judged: _json(judged.to_dict()),
    "--junit": junit,
    "--bencher": lambda judged: _json(to_bencher(judged.measured)),
    "--pytest-benchmark": lambda judged: _json(to_pytest_benchmark(judged.measured)),
}
