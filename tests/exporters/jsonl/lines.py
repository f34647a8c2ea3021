"""Traces to write to a file, and its lines read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aligntax import Layer, Outcome, Span, Trace, Verdict, attribute
from aligntax.exporters.jsonl import TraceFile

PII = Layer("pii", stage="input")
MODEL = Layer("gpt2", kind="model")

TRACE = Trace(
    1_000,
    9_000,
    (
        Span(PII, 2_000, 2_500, Verdict.ERROR, cpu_ns=400, error_type="KeyError"),
        Span(MODEL, 3_000, 5_000, None, call=3, gpu_start_ns=3_100, gpu_end_ns=5_600, gpu_device="cuda:0"),
        Span(PII, 4_000, 4_500, Verdict.MODIFY, parent=1),
        Span(MODEL, 6_000, 7_000, call=3),
    ),
    Outcome.MODIFIED,
    "gpt2",
    'an "id"',
)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def numbered(number: int) -> Trace:
    return Trace(0, number)


def write(file: TraceFile, trace: Trace) -> None:
    file(trace, attribute(trace))
