"""HELM: run folders with run_spec.json, stats.json and, for pairs, per_instance_stats.json.

In stats.json a statistic is over trials, each of which is a mean over instances, and its variance is the population's
(`helm/benchmark/metrics/statistic.py` of crfm-helm 0.5); it says how sure the mean is only where it counts instances.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from aligntax.taxes.lines import Progress
from aligntax.taxes.performance.collecting import Collector
from aligntax.taxes.performance.metrics import described
from aligntax.taxes.performance.readers import json_file, settings_told
from aligntax.taxes.performance.readers.asked import Asked
from aligntax.taxes.performance.scores import Arm, Key, Samples, Score

__all__ = ["files", "read"]

PROGRAM = "HELM"
_DEPTHS = ("stats.json", "*/stats.json", "*/*/stats.json", "*/*/*/stats.json")
_SPLITS = ("test", "valid")
_OF_THE_MODEL = ("model", "model_deployment")
_LONGEST_VERSION = 120


def files(folder: Path) -> list[Path]:
    """Return the run folders in a folder, or itself if it is one."""
    for depth in _DEPTHS:
        found = sorted(path.parent for path in folder.glob(depth) if path.with_name("run_spec.json").is_file())
        if found:
            return found
    return []


def read(paths: Sequence[Path], asked: Asked, progress: Progress) -> Arm:
    """Return what one or more run folders say.

    Raises:
        ValueError: if one of them is none, or two are of the same task; names the file and the mend.
    """
    if asked.samples or asked.cluster:
        raise ValueError(
            f"{paths[0]}: run folders of HELM hold their items, and no groups; leave out --samples, --cluster"
        )
    scores: dict[Key, Score] = {}
    samples: dict[Key, Samples] = {}
    groups: dict[str, list[str]] = {}
    settings: dict[str, str] = {}
    used: list[Path] = []
    runs: dict[str, Path] = {}
    for number, folder in enumerate(paths):
        if not progress("Reading runs of HELM", number / len(paths), folder.name):
            raise KeyboardInterrupt
        spec = _object(folder / "run_spec.json")
        task = _task(str(spec.get("name") or folder.name))
        if task in runs:
            raise ValueError(f"{folder}: is of {task}, as is {runs[task]}; name a folder with the runs of one model")
        runs[task] = folder
        split, stats = _of_split(folder / "stats.json")
        found = _scores(folder / "stats.json", stats, task, spec, asked)
        instances = folder / "per_instance_stats.json"
        if instances.is_file():
            items = _samples(instances, task, {key.metric for key in found}, split)
            found = {key: _counted(score, items.get(key)) for key, score in found.items()}
            samples |= items
            used.append(instances)
        scores |= found
        used += [folder / "run_spec.json", folder / "stats.json"]
        settings |= _settings(task, spec)
        for group in spec.get("groups") or ():
            if group != task:
                groups.setdefault(str(group), []).append(task)
    if not scores:
        unknown = "has no score whose metric is known; name one by --metric, with --higher or --lower"
        raise ValueError(f"{paths[0]}: {asked.nothing(unknown)}")
    return Arm(PROGRAM, scores, samples, groups, settings, (), used)


def _object(path: Path) -> Mapping[str, Any]:
    data = json_file.read(path)
    if not isinstance(data, dict):
        raise ValueError(f"{path}: is no object; name a run folder that helm-run wrote")  # noqa: TRY004 (a file)
    return data


def _list(path: Path) -> list[Any]:
    data = json_file.read(path)
    if not isinstance(data, list) or not all(isinstance(each, dict) for each in data):
        raise ValueError(f"{path}: is no list of statistics; name a run folder that helm-run wrote")
    return data


def _task(name: str) -> str:
    """Return the name of a run without its model: `mmlu:subject=anatomy,model=x` is `mmlu:subject=anatomy`."""
    scenario, _, arguments = name.partition(":")
    kept = [each for each in arguments.split(",") if each and each.partition("=")[0] not in _OF_THE_MODEL]
    return ":".join([scenario, ",".join(kept)]) if kept else scenario


def _of_split(path: Path) -> tuple[str, dict[str, Mapping[str, Any]]]:
    """Return the first split that has statistics, and those by name."""
    stats = _list(path)
    split = next((split for split in _SPLITS if any(_plain(stat, split) for stat in stats)), "")
    return split, {str(stat["name"]["name"]): stat for stat in stats if _plain(stat, split)}


def _scores(
    path: Path, found: Mapping[str, Mapping[str, Any]], task: str, spec: Mapping[str, Any], asked: Asked
) -> dict[Key, Score]:
    asked_of = {name for part in spec.get("metric_specs") or () for name in (part.get("args") or {}).get("names") or ()}
    told = {name: asked.direction(name) for name in found}
    named = [name for name in found if name in asked_of] or [
        name for name in found if described(name).higher_is_better is not None
    ]
    names = dict.fromkeys([*named, *(name for name in found if told[name] is not None or name in asked.metrics)])
    instances = json_file.whole((found.get("num_instances") or {}).get("mean"))
    scores = {}
    for name in names:
        value, count = json_file.number(found[name].get("mean")), json_file.whole(found[name].get("count"))
        if not asked.wants(name) or value is None:
            continue
        known = told[name]
        scores[Key(task, name)] = Score(
            value=value,
            standard_error=_standard_error(found[name], count, instances),
            n=count if instances is None else instances,
            higher_is_better=described(name).higher_is_better if known is None else known,
            version=_version(spec),
            shots=json_file.whole((spec.get("adapter_spec") or {}).get("max_train_instances")),
            source=f"{path.parent.name}/{path.name}",
        )
    return scores


def _plain(stat: Mapping[str, Any], split: str) -> bool:
    """Whether a statistic is of unperturbed instances of a split."""
    name = stat.get("name")
    return isinstance(name, dict) and "name" in name and name.get("split") == split and not name.get("perturbation")


def _standard_error(stat: Mapping[str, Any], count: int | None, instances: int | None) -> float | None:
    """Return the sample's standard error: the population's variance times n / (n - 1), over n; root of it."""
    variance = json_file.number(stat.get("variance"))
    if (
        variance is None
        or not math.isfinite(variance)
        or count is None
        or count < 2
        or (instances is not None and count != instances)
    ):
        return None
    return math.sqrt(max(0.0, variance) / (count - 1))


def _version(spec: Mapping[str, Any]) -> str | None:
    """Return what the task is made of, which is all that HELM says of its version."""
    scenario = spec.get("scenario_spec")
    if not isinstance(scenario, dict):
        return None
    return f"{scenario.get('class_name')}({json.dumps(scenario.get('args') or {}, sort_keys=True)})"[-_LONGEST_VERSION:]


def _settings(task: str, spec: Mapping[str, Any]) -> dict[str, str]:
    adapter = spec.get("adapter_spec")
    if not isinstance(adapter, dict):
        return {}
    return {
        f"{name} of {task}": settings_told.told(value)
        for name, value in adapter.items()
        if name not in (*_OF_THE_MODEL, "max_train_instances")
    }


def _samples(path: Path, task: str, metrics: set[str], split: str) -> dict[Key, Samples]:
    """Return the mean of each instance over its trials."""
    sums: dict[str, dict[str, tuple[float, int]]] = {}
    for name, instance, value in _values(path, metrics, split):
        total, count = sums.setdefault(name, {}).get(instance, (0.0, 0))
        sums[name][instance] = total + value, count + 1
    found = {}
    for name, instances in sums.items():
        collected = Collector(f"{path.parent.name}/{path.name}", "instance_id", [name], "instance")
        for place, (instance, (total, count)) in enumerate(instances.items(), 1):
            collected.take(instance, 0, place, [total / count], None)
        found[Key(task, name)] = collected.samples()[name]
    return found


def _values(path: Path, metrics: set[str], split: str) -> Iterator[tuple[str, str, float]]:
    for place, entry in enumerate(_list(path), 1):
        if entry.get("perturbation"):
            continue
        instance = entry.get("instance_id")
        for stat in entry.get("stats") or ():
            name = stat.get("name") or {}
            if name.get("name") not in metrics or not _plain(stat, split):
                continue
            value = json_file.number(stat.get("mean"))
            if instance is None or value is None or not math.isfinite(value):
                raise ValueError(
                    f"{path}: entry {place:,} has no instance_id, or no number as the mean of {name.get('name')}; "
                    "run the benchmark again"
                )
            yield str(name["name"]), str(instance), value


def _counted(score: Score, samples: Samples | None) -> Score:
    """Return a score with the number of its instances, which stats.json need not hold."""
    return score if samples is None else replace(score, n=len(samples))
