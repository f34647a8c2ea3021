"""JSON lines with one item each, as `lm_eval --log_samples` writes them; read one line at a time."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from aligntax.taxes.lines import Line, Progress, objects
from aligntax.taxes.performance.collecting import Collector, field_of
from aligntax.taxes.performance.readers.asked import Asked
from aligntax.taxes.performance.scores import NO_FILTER, Key, Samples, Score

__all__ = ["named", "read"]

_NAME = re.compile(r"samples_(.+?)(?:_\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?)?\.jsonl$")
_MOST_ORDER = 2**62
_IDENTITIES = ("doc_hash", "doc_id", "id")


def named(given: Sequence[str]) -> dict[str, Path]:
    """Return files by task.

    Args:
        given: `TASK=FILE`, a file whose name is `samples_TASK_DATE.jsonl`, or a folder of those, of which the newest
            of each task counts.

    Raises:
        ValueError: if a file is not there, or its name says no task.
    """
    found: dict[str, Path] = {}
    for each in given:
        task, mark, rest = each.partition("=")
        path = Path(each)
        if mark and not path.exists():
            found[task] = _existing(Path(rest), each)
        elif path.is_dir():
            inside = sorted(path.glob("samples_*.jsonl"), key=lambda file: file.name)
            if not inside:
                raise ValueError(f"{path}: holds no samples_*.jsonl; run lm_eval with --log_samples")
            found |= {_task(file): file for file in inside}
        else:
            found[_task(_existing(path, each))] = path
    return found


def read(
    wanted: Mapping[str, Path], scores: Mapping[Key, Score], asked: Asked, progress: Progress
) -> dict[Key, Samples]:
    """Return the items of each score that has a file of them.

    Metrics whose items are no numbers, such as a perplexity, are left out: their scores are no means.

    Raises:
        ValueError: if a file is of a task without scores, is empty, or a line is broken; names the file and the line.
    """
    found: dict[Key, Samples] = {}
    metrics: dict[str, dict[str, list[str]]] = {}
    for key in scores:
        metrics.setdefault(key.task, {}).setdefault(key.filter, []).append(key.metric)
    folders = {Path(each) for each in asked.samples}
    for task, path in wanted.items():
        if task not in metrics:
            if path.parent in folders:
                continue
            raise ValueError(f"{path}: holds samples of {task}, of which there are no scores; name a task that has")
        for rule, collected in _collected(path, metrics[task], asked.cluster_of(task), progress).items():
            found |= {Key(task, metric, rule): each for metric, each in collected.samples().items()}
    return found


def _existing(path: Path, written: str) -> Path:
    if not path.is_file():
        raise ValueError(f"{written}: {path} is no file; name a file of samples that exists, or TASK=FILE")
    return path


def _task(path: Path) -> str:
    match = _NAME.match(path.name)
    if match is None:
        raise ValueError(f"{path}: its name says no task, as samples_TASK_DATE.jsonl does; write TASK={path}")
    return match[1]


def _collected(
    path: Path, metrics: Mapping[str, Sequence[str]], grouping: str | None, progress: Progress
) -> dict[str, Collector]:
    collectors: dict[str, Collector] = {}
    lines = 0
    for line in objects(path, progress):
        lines += 1
        rule = line.found.get("filter", NO_FILTER)
        if not isinstance(rule, str) or rule not in metrics:
            continue
        if rule not in collectors:
            usable = list(_usable(line.found, metrics[rule]))
            identity = next((name for name in _IDENTITIES if name in line.found), None)
            if identity is None:
                raise ValueError(f"{path}:{line.number}: has no doc_hash, doc_id or id; give each item one")
            collectors[rule] = Collector(path.name, identity, usable)
        _take(path, line, collectors[rule], grouping)
    if not lines:
        raise ValueError(f"{path}: is empty; run the benchmark again with --log_samples")
    return collectors


def _usable(row: Mapping[str, Any], metrics: Sequence[str]) -> Iterator[str]:
    """Yield the metrics whose items are numbers; of the others, lists go into a formula of the whole data set."""
    for metric in metrics:
        if isinstance(row.get(metric), bool | int | float):
            yield metric


def _take(path: Path, line: Line, collector: Collector, grouping: str | None) -> None:
    row, where = line.found, f"{path}:{line.number}"
    identity = row.get(collector.identified_by)
    if not isinstance(identity, str | int) or isinstance(identity, bool):
        raise ValueError(f"{where}: has no {collector.identified_by}, which other lines have; give each item one")  # noqa: TRY004 (a file)
    values = []
    for metric in collector.metrics:
        value = row.get(metric)
        if not isinstance(value, bool | int | float) or not math.isfinite(value):
            raise ValueError(f"{where}: {metric} is missing or no number; remove the line from both files, or mend it")
        values.append(float(value))
    cluster = None
    if grouping is not None:
        cluster = field_of(row, grouping)
        if cluster is None:
            raise ValueError(
                f"{where}: has no field {grouping}; name another by --cluster, for this task by TASK=FIELD"
            )
    order = row.get("doc_id")
    if not isinstance(order, int) or abs(order) > _MOST_ORDER or collector.identified_by != "doc_hash":
        order = 0
    collector.take(str(identity), order, line.number, values, cluster)
