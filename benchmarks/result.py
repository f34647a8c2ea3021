"""What a benchmark returns, and how it is kept: schema `aligntax.benchmark/1`."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import measure
from measure import Estimate, Float64Array

import aligntax

SCHEMA = "aligntax.benchmark/1"
PEERS = ("numpy", "prometheus_client", "opentelemetry-sdk")


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison; lower is better in every unit.

    Attributes:
        case: what was measured.
        ours, theirs: in `unit`.
        peer: whose `theirs` is; where there is a figure to reach instead of a peer, the figure's name.
        speedup: theirs / ours, so that above 1 ours is better.
        speedup_interval: 95 % interval; None where the two were not measured in rounds.
        ours_interval: 95 % interval of `ours`.
        wanted: the least speedup to reach; None where the row is for orientation.
        more: whatever else the benchmark found out about the case, by name.
    """

    case: str
    ours: float
    peer: str
    theirs: float
    unit: str
    speedup: float
    speedup_interval: tuple[float, float] | None = None
    ours_interval: tuple[float, float] | None = None
    wanted: float | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether the figure to reach was reached; None where there is none."""
        return None if self.wanted is None else self.speedup >= self.wanted

    def to_dict(self) -> dict[str, Any]:
        """Return the row as plain data."""
        named = {name: getattr(self, name) for name in self.__slots__ if name != "more"}
        return {**named, "met": self.met, **self.more}


@dataclass(frozen=True, slots=True)
class Result:
    """What one benchmark found.

    Attributes:
        rows: the comparisons.
        answers_agree: whether everything that was compared had computed the same before anything was timed.
        more: whatever else is worth keeping, by name.
    """

    rows: Sequence[Row]
    answers_agree: bool
    more: Mapping[str, Any] = field(default_factory=dict)


def compared(
    case: str, ours: Float64Array, peer: str, theirs: Float64Array, unit: str, wanted: float | None = None, **more: Any
) -> Row:
    """Return the row for two arms of the same rounds."""
    mine = measure.median(ours)
    speedup = measure.ratio_of_medians(theirs, ours)
    return Row(
        case,
        mine.median,
        peer,
        measure.median(theirs).median,
        unit,
        speedup.median,
        speedup.interval,
        mine.interval,
        wanted,
        {"rounds": len(ours), **more},
    )


def limited(
    case: str,
    ours: Estimate,
    limit: float,
    unit: str,
    resolution: float,
    peer: str = "the figure to reach",
    **more: Any,
) -> Row:
    """Return the row for a figure to reach: `ours` should be at most `limit`.

    Args:
        case, unit, peer, more: as in `Row`.
        ours: what was measured.
        limit: in `unit`.
        resolution: the least that can be told from nothing, in `unit`; a smaller `ours` counts as that in the speedup.
    """
    speedup = limit / max(ours.median, resolution)
    interval = None
    if ours.interval is not None:
        low, high = ours.interval
        interval = (limit / max(high, resolution), limit / max(low, resolution))
    return Row(case, ours.median, peer, limit, unit, speedup, interval, ours.interval, 1.0, more)


def to_dict(name: str, result: Result, *, quick: bool, started: Mapping[str, Any]) -> dict[str, Any]:
    """Return a result as plain data.

    Args:
        name: the benchmark's.
        result: what it found.
        quick: whether it was a short run, whose figures are not to be quoted.
        started: what `machine` said before the benchmark ran.
    """
    return {
        "schema": SCHEMA,
        "benchmark": name,
        "quick": quick,
        "machine": {**started, "load_average_after": list(os.getloadavg())},
        "answers_agree": result.answers_agree,
        "rows": [row.to_dict() for row in result.rows],
        **result.more,
    }


def machine() -> dict[str, Any]:
    """Return what the figures depend on: processor, interpreter, versions, load, date."""
    return {
        "cpu_model": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "versions": {"aligntax": aligntax.__version__, **{name: metadata.version(name) for name in PEERS}},
        "load_average": list(os.getloadavg()),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "clock": vars(time.get_clock_info("perf_counter")),
        "switch_interval_seconds": sys.getswitchinterval(),
        "garbage_collector": measure.garbage_collector(),
    }


def versions(*distributions: str) -> dict[str, str]:
    """Return the installed versions of the peers that a benchmark compares with, for `Result.more["versions"]`."""
    return {name: metadata.version(name) for name in distributions}


def write(path: Path, data: Mapping[str, Any]) -> None:
    """Write a result as JSON; the file is complete or not there at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(data, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    partial.replace(path)


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Hardware")))
    return next(named, platform.processor() or "unknown")
