"""lm-evaluation-harness: its results JSON, and the samples that lie beside it.

Format: `lm_eval/result_schema.py` and `lm_eval/loggers/evaluation_tracker.py` of lm-evaluation-harness 0.4; of older
versions, metrics without a filter in their names, and files without `n-samples`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from aligntax.taxes.lines import Progress
from aligntax.taxes.performance.metrics import described
from aligntax.taxes.performance.readers import json_file, sample_files
from aligntax.taxes.performance.readers.asked import Asked
from aligntax.taxes.performance.scores import NO_FILTER, Arm, Key, Score
from aligntax.taxes.record import Refusal

__all__ = ["files", "read"]

PROGRAM = "lm-evaluation-harness"
_RESULTS = "results_*.json"
_DATE = re.compile(r"_(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?)\.json$")
_NO_METRICS = ("alias", "name", "sample_len", "sample_count")
_SETTINGS = {
    "chat_template_sha": "chat template",
    "system_instruction_sha": "system instruction",
    "fewshot_as_multiturn": "few-shot examples as turns",
    "lm_eval_version": "version of lm-evaluation-harness",
}


def files(folder: Path) -> list[Path]:
    """Return the results in a folder, or in its only subfolder that has some, oldest first.

    Raises:
        ValueError: if several subfolders have some; lm_eval writes one for each model.
    """
    found = sorted(folder.glob(_RESULTS)) or sorted(folder.glob(f"*/{_RESULTS}"))
    folders = sorted({path.parent.name for path in found})
    if len(folders) > 1:
        raise ValueError(f"{folder}: holds results of {', '.join(folders[:5])}; name the folder of one model")
    return found


def read(paths: Sequence[Path], asked: Asked, progress: Progress) -> Arm:
    """Return what one or more results files say. Of a task that was run twice, the newer one counts.

    Raises:
        ValueError: if one of them is none, or a file of samples is broken.
    """
    scores: dict[Key, Score] = {}
    groups: dict[str, Sequence[str]] = {}
    settings: dict[str, str] = {}
    refusals: list[Refusal] = []
    places: dict[str, Path] = {}
    models: set[str] = set()
    spoilt: set[str] = set()
    for path in paths:
        data = _results(path)
        models |= {str(data["model_name"])} if data.get("model_name") else set()
        if len(models) > 1:
            raise ValueError(
                f"{path}: is of another model than the files beside it: {', '.join(sorted(models))}; name one"
            )
        found = _scores(path, data, asked)
        before, now = ({key.task: score.version for key, score in part.items()} for part in (scores, found))
        refusals += [
            _mixed(task, path, before[task], version)
            for task, version in now.items()
            if before.get(task, version) != version
        ]
        spoilt = {refusal.what for refusal in refusals}
        scores = {key: score for key, score in scores.items() if key.task not in now} | found
        scores = {key: score for key, score in scores.items() if key.task not in spoilt}
        places |= dict.fromkeys(now, path)
        groups |= _groups(data)
        settings |= _settings(data)
    if not scores and not refusals:
        raise ValueError(f"{paths[0]}: {asked.nothing('has no scores; run the benchmark again, on at least one item')}")
    tasks = dict.fromkeys(key.task for key in scores)
    named = sample_files.named(asked.samples)
    wanted = {task: path for task, path in named.items() if task not in spoilt} | {
        task: beside for task in tasks if task not in named and (beside := _beside(places[task], task)) is not None
    }
    samples = sample_files.read(wanted, scores, asked, progress)
    used = [path for task, path in wanted.items() if task in tasks]
    return Arm(PROGRAM, scores, samples, groups, settings, refusals, [*paths, *used])


def _results(path: Path) -> Mapping[str, Any]:
    data = json_file.read(path)
    if not isinstance(data, dict) or not isinstance(data.get("results"), dict):
        raise ValueError(  # noqa: TRY004 (the file is wrong, not an argument's type)
            f"{path}: has no 'results'; name the results_*.json that lm-evaluation-harness wrote by --output_path"
        )
    return data


def _scores(path: Path, data: Mapping[str, Any], asked: Asked) -> dict[Key, Score]:
    found: dict[Key, Score] = {}
    for task, row in data["results"].items():
        if not isinstance(row, dict) or _is_group(data, task):
            continue
        counted = _of(data, "n-samples", task)
        n = json_file.whole(counted.get("effective") if isinstance(counted, dict) else counted)
        version = _of(data, "versions", task)
        directions = _of(data, "higher_is_better", task)
        for metric, rule, written in _metrics(row):
            if not asked.wants(metric):
                continue
            told = asked.direction(metric)
            if told is None and isinstance(directions, dict):
                told = directions.get(metric)
            value = json_file.number(written)
            if value is None:
                continue
            error = _stderr(row, metric, rule)
            found[Key(task, metric, rule)] = Score(
                value=value,
                standard_error=json_file.error(error),
                error_refused=error is not None and json_file.error(error) is None,
                n=json_file.whole(row.get("sample_len")) if n is None else n,
                higher_is_better=told if isinstance(told, bool) else described(metric).higher_is_better,
                version=None if version is None else _version(version),
                shots=json_file.whole(_of(data, "n-shot", task)),
                source=path.name,
            )
    return found


def _metrics(row: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield metric, filter and what is written for it."""
    for name, value in row.items():
        metric, _, rule = name.partition(",")
        if name not in _NO_METRICS and not metric.endswith("_stderr"):
            yield metric, rule or NO_FILTER, value


