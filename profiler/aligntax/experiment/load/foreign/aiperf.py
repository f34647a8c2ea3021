"""Results of AIPerf: its summary `profile_export_aiperf.json`, and its requests `profile_export.jsonl` beside it.

See https://github.com/ai-dynamo/aiperf, `docs/reference/json-export-schema.md`; tried on files of version 0.13.0.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from aligntax.experiment.load.foreign.record import NO_INTERVAL, Foreign, at, items, number, summary_of
from aligntax.experiment.load.reading import BLOCK_CODE
from aligntax.experiment.load.records import ALLOWED, BLOCKED, CANCELLED, ERROR, Call

__all__ = ["is_aiperf", "is_aiperf_record", "read_aiperf"]

FORMULAS = {
    "scheduled": "AIPerf: last chunk with content - credit_issued. The credit is issued when the arrival is due, but "
    "waits for AIPerf's own limits of concurrency, where it has any; in a summary alone, its effective_latency, which "
    "ends with the end of the stream",
    "service": "AIPerf: last chunk with content - request_start, its request_latency",
    "dispatch_delay": "AIPerf: request_start - credit_issued, its credit_to_start_latency",
    "first_chunk": "AIPerf: first chunk with content - credit_issued",
    "first_chunk_service": "AIPerf: first chunk with content - request_start, its TTFT",
    "inter_chunk": "AIPerf: mean of an answer's inter_chunk_latency",
    "time_per_output_token": "(last chunk - first chunk) / (output tokens - 1), tokens as the server counts them, and "
    "as AIPerf does where it does not",
    "inter_token_latency": "AIPerf's ITL: (request_latency - TTFT) / (output_sequence_length - 1), tokens as its own "
    "tokenizer counts them unless it was told to use the server's; with per-chunk usage, less those of the first chunk",
    "throughput": "valid requests / benchmark_duration",
}
_SUMMARISED = {
    "service": "request_latency",
    "first_chunk_service": "time_to_first_token",
    "scheduled": "effective_latency",
    "dispatch_delay": "credit_to_start_latency",
}
_OWN = {"inter_token_latency": "inter_token_latency"}
_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "sec": 1.0, "s": 1.0}
_MEASURED_PHASE = "profiling"


def is_aiperf(document: Any) -> bool:
    """Return whether a JSON document is a summary of AIPerf's."""
    return at(document, "aiperf_version") is not None or at(document, "request_latency", "unit") is not None


def is_aiperf_record(document: Any) -> bool:
    """Return whether a line of JSON is one of AIPerf's requests."""
    return at(document, "metadata", "benchmark_phase") is not None and at(document, "metrics") is not None


def read_aiperf(summary: Any, records: list[Any] | None, blocked_statuses: frozenset[int] = frozenset()) -> Foreign:
    """Return a run.

    Args:
        summary: as JSON has it; None if there is none.
        records: the lines of `profile_export.jsonl`; None if there are none.
        blocked_statuses: of answers with which guards refuse, besides those with the code `content_filter`.

    Raises:
        ValueError: if something in it is not what it should be.
    """
    program = f"aiperf {at(summary, 'aiperf_version') or '(version unknown)'}"
    calls = None if records is None else _calls(records, blocked_statuses)
    seconds = _duration(summary, calls)
    phases = items(summary, "input_config", "phases")
    phase = next((each for each in phases if at(each, "kind") == _MEASURED_PHASE), None)
    names = _OWN if calls else _OWN | _SUMMARISED
    summaries = {name: found for name, tag in names.items() if (found := _summary(at(summary, tag))) is not None}
    errors = round(number(summary, "error_request_count", "avg") or 0)
    counts = {ALLOWED: round(number(summary, "request_count", "avg") or 0), ERROR: errors}
    warnings = [] if calls else [f"{program}: {NO_INTERVAL}"]
    if at(summary, "was_cancelled"):
        warnings.append(f"{program}: the run was cancelled before its end")
    return Foreign(
        program,
        at(phase, "type"),
        number(phase, "rate"),
        seconds,
        calls,
        summaries,
        dict(Counter(call.outcome for call in calls)) if calls else counts,
        FORMULAS,
        warnings,
    )


def _duration(summary: Any, calls: list[Call] | None) -> float:
    seconds = _in_seconds(at(summary, "benchmark_duration"), "avg")
    if seconds is None and calls:
        ends = [call.ended_ns for call in calls if call.ended_ns is not None]
        seconds = (max(ends) - calls[0].intended_ns) / 1e9 if ends else None
    if not seconds or seconds <= 0:
        raise ValueError("benchmark_duration is missing; the run was not completed")
    return seconds


