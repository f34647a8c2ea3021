"""Score files of made-up benchmarks, in the shape that the programs write."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from aligntax.taxes.performance import Asked, Question, performance_tax, read_arm
from aligntax.taxes.record import TaxRecord

DATA = Path(__file__).with_name("data")
DATE = "2026-11-30T03-35-02.716488"


def csv(path: Path, *rows: str, header: str = "task,metric,score,stderr,n") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def results(folder: Path, tasks: Mapping[str, Mapping[str, Any]], **more: Any) -> Path:
    """Write results JSON of tasks with `scores`, `n`, `version`, `shots`, `better`; return its path."""
    folder.mkdir(exist_ok=True, parents=True)
    data = {
        "results": {name: {"alias": name, **task["scores"]} for name, task in tasks.items()},
        "group_subtasks": {name: [] for name in tasks},
        "versions": {name: task.get("version", 1.0) for name, task in tasks.items()},
        "n-shot": {name: task.get("shots", 0) for name, task in tasks.items()},
        "higher_is_better": {name: task.get("better", {"acc": True}) for name, task in tasks.items()},
        "n-samples": {name: {"original": task["n"], "effective": task["n"]} for name, task in tasks.items()},
        "chat_template_sha": None,
        **more,
    }
    path = folder / f"results_{DATE}.json"
    path.write_text(json.dumps(data))
    return path


def samples(folder: Path, task: str, values: Sequence[float], metric: str = "acc", **more: Sequence[Any]) -> Path:
    """Write one line an item; `more` holds further fields of each, which replace those of this name."""
    folder.mkdir(exist_ok=True, parents=True)
    path = folder / f"samples_{task}_{DATE}.jsonl"
    lines = []
    for number, value in enumerate(values):
        row = {
            "doc_id": number,
            "doc": {"question": f"secret {number}"},
            "filter": "none",
            "metrics": [metric],
            "doc_hash": sha256(f"{task} {number}".encode()).hexdigest(),
            metric: value,
        }
        lines.append(json.dumps(row | {name: column[number] for name, column in more.items()}))
    path.write_text("\n".join(lines) + "\n")
    return path


def tax(raw: Path, aligned: Path, asked: Asked | None = None, **question: Any) -> TaxRecord:
    found = asked or Asked()
    return performance_tax(read_arm(raw, found), read_arm(aligned, found), Question(**question))
