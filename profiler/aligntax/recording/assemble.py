"""From the flat integers of one request to a `Trace`: unpacks the codes and finds out which span contains which."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from aligntax.ledger import Ledger
from aligntax.ledger_fields import VERDICTS
from aligntax.recording.scope import (
    CALL_SHIFT,
    ERROR_MASK,
    ERROR_SHIFT,
    FIELDS,
    GOES_ON,
    LAYER_MASK,
    LAYER_SHIFT,
    VERDICT_MASK,
    Recording,
)
from aligntax.trace import Layer, Outcome, Span, Trace, Verdict

_BLOCKED_BY_STAGE = {
    "input": Outcome.BLOCKED_INPUT,
    "parallel": Outcome.BLOCKED_INPUT,
    "decode": Outcome.BLOCKED_OUTPUT,
    "stream": Outcome.BLOCKED_OUTPUT,
    "output": Outcome.BLOCKED_OUTPUT,
}
_OUTCOME_OF_ERROR = {
    Verdict.TIMEOUT: Outcome.TIMEOUT,
    Verdict.CANCELLED: Outcome.CANCELLED,
    Verdict.BLOCK: Outcome.BLOCKED_OUTPUT,
}
_BEHIND_THE_CALL = (1 << CALL_SHIFT) - 1


class _Scope(NamedTuple):
    """Where the spans of one scope lie in the columns: from `first` to before `last`; `call` opened it, 0 the root."""

    call: int
    first: int
    last: int


class _Columns(NamedTuple):
    """All spans of a request, a column for each field; a scope's spans lie together, in the order of their ends."""

    starts_ns: list[int]
    ends_ns: list[int]
    codes: list[int]


def assemble(recording: Recording, ledger: Ledger) -> Trace:
    """Return the trace of a request that has ended.

    GPU work whose events have not come back yet is left out. The trace is as good as complete then: the host's share of
    every call is in it.
    """
    columns, strands, scopes = _Columns([], [], []), [], []
    places: dict[int, int] = {}
    for live in (recording.root, *list(recording.scopes)):
        flat = live[: live.sealed]
        places[id(live)] = first = len(columns.codes)
        for field, column in enumerate(columns):
            column += flat[field::FIELDS]
        strands += [live.strand] * (len(flat) // FIELDS)
        scopes.append(_Scope(live.bits >> CALL_SHIFT, first, len(columns.codes)))
    columns.ends_ns[:] = map(max, columns.starts_ns, columns.ends_ns)  # a clock may have been set back
    count = len(columns.codes)
    calls = [code >> CALL_SHIFT for code in columns.codes]
    parents: list[int | None] = [None] * count
    suspendable = {scope.call for scope in scopes if scope.call}
    for scope in scopes:
        _nest_by_containment(scope, columns, calls, suspendable, parents)
    _nest_by_scope(scopes, columns, calls, parents)
    cpu_ns: list[int | None] = [None] * count
    for reading in list(recording.meters):
        if reading.position < reading.live.sealed:
            cpu_ns[places[id(reading.live)] + reading.position // FIELDS] = reading.cpu_ns
    gpu_starts_ns: list[int | None] = [None] * count
    gpu_ends_ns: list[int | None] = [None] * count
    devices: list[str | None] = [None] * count
    for launch in list(recording.launches):
        interval_ns = launch.work.interval_ns if launch.work.settled() else None
        if interval_ns is not None and launch.position < launch.live.sealed:
            index = places[id(launch.live)] + launch.position // FIELDS
            gpu_starts_ns[index], gpu_ends_ns[index] = interval_ns
            devices[index] = launch.device

    meanings = {code: _meaning(code, ledger) for code in {code & _BEHIND_THE_CALL for code in columns.codes}}
    meant = [meanings[code & _BEHIND_THE_CALL] for code in columns.codes]
    spans = tuple(
        map(
            Span,
            [layer for layer, _, _ in meant],
            columns.starts_ns,
            columns.ends_ns,
            [verdict for _, verdict, _ in meant],
            parents,
            calls,
            strands,
            cpu_ns,
            gpu_starts_ns,
            gpu_ends_ns,
            devices,
            [error for _, _, error in meant],
        )
    )
    return Trace(
        recording.start_ns,
        recording.end_ns,
        spans,
        outcome=recording.outcome or outcome_of(spans, recording.error),
        model=recording.model or next((span.layer.name for span in spans if span.layer.kind == "model"), None),
        trace_id=recording.trace_id,
    )


def outcome_of(spans: Sequence[Span], error: Verdict | None) -> Outcome:
    """Return how a request ended, from what its guards said and the verdict on the exception that ended it, if any.

    A block comes first: raising is a common way to block, and a block is no error.
    """
    said = [span for span in spans if span.layer.kind == "guard"]
    blocking = next((span for span in said if span.verdict is Verdict.BLOCK), None)
    if blocking is not None:
        return _BLOCKED_BY_STAGE[str(blocking.layer.stage)]
    if error is not None:
        return _OUTCOME_OF_ERROR.get(error, Outcome.ERROR)
    if any(span.verdict is Verdict.MODIFY for span in said):
        return Outcome.MODIFIED
    return Outcome.ALLOWED


def _nest_by_containment(
    scope: _Scope, columns: _Columns, calls: list[int], suspendable: set[int], parents: list[int | None]
) -> None:
    """Find parents among the spans of one thread in one scope: a call contains whatever its thread does meanwhile.

    Spans are appended when they end, so of two with the same bounds the later one is the outer one.
    """
    starts_ns, ends_ns = columns.starts_ns, columns.ends_ns
    if all(starts_ns[index + 1] >= ends_ns[index] for index in range(scope.first, scope.last - 1)):
        return
    stack: list[int] = []
    for index in sorted(range(scope.first, scope.last), key=lambda i: (starts_ns[i], -ends_ns[i], -i)):
        while stack and not (ends_ns[stack[-1]] >= ends_ns[index] and stack[-1] > index):
            stack.pop()
        if stack:
            parents[index] = stack[-1]
        if calls[index] not in suspendable:
            stack.append(index)


def _nest_by_scope(scopes: list[_Scope], columns: _Columns, calls: list[int], parents: list[int | None]) -> None:
    """Find parents across scopes: the call that opened a scope, of several runs the last to have begun before."""
    if len(scopes) == 1:
        return
    runs: dict[int, list[int]] = {}
    for index, call in enumerate(calls):
        if call:
            runs.setdefault(call, []).append(index)
    for scope in scopes:
        candidates = runs.get(scope.call)
        if not candidates:
            continue
        begun = [columns.starts_ns[run] for run in candidates]
        for index in range(scope.first, scope.last):
            if parents[index] is None:
                position = bisect_right(begun, columns.starts_ns[index])
                parents[index] = candidates[max(0, position - 1)]


def _meaning(code: int, ledger: Ledger) -> tuple[Layer, Verdict | None, str | None]:
    """Return the layer, the verdict and the type of the error that a code stands for."""
    verdict = code & VERDICT_MASK
    error = (code >> ERROR_SHIFT) & ERROR_MASK
    return (
        ledger.layers[(code >> LAYER_SHIFT) & LAYER_MASK],
        None if verdict == GOES_ON else VERDICTS[verdict],
        ledger.error_types[error - 1] if error else None,
    )
