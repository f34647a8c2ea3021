"""Results over time: a folder of dated files, and what they say of each metric.

A file's name is the time that its result was made and the first digits of its content's SHA-256. So nothing is ever
overwritten: what has the same name is the same result. A file appears whole or not at all.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aligntax.experiment.gate.measured import Measured, Unit
from aligntax.experiment.gate.reading import read_measured
from aligntax.inference import Estimate

__all__ = ["MAX_RESULTS", "Trend", "TrendRow", "in_all", "store", "trend", "trend_row"]

MAX_RESULTS = 1000
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class TrendRow:
    """One result in a row of them.

    Attributes:
        file: its name in the folder.
        created: when it was made.
        metrics: its figures, by key.
        units: of the metrics, by key.
        titles: of the metrics, by key.
        cpu_model: of the machine; a row of results from several machines is read with care.
        tax: as the result has it.
    """

    file: str
    created: datetime
    metrics: Mapping[str, Estimate]
    units: Mapping[str, Unit | str]
    titles: Mapping[str, str]
    cpu_model: str | None
    tax: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for plots: `file`, `created`, `cpu_model`, `tax`, and `metrics`: an estimate by key."""
        return {
            "file": self.file,
            "created": self.created.isoformat(),
            "cpu_model": self.cpu_model,
            "tax": dict(self.tax),
            "metrics": {key: found.to_dict() for key, found in self.metrics.items()},
        }


@dataclass(frozen=True, slots=True)
class Trend:
    """The results of one target in a folder, the oldest first.

    Attributes:
        rows: at most the last `MAX_RESULTS`.
        left_out: why other files of the folder are not among them, one line each.
    """

    rows: tuple[TrendRow, ...]
    left_out: tuple[str, ...] = ()


def store(path: Path, created: str, folder: Path) -> Path:
    """Put a copy of a result into a folder.

    Args:
        path: the result, which was read before.
        created: when it was made, ISO 8601.
        folder: made if need be.

    Returns:
        Where the copy is; the same for the same result.

    Raises:
        ValueError: if `created` is no time, or the folder is none.
        OSError: if it cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"--history {folder}: is no folder; name one to keep results in")
    content = path.read_bytes()
    stamp = _time(created).strftime("%Y%m%dT%H%M%SZ")
    target = folder / f"{stamp}-{hashlib.sha256(content).hexdigest()[:_DIGITS]}.json"
    folder.mkdir(parents=True, exist_ok=True)
    if target.exists():
        return target
    descriptor, partial = tempfile.mkstemp(dir=folder, prefix=".", suffix=".partial")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(partial).chmod(0o644)  # as any file that others may read; mkstemp's are its maker's alone
        Path(partial).replace(target)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    return target


def trend(folder: Path, like: Measured) -> Trend:
    """Return what a folder of results says of one target.

    Args:
        folder: where `store` put them.
        like: a result of the target; results of other targets are left out.

    Raises:
        OSError: if the folder cannot be read.
    """
    paths = sorted(folder.glob("*.json"))
    left_out = (
        [f"{len(paths) - MAX_RESULTS} files are older than the last {MAX_RESULTS}"] if len(paths) > MAX_RESULTS else []
    )
    rows = []
    for path in paths[-MAX_RESULTS:]:
        try:
            measured = read_measured(path)
            row = trend_row(measured)
        except ValueError as error:
            left_out.append(str(error))
            continue
        if (measured.schema, measured.name) == (like.schema, like.name):
            rows.append(row)
        else:
            left_out.append(f"{path}: is of {measured.name!r:.60}")
    return Trend(tuple(sorted(rows, key=lambda row: (row.created, row.file))), tuple(left_out))


def trend_row(measured: Measured) -> TrendRow:
    """Return one result as a row of a trend.

    Raises:
        ValueError: if it does not say when it was made.
    """
    known = {
        key: metric.estimate
        for key, metric in measured.metrics.items()
        if metric.estimate is not None and metric.same_as is None
    }
    return TrendRow(
        measured.path.name,
        _time(measured.created),
        known,
        {key: measured.metrics[key].unit for key in known},
        {key: measured.metrics[key].title for key in known},
        measured.conditions.get("cpu_model"),
        measured.data.get("tax") or {},
    )


def in_all(rows: Sequence[TrendRow]) -> list[str]:
    """Return the metrics that every row has."""
    return [key for key in (rows[-1].metrics if rows else ()) if all(key in row.metrics for row in rows)]


def _time(created: str) -> datetime:
    try:
        found = datetime.fromisoformat(created)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (OverflowError, ValueError) as error:  # a time zone may move the first and the last day out of the calendar
        raise ValueError(f"created={created!r:.60} is no time in ISO 8601; measure again") from error
