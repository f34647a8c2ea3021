"""inspect_ai: its logs, read by its own reader, which must be installed. Only logs of runs that succeeded count."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from aligntax.taxes.lines import Progress
from aligntax.taxes.performance.collecting import Collector, field_of
from aligntax.taxes.performance.metrics import described
from aligntax.taxes.performance.readers import json_file, settings_told
from aligntax.taxes.performance.readers.asked import Asked
from aligntax.taxes.performance.scores import Arm, Key, Samples, Score
from aligntax.taxes.record import Refusal

__all__ = ["files", "is_log", "read"]

PROGRAM = "inspect_ai"
_HEAD_BYTES = 4096
_LOG = re.compile(rb'"status"\s*:\s*"(started|success|cancelled|error)"\s*,\s*"eval"\s*:')
_ERRORS = ("stderr", "bootstrap_stderr")
_SPREAD = (*_ERRORS, "std", "var", "ci_lower", "ci_upper")
_MEANS = ("accuracy", "mean")
_SHOTS = ("fewshot", "num_fewshot", "n_shot", "shots")


def files(folder: Path) -> list[Path]:
    """Return the logs in a folder, oldest first."""
    found = [*folder.glob("*.eval"), *(path for path in folder.glob("*.json") if is_log(path))]
    return sorted(found, key=lambda path: path.name)


def is_log(path: Path) -> bool:
    """Return whether a file begins as a log in JSON does."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    with path.open("rb") as file:
        return _LOG.search(file.read(_HEAD_BYTES)) is not None


def read(paths: Sequence[Path], asked: Asked, progress: Progress) -> Arm:
    """Return what one or more logs say. Of a task that was run twice, the newer log that succeeded counts.

    Raises:
        ValueError: if one of them is none, or has no scores.
        ModuleNotFoundError: if inspect_ai is not installed.
    """
    if asked.samples:
        raise ValueError(f"{paths[0]}: logs of inspect_ai hold their samples; leave out --samples")
    scores: dict[Key, Score] = {}
    samples: dict[Key, Samples] = {}
    settings: dict[str, str] = {}
    refusals: dict[str, Refusal] = {}
    models: set[str] = set()
    versions: dict[str, set[str]] = {}
    for number, path in enumerate(paths):
        if not progress("Reading logs of inspect_ai", number / len(paths), path.name):
            raise KeyboardInterrupt
        log = _log(path)
        models.add(log.eval.model)
        if len(models) > 1:
            raise ValueError(
                f"{path}: is of another model than the logs beside it: {', '.join(sorted(models))}; name one"
            )
        task, version = log.eval.task, str(log.eval.task_version)
        if log.status != "success" or log.results is None:
            if task not in versions:  # or else an older log of it did succeed
                refusals[task] = _unfinished(path, log.status, task)
            continue
        others = versions.setdefault(task, set()) - {version}
        versions[task].add(version)
        refusals.pop(task, None)
        for key in [key for key in scores if key.task == task]:
            del scores[key]
            samples.pop(key, None)
        if others:
            refusals[task] = _mixed(path, task, others, version)
            continue
        found = dict(_scores(path, log, asked))
        scores |= found
        samples |= _samples(path, log, found, asked)
        settings |= _settings(log)
    if not scores and not refusals:
        nothing = asked.nothing(f"has no scores; score it by: inspect score {paths[0].name}")
        raise ValueError(f"{paths[0]}: {nothing}")
    return Arm(PROGRAM, scores, samples, {}, settings, list(refusals.values()), list(paths))


def _log(path: Path) -> Any:
    try:
        reader = import_module("inspect_ai.log")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{path}: logs of inspect_ai are read by its own reader; {error.name} is not installed; "
            "run: pip install 'aligntax[inspect]'",
            name=error.name,
        ) from error
    if path.stat().st_size > json_file.MAX_BYTES and path.suffix.lower() == ".json":
        raise ValueError(
            f"{path}: longer than {json_file.MAX_BYTES:,} bytes; convert it by: inspect log convert --to eval"
        )
    try:  # only of a log in the eval format does the header hold the scores of samples
        return reader.read_eval_log(str(path), header_only=path.suffix.lower() == ".eval")
    except Exception as error:  # its reader raises whatever its zip, JSON and pydantic raise
        raise ValueError(
            f"{path}: is no log that inspect_ai can read ({type(error).__name__}); run it again"
        ) from error


