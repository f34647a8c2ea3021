"""Plain CSV: columns task, metric, score, stderr, n; the last two may be empty.

A column `group` names the group of a task; `higher_is_better` (true or false), `version`, `shots` and `filter` say more
where they are there.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from aligntax.taxes.csv_lines import short_lines
from aligntax.taxes.lines import Progress
from aligntax.taxes.performance.metrics import described
from aligntax.taxes.performance.readers import sample_files
from aligntax.taxes.performance.readers.asked import Asked
from aligntax.taxes.performance.scores import NO_FILTER, Arm, Key, Score

__all__ = ["read"]

PROGRAM = "CSV"
COLUMNS = ("task", "metric", "score", "stderr", "n")
_MORE = ("group", "higher_is_better", "version", "shots", "filter")
_MISSING = ("", "N/A", "n/a", "NA", "-")
_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
MAX_ROWS = 1_000_000


def read(paths: Sequence[Path], asked: Asked, progress: Progress) -> Arm:
    """Return the scores of a file.

    Raises:
        ValueError: if it cannot be read, has no such columns, is empty, or a row is broken; names the line.
    """
    (path,) = paths
    scores: dict[Key, Score] = {}
    groups: dict[str, list[str]] = {}
    for line, row in _rows(path):
        key, score = _score(f"{path}:{line}", row, path, asked)
        if not asked.wants(key.metric):
            continue
        if key in scores:
            raise ValueError(f"{path}:{line}: {key.label} of {key.task} stands there twice; keep one row")
        scores[key] = score
        if row["group"]:
            groups.setdefault(row["group"], []).append(key.task)
    if not scores:
        columns = f"has no row; write one for each task, with the columns {', '.join(COLUMNS)}"
        raise ValueError(f"{path}: {asked.nothing(columns)}")
    wanted = sample_files.named(asked.samples)
    samples = sample_files.read(wanted, scores, asked, progress)
    unique = {name: tuple(dict.fromkeys(tasks)) for name, tasks in groups.items()}
    return Arm(PROGRAM, scores, samples, unique, paths=[path, *wanted.values()])


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(
                short_lines(path, file), delimiter="\t" if path.suffix.lower() == ".tsv" else ",", strict=True
            )
            names = [(name or "").strip().lower() for name in reader.fieldnames or ()]
            if not names:
                raise ValueError(f"{path}: is empty; write the columns {', '.join(COLUMNS)}")
            missing = [name for name in COLUMNS[:3] if name not in names]
            if missing:
                raise ValueError(f"{path}:1: has no column {missing[0]!r}; write the columns {', '.join(COLUMNS)}")
            reader.fieldnames = names
            for number, row in enumerate(reader):
                if number >= MAX_ROWS:
                    raise ValueError(f"{path}: has more than {MAX_ROWS:,} rows; keep one for each task")
                if None in row:
                    raise ValueError(f"{path}:{reader.line_num}: has more values than there are columns")
                yield reader.line_num, {name: (row.get(name) or "").strip() for name in (*COLUMNS, *_MORE)}
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); name a file that exists") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: byte {error.start:,} is not UTF-8; convert the file") from error
    except csv.Error as error:
        raise ValueError(f"{path}: is no CSV ({error}); write one row for each task") from error


def _score(where: str, row: Mapping[str, str], path: Path, asked: Asked) -> tuple[Key, Score]:
    for name in ("task", "metric"):
        if not row[name]:
            raise ValueError(f"{where}: has no {name}; write one")
    value = _number(where, "score", row["score"])
    if value is None:
        raise ValueError(f"{where}: has no score; write one, or remove the row")
    error, count, shots = (_number(where, name, row[name]) for name in ("stderr", "n", "shots"))
    if error is not None and error < 0:
        raise ValueError(f"{where}: stderr={error:g} is below 0; write a standard error, or leave it empty")
    for name, found in (("n", count), ("shots", shots)):
        if found is not None and (found < 0 or found != int(found)):
            raise ValueError(f"{where}: {name}={found:g} is no count; write a whole number, or leave it empty")
    told = asked.direction(row["metric"])
    if told is None and row["higher_is_better"]:
        told = _FLAGS.get(row["higher_is_better"].lower())
        if told is None:
            raise ValueError(f"{where}: higher_is_better={row['higher_is_better']!r:.30}; write true or false")
    return Key(row["task"], row["metric"], row["filter"] or NO_FILTER), Score(
        value=value,
        standard_error=error,
        error_refused=error is None and row["stderr"] != "",
        n=None if count is None else int(count),
        higher_is_better=described(row["metric"]).higher_is_better if told is None else told,
        version=row["version"] or None,
        shots=None if shots is None else int(shots),
        rounding=_rounding(row["score"]),
        source=path.name,
    )


def _number(where: str, name: str, written: str) -> float | None:
    if written in _MISSING:
        return None
    try:
        found = float(written)
    except ValueError as error:
        raise ValueError(f"{where}: {name}={written!r:.30} is no number; write one, with a point") from error
    if not math.isfinite(found):
        raise ValueError(f"{where}: {name}={written} is no finite number; leave it empty if it is not known")
    return found


def _rounding(written: str) -> float:
    """Return half a unit of the last digit of a number as it is written; a little more, for what binary leaves out."""
    mantissa, _, exponent = written.lower().partition("e")
    decimals = len(mantissa.partition(".")[2]) - int(exponent or 0)
    return 0.5001 * 10.0**-decimals
