"""Recorded requests, read back: lines of a trace file, or the traces in the result of an experiment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from aligntax.attribution import attribute
from aligntax.experiment.result import MAX_BYTES, Result
from aligntax.exporters.record import SCHEMA
from aligntax.inference import Estimate
from aligntax.trace import Layer, Outcome, Span, Trace, Verdict

__all__ = ["MAX_TRACES", "Recorded", "read_traces", "trace_of"]

MAX_TRACES = 100_000
_REQUIRED = {"outcome": str, "duration_ns": int, "raw_ns": int, "spans": list}
_REQUIRED_OF_SPAN = {"layer": str, "kind": str, "stage": str, "offset_ns": int, "duration_ns": int}
_OPTIONAL_OF_SPAN = {
    "verdict": str,
    "parent": int,
    "call": int,
    "cpu_ns": int,
    "gpu_ns": int,
    "gpu_offset_ns": int,
    "gpu_device": str,
    "error_type": str,
}


class Recorded(NamedTuple):
    """What was read.

    Attributes:
        traces: the requests, in the order of the file.
        incomplete: how many were passed over: spans of theirs, or when their work ran on the GPU, had not been written.
        residual: contention residual of the experiment, in seconds; None for a trace file.
    """

    traces: list[Trace]
    incomplete: int
    residual: Estimate | None = None


def read_traces(path: Path | str) -> Recorded:
    """Read the requests in a trace file (JSON lines), or in the result of an experiment (JSON).

    Args:
        path: a file of at most 256 MiB and 100,000 requests.

    Raises:
        ValueError: if it cannot be read, is neither of the two, holds too many requests or none that is complete, or
            one whose spans do not give the raw time that was written beside them; names the place.
    """
    path = Path(path)
    traces: list[Trace] = []
    incomplete = 0
    residual, records = _records(path)
    for where, record in records:
        if len(traces) + incomplete >= MAX_TRACES:
            raise ValueError(
                f"{path}: more than {MAX_TRACES:,} requests; pass a part of it, e.g. that of tail -n {MAX_TRACES}"
            )
        try:
            trace = trace_of(record)
        except ValueError as error:
            raise ValueError(f"{path}, {where}: {error}") from error
        if trace is None:
            incomplete += 1
        else:
            traces.append(trace)
    if not traces:
        raise ValueError(
            f"{path}: holds no request that is complete ({incomplete:,} are not); record some with TraceFile, or by "
            "aligntax bench TARGET --json FILE"
        )
    return Recorded(traces, incomplete, residual)


def trace_of(record: Any) -> Trace | None:
    """Return the trace that a record of schema `aligntax.trace/1` tells of.

    It starts at 0, and its spans have no strands: neither is written. All that attribution looks at is there.

    Args:
        record: as `TraceFile` writes it.

    Returns:
        The trace, or None where not all of it had been written: it had too many spans, or work on a GPU outlived its
        call and when it ended is not in the record.

    Raises:
        ValueError: if the record is none, or its spans do not give the raw time that was written beside them.
    """
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        found = record.get("schema") if isinstance(record, dict) else type(record).__name__
        raise ValueError(f"{found!r:.60} is no trace; this program reads schema {SCHEMA!r}")
    _check(record, _REQUIRED, "trace")
    if record.get("spans_left_out"):
        return None
    trace = Trace(
        0,
        record["duration_ns"],
        tuple(_span(span, index) for index, span in enumerate(record["spans"])),
        Outcome(record["outcome"]),
        record.get("model"),
        record.get("trace_id"),
    )
    raw_ns = attribute(trace).raw_ns
    if raw_ns != record["raw_ns"]:
        if any(span.get("gpu_ns") is not None and span.get("gpu_offset_ns") is None for span in record["spans"]):
            return None
        raise ValueError(
            f"its spans give a raw time of {raw_ns:,} ns, but {record['raw_ns']:,} ns were written; was it changed?"
        )
    return trace


def _records(path: Path) -> tuple[Estimate | None, Iterator[tuple[str, Any]]]:
    """Return the contention residual, if any, and each record of a file with the words for its place."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ValueError(f"{path}: {size:,} bytes; at most {MAX_BYTES:,} are read, so pass a part of it")
        with path.open("rb") as file:
            if _is_whole(file.readline(MAX_BYTES)):
                return None, _lines(path)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); name a file that exists") from error
    data = Result.load(path).data
    traces = data.get("traces")
    if not isinstance(traces, list):
        raise ValueError(  # noqa: TRY004 (the file is wrong, not an argument's type)
            f"{path}: has no traces; write a result that has by: aligntax bench TARGET --json FILE"
        )
    return _residual(path, data.get("contention")), ((f"trace {index}", each) for index, each in enumerate(traces))


def _residual(path: Path, contention: Any) -> Estimate | None:
    if not contention:
        return None
    try:
        return Estimate.from_dict(contention["residual_seconds"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: contention has no residual_seconds {{value, low, high}}; was it changed?") from error


def _is_whole(line: bytes) -> bool:
    """Whether a line is a record on its own; a result begins with a brace on a line, or is one line itself."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and str(found.get("schema")).startswith("aligntax.trace/")


def _lines(path: Path) -> Iterator[tuple[str, Any]]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    yield f"line {number:,}", json.loads(line)
                except (json.JSONDecodeError, RecursionError) as error:
                    raise ValueError(f"{path}, line {number:,}: is no JSON; was it cut off? remove the line") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is no JSON (byte {error.start:,} is not UTF-8)") from error


def _span(record: Any, index: int) -> Span:
    what = f"span {index}"
    if not isinstance(record, dict):
        raise ValueError(f"{what} is no object; was the record changed?")  # noqa: TRY004 (as above)
    _check(record, _REQUIRED_OF_SPAN, what)
    _check(
        {key: record[key] for key in _OPTIONAL_OF_SPAN if record.get(key) is not None},
        _OPTIONAL_OF_SPAN,
        what,
        all_of=False,
    )
    start_ns = record["offset_ns"]
    gpu_start_ns, gpu_ns = record.get("gpu_offset_ns"), record.get("gpu_ns")
    gpu_end_ns = None if gpu_start_ns is None or gpu_ns is None else gpu_start_ns + gpu_ns
    verdict = record.get("verdict")
    return Span(
        Layer(record["layer"], record["kind"], record["stage"]),
        start_ns,
        start_ns + record["duration_ns"],
        None if verdict is None else Verdict(verdict),
        record.get("parent"),
        record.get("call") or 0,
        cpu_ns=record.get("cpu_ns"),
        gpu_start_ns=None if gpu_end_ns is None else gpu_start_ns,
        gpu_end_ns=gpu_end_ns,
        gpu_device=record.get("gpu_device"),
        error_type=record.get("error_type"),
    )


def _check(record: dict[str, Any], kinds: dict[str, type], what: str, *, all_of: bool = True) -> None:
    for key, kind in kinds.items():
        if key not in record and not all_of:
            continue
        value = record.get(key)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ValueError(  # noqa: TRY004 (as above)
                f"{what} has {key} {value!r:.60}, which is no {kind.__name__}; was the record changed?"
            )