def _scores(path: Path, log: Any, asked: Asked) -> Iterator[tuple[Key, Score]]:
    assert log.results is not None  # noqa: S101 (only called for logs that have them)
    for scored in log.results.scores:
        error = next((scored.metrics[name].value for name in _ERRORS if name in scored.metrics), None)
        for name, metric in scored.metrics.items():
            if name in _SPREAD or not asked.wants(name):
                continue
            told = asked.direction(name)
            yield (
                Key(log.eval.task, name, _scorer(scored)),
                Score(
                    value=float(metric.value),
                    standard_error=json_file.error(error) if name in _MEANS else None,
                    n=_counted(scored, log),
                    higher_is_better=described(name).higher_is_better if told is None else told,
                    version=str(log.eval.task_version),
                    shots=next(
                        (
                            json_file.whole(log.eval.task_args.get(name))
                            for name in _SHOTS
                            if name in log.eval.task_args
                        ),
                        None,
                    ),
                    source=path.name,
                ),
            )


def _scorer(scored: Any) -> str:
    return scored.name if scored.reducer is None else f"{scored.name}/{scored.reducer}"


def _counted(scored: Any, log: Any) -> int | None:
    counted = getattr(scored, "scored_samples", None)
    if counted is None and log.results is not None:
        counted = log.results.completed_samples // max(1, log.eval.config.epochs or 1)
    return json_file.whole(counted)


def _samples(path: Path, log: Any, scores: Mapping[Key, Score], asked: Asked) -> dict[Key, Samples]:
    """Return the items of scores that are means of them: each is reduced over its epochs by the log's own reducer."""
    found: dict[Key, Samples] = {}
    grouping = asked.cluster_of(log.eval.task)
    clusters = None if grouping is None else _clusters(path, grouping)
    for reduced in log.reductions or ():
        metrics = [key.metric for key in scores if key.filter == _scorer_of(reduced) and key.metric in _MEANS]
        if not metrics:
            continue
        collected = Collector(path.name, "sample id", metrics[:1], "sample")
        for place, item in enumerate(reduced.samples, 1):
            value = json_file.number(item.value)
            if value is None or math.isnan(value) or item.sample_id is None:
                continue
            cluster = None if clusters is None else clusters[str(item.sample_id)]
            collected.take(str(item.sample_id), 0, place, [value], cluster)
        if len(collected):
            (samples,) = collected.samples().values()
            found |= {Key(log.eval.task, metric, _scorer_of(reduced)): samples for metric in metrics}
    return found


def _scorer_of(reduced: Any) -> str:
    return reduced.scorer if reduced.reducer is None else f"{reduced.scorer}/{reduced.reducer}"


def _clusters(path: Path, field: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for summary in import_module("inspect_ai.log").read_eval_log_sample_summaries(str(path)):
        cluster = field_of({"metadata": summary.metadata}, field)
        if cluster is None:
            raise ValueError(
                f"{path}: sample {summary.id!r:.40} has no field {field}; name another, e.g. --cluster metadata.topic"
            )
        found[str(summary.id)] = cluster
    return found


def _settings(log: Any) -> dict[str, str]:
    task, config = log.eval.task, log.eval.config
    generating = {
        **log.eval.model_generate_config.model_dump(exclude_none=True),
        **log.plan.config.model_dump(exclude_none=True),
    }
    return {
        f"data set of {task}": str(log.eval.dataset.name),
        f"arguments of {task}": settings_told.several(log.eval.task_args),
        f"epochs of {task}": str(config.epochs or 1),
        f"generation settings of {task}": settings_told.several(generating),
        "version of inspect_ai": log.eval.packages.get("inspect_ai", ""),
    }


def _unfinished(path: Path, status: str, task: str) -> Refusal:
    return Refusal(
        task,
        "unfinished",
        f"{path}: its status is {status!r}, and only 'success' counts; finish it by: inspect eval-retry {path.name}",
    )


def _mixed(path: Path, task: str, before: set[str], now: str) -> Refusal:
    return Refusal(
        task,
        "mixed_versions",
        f"{path.parent}: has logs of {task} of version {', '.join(sorted(before))} and of version {now}; "
        "name one log, or keep those of one version",
    )
