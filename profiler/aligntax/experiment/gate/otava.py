"""Change points in a trend, by Apache Otava.

Otava 0.8 requires NumPy 2.2 and SciPy 1.16 to the digit, so it is run as a program of its own (`pipx install
apache-otava`), and never imported. Its CSV reader knows no gaps: each group of metrics that the same results have is a
test of its own. Source: https://otava.apache.org/docs/csv.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from aligntax.experiment.gate.bench_result import DECIDING
from aligntax.experiment.gate.history import Trend, TrendRow, in_all
from aligntax.experiment.gate.measured import Unit
from aligntax.experiment.gate.quantity import written
from aligntax.report.experiment.wording import counted

__all__ = [
    "PROGRAM",
    "ChangePoint",
    "change_points",
    "otava_csv",
    "otava_files",
    "otava_settings",
    "plotted",
    "settings_beside",
    "told",
]

PROGRAM = "otava"
LEAST_RESULTS = 4
PATIENCE_SECONDS = 120
_TEST = "aligntax"


class ChangePoint(NamedTuple):
    """A result from which on a metric has moved: the means of the results before it and from it on, up to the next."""

    metric: str
    title: str
    unit: Unit | str
    file: str
    created: datetime
    before: float
    after: float


def told(trend: Trend) -> tuple[list[str], list[ChangePoint]]:
    """Return what a history holds and where metrics moved in it: in lines, and as points.

    Where that is not known, since Otava is not installed or fails, the lines say why, and there are no points.
    """
    if not trend.rows:  # others may be newer by more than are read
        return ["History: no result of this target among those that are read."], []
    points: list[ChangePoint] = []
    try:
        points = change_points(trend.rows)
        found = [f"Change points: {len(points):,}.", *map(_told, points)]
    except ValueError as error:
        found = [f"Change points are not known: {error}."]
    first, last = (f"{row.created:%Y-%m-%d}" for row in (trend.rows[0], trend.rows[-1]))
    lines = [f"History: {counted(len(trend.rows), 'result')} from {first} to {last}.", *found]
    if trend.left_out:
        lines.append(f"Left out of the history: {len(trend.left_out):,}; first: {trend.left_out[0]}.")
    return lines, points


def plotted(trend: Trend, points: Sequence[ChangePoint]) -> list[dict[str, Any]]:
    """Return a trend as plain data for plots: each row, and as `change_point` whether the relative tax moved there."""
    moved = {point.file for point in points if point.metric == DECIDING}
    return [{**row.to_dict(), "change_point": row.file in moved} for row in trend.rows]


def settings_beside(path: Path) -> Path:
    """Return where the settings for a CSV file go."""
    return path.with_suffix(".yaml")


def otava_files(path: Path, rows: Sequence[TrendRow]) -> dict[Path, str]:
    """Return the texts of a CSV file and of the settings beside it, with the metrics that all results have.

    To be read with `otava analyze --config-file SETTINGS aligntax`.

    Args:
        path: of the CSV file.
        rows: the oldest first.
    """
    metrics = in_all(rows)
    return {path: otava_csv(rows, metrics), settings_beside(path): otava_settings({_TEST: (str(path), metrics)})}


def otava_csv(rows: Sequence[TrendRow], metrics: Sequence[str]) -> str:
    """Return a trend in the form that Otava reads: a line for each result, a column for each metric.

    Args:
        rows: the oldest first.
        metrics: which every row must have.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["time", "file", "cpu_model", *metrics])
    for row in rows:
        figures = [repr(float(row.metrics[key].value)) for key in metrics]
        writer.writerow([row.created.isoformat(), row.file, row.cpu_model or "", *figures])
    return text.getvalue()


def otava_settings(tests: Mapping[str, tuple[str, Sequence[str]]]) -> str:
    """Return Otava's configuration, in JSON, which is YAML, too.

    Args:
        tests: CSV file and metrics of each test. All metrics are better when they are lower.
    """
    settings = {
        name: {
            "type": "csv",
            "file": file,
            "time_column": "time",
            "attributes": ["file", "cpu_model"],
            "metrics": {key: {"column": key, "direction": -1, "scale": 1} for key in metrics},
        }
        for name, (file, metrics) in tests.items()
    }
    return json.dumps({"tests": settings}, indent=1) + "\n"


