"""Results of GuideLLM: its `benchmarks.json`, as versions 0.5 to 0.8 write it.

See https://github.com/vllm-project/guidellm, `src/guidellm/schemas`; read from its code, and tried on files of versions
0.5.4 and 0.8.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from aligntax.experiment.load.foreign.record import NO_INTERVAL, Foreign, Unscheduled, at, items, number, summary_of
from aligntax.experiment.load.records import ALLOWED, BLOCKED, CANCELLED, ERROR, Call

__all__ = ["is_guidellm", "read_guidellm"]

FORMULAS = {
    "scheduled": "GuideLLM: request_end - targeted_start",
    "service": "GuideLLM: request_end - request_start",
    "dispatch_delay": "GuideLLM: request_start - targeted_start",
    "first_chunk": "GuideLLM: first_token_iteration - targeted_start",
    "first_chunk_service": "GuideLLM: first_token_iteration - request_start, its TTFT",
    "inter_chunk": "GuideLLM: (last_token_iteration - first_token_iteration) / (token_iterations - 1)",
    "time_per_output_token": "GuideLLM's ITL: (last_token_iteration - first_token_iteration) / (output tokens - 1)",
    "time_per_output_token_with_first": "GuideLLM's TPOT: (last_token_iteration - request_start) / output tokens: the "
    "first token, and so the prompt, is in it",
    "throughput": "successful requests / the run's duration, from the first request's start to the last one's end",
}
_SUMMARISED = {
    "service": ("request_latency", 1.0),
    "scheduled": ("request_scheduled_latency", 1.0),
    "dispatch_delay": ("request_dispatch_delay", 1.0),
    "first_chunk_service": ("time_to_first_token_ms", 1e-3),
}
_OWN = {"time_per_output_token_with_first": ("time_per_output_token_ms", 1e-3)}
_LISTS = {"successful": ALLOWED, "errored": ERROR, "incomplete": CANCELLED}
EARLY_SECONDS = 3600.0
_STATUS = re.compile(r"error '(\d{3}) ")
_KIND = re.compile(r"\w{1,60}")


def is_guidellm(document: Any) -> bool:
    """Return whether a JSON document is one of GuideLLM's."""
    return at(document, "metadata", "guidellm_version") is not None and isinstance(at(document, "benchmarks"), list)


def read_guidellm(document: Any, blocked_statuses: frozenset[int] = frozenset()) -> list[Foreign]:
    """Return the runs of a file, one for each rate.

    Args:
        document: as JSON has it.
        blocked_statuses: of answers with which guards refuse. GuideLLM keeps no body of an error, so that it cannot be
            seen what a 400 was.

    Raises:
        ValueError: if something in it is not what it should be.
        Unscheduled: if its requests were not due at any time of the run.
    """
    program = f"guidellm {at(document, 'metadata', 'guidellm_version')}"
    found = [_run(each, program, blocked_statuses) for each in document["benchmarks"]]
    if not found:
        raise ValueError("there is no benchmark in it")
    return found


def _run(benchmark: Any, program: str, blocked_statuses: frozenset[int]) -> Foreign:
    seconds = number(benchmark, "duration")
    if seconds is None or seconds <= 0:
        raise ValueError(f"duration is {seconds}; the run was not completed")
    totals = at(benchmark, "metrics", "request_totals")
    counts = {outcome: round(number(totals, name) or 0) for name, outcome in _LISTS.items()}
    lists = {outcome: items(benchmark, "requests", name) for name, outcome in _LISTS.items()}
    # A file may hold a sample of them; and it lists requests in flight at the end of a run that it does not count.
    whole = all(len(lists[outcome]) >= count for outcome, count in counts.items())
    listed = [(outcome, each) for outcome, found in lists.items() for each in found]
    calls = _calls(listed, blocked_statuses) if whole else None
    summaries = _summaries(benchmark, _OWN if calls else _OWN | _SUMMARISED)
    warnings = [] if calls else [f"{program}: {NO_INTERVAL}"]
    workers = number(benchmark, "scheduler_state", "num_processes") or 1
    kind = at(benchmark, "config", "strategy", "type_")
    if kind == "poisson" and workers > 1:
        warnings.append(
            f"{program}: its {workers:.0f} worker processes draw the same gaps, so that arrivals came in groups, and "
            "not as a Poisson process; set GUIDELLM__MAX_WORKER_PROCESSES=1"
        )
    if calls and not blocked_statuses and any(call.error == "status 400" for call in calls):
        warnings.append(f"{program}: answers with status 400 are taken for errors; they may have been refusals")
    return Foreign(
        program,
        kind,
        number(benchmark, "config", "strategy", "rate"),
        seconds,
        calls,
        summaries,
        counts,
        FORMULAS,
        warnings,
    )