def _calls(records: list[Any], blocked_statuses: frozenset[int]) -> list[Call]:
    measured = [each for each in records if at(each, "metadata", "benchmark_phase") == _MEASURED_PHASE]
    starts = [_issued_ns(each) for each in measured]
    origin = min(starts, default=0)
    found = [_call(each, start, origin, blocked_statuses) for each, start in zip(measured, starts, strict=True)]
    found.sort(key=lambda call: call.intended_ns)
    return [call._replace(number=place) for place, call in enumerate(found)]


def _issued_ns(record: Any) -> int:
    issued = _nanoseconds(record, "credit_issued_ns")
    return _required_ns(record, "request_start_ns") if issued is None else issued


def _required_ns(record: Any, name: str) -> int:
    found = _nanoseconds(record, name)
    if found is None:
        raise ValueError(f"a request has no metadata.{name}")
    return found


def _nanoseconds(record: Any, name: str) -> int | None:
    """Return a time as the integer that it is: as a number with a fraction it would lose its last digits."""
    number(record, "metadata", name)
    found = at(record, "metadata", name)
    return None if found is None else int(found)


def _call(record: Any, issued_ns: int, origin: int, blocked_statuses: frozenset[int]) -> Call:
    started_ns = _required_ns(record, "request_start_ns") - origin
    # Where there is content, its latency ends with the last of it, and not with the end of the stream.
    latency = _in_seconds(at(record, "metrics", "request_latency"), "value")
    ended_ns = _required_ns(record, "request_end_ns") - origin if latency is None else started_ns + round(latency * 1e9)
    outcome, error = _outcome(record, blocked_statuses)
    first = _in_seconds(at(record, "metrics", "time_to_first_token"), "value")
    first_ns = None if first is None else started_ns + round(first * 1e9)
    gaps = _gaps(record)
    tokens = number(record, "metrics", "usage_completion_tokens", "value")
    if tokens is None:
        tokens = number(record, "metrics", "output_sequence_length", "value")
    return Call(
        number=0,
        intended_ns=issued_ns - origin,
        started_ns=started_ns,
        ended_ns=ended_ns,
        outcome=outcome,
        error=error,
        first_ns=first_ns,
        last_ns=None if first_ns is None else first_ns + sum(gaps),
        chunks=0 if first_ns is None else len(gaps) + 1,
        longest_gap_ns=max(gaps, default=None),
        output_tokens=None if tokens is None else round(tokens),
    )


def _gaps(record: Any) -> list[int]:
    values = items(record, "metrics", "inter_chunk_latency", "value")
    factor = _factor(at(record, "metrics", "inter_chunk_latency")) if values else 1.0
    return [round((number(values, place) or 0.0) * factor * 1e9) for place in range(len(values))]


def _outcome(record: Any, blocked_statuses: frozenset[int]) -> tuple[str, str | None]:
    """Return the outcome and the kind of error; of its text no more than that is kept."""
    error = at(record, "error")
    if at(record, "metadata", "was_cancelled"):
        return CANCELLED, None
    if error is None:
        return ALLOWED, None
    code = at(error, "code")
    status = code if isinstance(code, int) and not isinstance(code, bool) else None
    if status in blocked_statuses or (status is not None and 400 <= status < 500 and _is_refusal(at(error, "message"))):
        return BLOCKED, None
    kind = at(error, "type")
    return ERROR, f"status {status}" if status is not None else f"{kind:.60}" if isinstance(kind, str) else "unknown"


def _is_refusal(message: Any) -> bool:
    """Return whether an error's body has the code with which a guard refuses."""
    try:
        return bool(at(json.loads(message), "error", "code") == BLOCK_CODE)
    except (TypeError, ValueError, RecursionError):
        return False


def _summary(metric: Any) -> Mapping[str, Any] | None:
    n = number(metric, "count")
    quantiles = {name: _in_seconds(metric, name) for name in ("p50", "p90", "p95", "p99")}
    return summary_of(n, _in_seconds(metric, "avg"), quantiles)


def _in_seconds(metric: Any, name: str) -> float | None:
    value = number(metric, name)
    return None if value is None else value * _factor(metric)


def _factor(metric: Any) -> float:
    unit = at(metric, "unit")
    if unit not in _UNITS:
        raise ValueError(f"unit {unit!r:.40} is none of {', '.join(_UNITS)}")
    return _UNITS[unit]