def _stderr(row: Mapping[str, Any], metric: str, rule: str) -> Any:
    return row.get(f"{metric}_stderr,{rule}", row.get(f"{metric}_stderr") if rule == NO_FILTER else None)


def _is_group(data: Mapping[str, Any], task: str) -> bool:
    """Whether a row is an average of other rows."""
    return _of(data, "groups", task) is not None or bool(_of(data, "group_subtasks", task))


def _of(data: Mapping[str, Any], part: str, task: str) -> Any:
    found = data.get(part)
    return found.get(task) if isinstance(found, dict) else None


def _version(written: Any) -> str:
    """Return a version as a string: 1, 1.0 and "1.0" are one."""
    try:
        return f"{float(written):g}"
    except (TypeError, ValueError):
        return str(written)


def _groups(data: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    parts = data.get("group_subtasks")
    if not isinstance(parts, dict):
        return {}

    def leaves(group: str) -> Iterator[str]:
        seen: set[str] = set()
        waiting = [group]
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                inner = parts.get(name)
                if inner and isinstance(inner, list):
                    waiting += map(str, reversed(inner))
                else:
                    yield name

    return {name: tuple(leaves(name)) for name, inner in parts.items() if inner and isinstance(inner, list)}


def _settings(data: Mapping[str, Any]) -> dict[str, str]:
    found = {title: str(data.get(name)) for name, title in _SETTINGS.items() if name in data}
    config = data.get("config")
    if isinstance(config, dict):
        found |= {
            title: str(config.get(name))
            for name, title in (
                ("fewshot_seed", "seed of the few-shot examples"),
                ("gen_kwargs", "generation settings"),
            )
            if name in config
        }
    hashes = data.get("task_hashes")
    if isinstance(hashes, dict):
        found |= {f"documents, prompts or targets of {task}": str(value) for task, value in hashes.items()}
    return found


def _mixed(task: str, path: Path, before: str | None, now: str | None) -> Refusal:
    return Refusal(
        task,
        "mixed_versions",
        f"{path.parent}: has results of {task} of version {before} and of version {now}; "
        "name one results file, or keep those of one version",
    )


def _beside(results: Path, task: str) -> Path | None:
    """Return the samples that were written together with a results file."""
    date = _DATE.search(results.name)
    if date is None:
        return None
    path = results.with_name(f"samples_{task}_{date[1]}.jsonl")
    return path if path.is_file() else None