def _calls(listed: list[tuple[str, Any]], blocked_statuses: frozenset[int]) -> list[Call]:
    timings = [at(each, "info", "timings") for _, each in listed]
    starts = [_intended(each) for each in timings]
    _refuse_unscheduled(listed, starts)
    known = [start for start in starts if start is not None]
    first = min(known, default=0.0)
    found = [
        _call(outcome, each, timing, start - first, first, blocked_statuses)
        for (outcome, each), timing, start in zip(listed, timings, starts, strict=True)
        if start is not None
    ]
    found.sort(key=lambda call: call.intended_ns)
    return [call._replace(number=place) for place, call in enumerate(found)]


def _refuse_unscheduled(listed: list[tuple[str, Any]], starts: list[float | None]) -> None:
    """Refuse a run whose workers began before they were told when it begins.

    GuideLLM's main process lets its workers go and sets the start of a Poisson process after that. If it is held up
    in between, requests were due at -1 s of Unix time, and all went out at once.
    """
    begun = [number(each, "info", "scheduler_start_time") for _, each in listed]
    early = sum(
        start is not None and begin is not None and start < begin - EARLY_SECONDS
        for start, begin in zip(starts, begun, strict=True)
    )
    if early:
        raise Unscheduled(
            f"{early} of {len(listed)} requests were due long before the run: GuideLLM's workers began before it had "
            "set their schedule, and did not keep any; run it again"
        )


def _intended(timing: Any) -> float | None:
    return next(
        (value for name in ("targeted_start", "scheduled_at", "request_start") if (value := number(timing, name))), None
    )


def _call(
    outcome: str, each: Any, timing: Any, intended: float, origin: float, blocked_statuses: frozenset[int]
) -> Call:
    def since(name: str) -> int | None:
        value = number(timing, name)
        return None if value is None else round((value - origin) * 1e9)

    error = None
    if outcome == ERROR:
        outcome, error = _failure(at(each, "info", "error"), blocked_statuses)
    ended = since("request_end")
    tokens = number(each, "output_tokens")
    return Call(
        number=0,
        intended_ns=round(intended * 1e9),
        started_ns=since("request_start"),
        ended_ns=since("resolve_end") if ended is None else ended,
        outcome=outcome,
        error=error,
        first_ns=since("first_token_iteration"),
        last_ns=since("last_token_iteration"),
        chunks=round(number(timing, "token_iterations") or 0),
        output_tokens=None if tokens is None else round(tokens),
    )


def _failure(said: Any, blocked_statuses: frozenset[int]) -> tuple[str, str]:
    """Return the outcome and the kind of an error; of its text no more than that is kept."""
    text = said if isinstance(said, str) else ""
    status = _STATUS.search(text)
    if status is not None:
        return BLOCKED if int(status[1]) in blocked_statuses else ERROR, f"status {status[1]}"
    kind = _KIND.match(text)
    return ERROR, kind[0] if kind else "unknown"


def _summaries(benchmark: Any, wanted: Mapping[str, tuple[str, float]]) -> dict[str, Mapping[str, Any]]:
    return {name: found for name, found in _distributions(benchmark, wanted) if found is not None}


def _distributions(
    benchmark: Any, wanted: Mapping[str, tuple[str, float]]
) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    for name, (metric, factor) in wanted.items():
        found = at(benchmark, "metrics", metric, "successful")

        def scaled(*names: str, found: Any = found, factor: float = factor) -> float | None:
            value = number(found, *names)
            return None if value is None else value * factor

        quantiles = {label: scaled("percentiles", label) for label in ("p50", "p90", "p95", "p99")}
        yield name, summary_of(number(found, "count"), scaled("mean"), quantiles)