def change_points(rows: Sequence[TrendRow]) -> list[ChangePoint]:
    """Return where metrics moved, the earliest first.

    Args:
        rows: the oldest first; of metrics that fewer than `LEAST_RESULTS` of them have, nothing is said.

    Raises:
        ValueError: if there are too few rows for any of them, Otava is not installed, fails, takes longer than
            `PATIENCE_SECONDS`, or writes what is not known here; says which.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise ValueError("Otava is not installed (pipx install apache-otava)")
    groups = [group for group in _groups(rows) if len(group[1]) >= LEAST_RESULTS]
    if not groups:
        raise ValueError(f"there are too few, {len(rows):,}; at least {LEAST_RESULTS} are needed")
    with tempfile.TemporaryDirectory(prefix="aligntax-otava-") as folder:
        tests = {}
        for number, (metrics, chosen) in enumerate(groups):
            file = Path(folder, f"{number}.csv")
            file.write_text(otava_csv(chosen, metrics), encoding="utf-8")
            tests[f"{_TEST}-{number}"] = (str(file), metrics)
        settings = Path(folder, "otava.json")
        settings.write_text(otava_settings(tests), encoding="utf-8")
        found = _run(program, settings, list(tests), rows[0].created)
    try:
        points = [point for number, group in enumerate(groups) for point in _points(found, f"{_TEST}-{number}", *group)]
    except (ArithmeticError, LookupError, TypeError) as error:
        raise ValueError(f"{program}: wrote something else than version 0.8 does ({error!r:.100})") from error
    return sorted(points, key=lambda point: (point.created, point.metric))


def _told(point: ChangePoint) -> str:
    before, after = (written(value, point.unit, signed=True) for value in (point.before, point.after))
    return f"{point.title}: {before} until {point.created:%Y-%m-%d %H:%M} ({point.file}), {after} from then on"


def _groups(rows: Sequence[TrendRow]) -> list[tuple[list[str], list[TrendRow]]]:
    """Return metrics with the rows that have them, together where these are the same ones."""
    groups: dict[tuple[int, ...], list[str]] = {}
    for key in dict.fromkeys(key for row in rows for key in row.metrics):
        having = tuple(index for index, row in enumerate(rows) if key in row.metrics)
        groups.setdefault(having, []).append(key)
    return [(metrics, [rows[index] for index in having]) for having, metrics in groups.items()]


def _run(program: str, settings: Path, tests: Sequence[str], first: datetime) -> dict[str, Any]:
    # Without --since it looks at the last year only.
    since = (first - timedelta(days=1)).strftime("%Y-%m-%d")
    command = [program, "analyze", "--config-file", str(settings), "--output", "json", "--since", since, *tests]
    try:
        done = subprocess.run(  # noqa: S603 (the program that was looked up, on files made here)
            command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise ValueError(
            f"{program}: no answer within {PATIENCE_SECONDS} s; keep fewer results in the history"
        ) from error
    except OSError as error:
        raise ValueError(f"{program}: cannot be run ({error.strerror})") from error
    found: dict[str, Any] = {}
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            found.update(json.loads(line))
    if done.returncode or len(found) != len(tests):  # it ends with 0 when it could not read a file
        said = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "it said nothing")
        raise ValueError(f"{program}: ended with code {done.returncode}: {said:.200}")
    return found


def _points(
    found: Mapping[str, Any], test: str, metrics: Sequence[str], rows: Sequence[TrendRow]
) -> Iterator[ChangePoint]:
    places: dict[str, list[int]] = {key: [] for key in metrics}
    for group in found[test]:
        for change in group["changes"]:
            places[change["metric"]].append(int(change["index"]))
    for key, indices in places.items():
        # Otava rounds to six decimals, which leaves nothing of microseconds; the means are taken here.
        bounds = [0, *sorted(indices), len(rows)]
        means = [
            sum(row.metrics[key].value for row in rows[start:end]) / (end - start) for start, end in pairwise(bounds)
        ]
        for place, (before, after) in zip(bounds[1:-1], pairwise(means), strict=True):
            row = rows[place]
            yield ChangePoint(key, row.titles[key], row.units[key], row.file, row.created, before, after)
