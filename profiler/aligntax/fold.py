"""From finished requests to the ledger: arithmetic on arrays for the many simple ones, traces for the rest.

A request is simple if its spans were all made in its own scope, one after another, and nothing about it was sampled,
streamed or blocked. Then a guard's busy time, critical time, drag and share are all its duration. A test folds the same
requests both ways and compares the ledgers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, islice

import numpy as np

from aligntax.attribution import Attribution, attribute
from aligntax.histogram import Int64Array
from aligntax.ledger import Ledger
from aligntax.ledger_fields import OUTCOMES
from aligntax.recording.chunks import ChunkTimes
from aligntax.recording.scope import (
    CALL_SHIFT,
    CODE_OF,
    ERROR_MASK,
    ERROR_SHIFT,
    FIELDS,
    LAYER_MASK,
    LAYER_SHIFT,
    VERDICT_MASK,
    Recording,
)
from aligntax.trace import Outcome, Span, Trace, Verdict

_ALLOWED, _MODIFIED = OUTCOMES.index(Outcome.ALLOWED), OUTCOMES.index(Outcome.MODIFIED)
_MODIFY, _BLOCK = CODE_OF[Verdict.MODIFY], CODE_OF[Verdict.BLOCK]


def may_be_simple(recording: Recording) -> bool:
    """Return whether nothing but the spans themselves can still show that a request is not simple."""
    return not (
        recording.scopes
        or recording.launches
        or recording.error
        or recording.outcome
        or recording.trace_id
        or recording.chunks
    )


def fold_simple(recordings: Sequence[Recording], ledger: Ledger) -> list[Recording]:
    """Add the simple ones among `recordings` to the ledger and return the others, untouched."""
    if not recordings:
        return []
    flat, sizes = _flatten(recordings)
    starts, ends, codes = flat[:, 0], flat[:, 1], flat[:, 2]
    begin = np.array([recording.start_ns for recording in recordings], dtype=np.int64)
    finish = np.array([recording.end_ns for recording in recordings], dtype=np.int64)
    request = np.repeat(np.arange(len(recordings)), sizes)
    verdicts = codes & VERDICT_MASK

    odd = (codes >> CALL_SHIFT != 0) | (verdicts == _BLOCK) | (starts < begin[request]) | (ends > finish[request])
    odd |= ends < starts  # by a clock that was set back; `assemble` makes the best of it
    odd[1:] |= (starts[1:] < ends[:-1]) & (request[1:] == request[:-1])
    simple = np.ones(len(recordings), dtype=bool)
    simple[request[odd]] = False
    if not simple.all():
        kept = simple[request]
        rest = [recording for recording, plain in zip(recordings, simple, strict=True) if not plain]
        starts, ends, codes, verdicts = starts[kept], ends[kept], codes[kept], verdicts[kept]
        renumbered = np.cumsum(simple) - 1
        request, begin, finish = renumbered[request[kept]], begin[simple], finish[simple]
        recordings = [recording for recording, plain in zip(recordings, simple, strict=True) if plain]
    else:
        rest = []
    if recordings:
        _add_simple(recordings, ledger, request, ends - starts, codes, verdicts, finish - begin)
    return rest


def _flatten(recordings: Sequence[Recording]) -> tuple[Int64Array, Int64Array]:
    """Return all spans as one array of shape (spans, FIELDS), and the number of spans of each request."""
    roots = [recording.root for recording in recordings]
    sizes = [root.sealed for root in roots]
    # `islice`, because a thread may append a late span to a request that has ended.
    integers = chain.from_iterable(map(islice, roots, sizes))
    flat = np.fromiter(integers, dtype=np.int64, count=sum(sizes))
    return flat.reshape(-1, FIELDS), np.array(sizes, dtype=np.int64) // FIELDS


def _add_simple(
    recordings: Sequence[Recording],
    ledger: Ledger,
    request: Int64Array,
    durations_ns: Int64Array,
    codes: Int64Array,
    verdicts: Int64Array,
    request_ns: Int64Array,
) -> None:
    rows = (codes >> LAYER_SHIFT) & LAYER_MASK
    errors = ((codes >> ERROR_SHIFT) & ERROR_MASK) - 1
    layers = list(ledger.layers)
    guarding = np.array([layer.kind == "guard" for layer in layers], dtype=bool)
    by_guard = guarding[rows]
    count, width = len(recordings), len(layers)

    # One cell per request and layer. Sums stay exact: they are far below 2**53 ns, which is 104 days.
    cells = request * width + rows
    calls = np.bincount(cells, minlength=count * width)
    times = np.bincount(cells, weights=durations_ns, minlength=count * width).astype(np.int64)
    seen = np.flatnonzero(calls)
    seen_guards = seen[guarding[seen % width]]
    table = times.reshape(count, width)
    tax_ns = table[:, guarding].sum(axis=1)
    unattributed_ns = request_ns - table.sum(axis=1)
    outcomes = np.full(count, _ALLOWED, dtype=np.int64)
    outcomes[request[(verdicts == _MODIFY) & by_guard]] = _MODIFIED
    models = _model_rows(recordings, ledger, request, rows, ~by_guard)

    with ledger.lock:
        ledger.add_calls(rows, durations_ns, verdicts, errors)
        ledger.add_shares(seen_guards % width, times[seen_guards])
        ledger.add_times(seen % width, times[seen], times[seen], np.where(guarding[seen % width], times[seen], 0))
        ledger.add_requests(models, outcomes, request_ns)
        ledger.add_comparisons(models, request_ns - tax_ns, tax_ns, unattributed_ns)
        ledger.closure_ns += np.array(
            [request_ns.sum(), tax_ns.sum(), table[:, ~guarding].sum(), unattributed_ns.sum()], dtype=np.int64
        )
        ledger.recorded_spans += len(rows)


def _model_rows(
    recordings: Sequence[Recording], ledger: Ledger, request: Int64Array, rows: Int64Array, by_model: Int64Array
) -> Int64Array:
    """Return the model row of each request: the one it was opened with, else the first model called in it."""
    found = np.zeros(len(recordings), dtype=np.int64)
    model_row = {row: ledger.model_row(layer.name) for row, layer in enumerate(ledger.layers) if layer.kind == "model"}
    spans = np.flatnonzero(by_model)[::-1]  # backwards, so that the first call is the one that stays
    if len(spans):
        lookup = np.array([model_row.get(row, 0) for row in range(len(ledger.layers))], dtype=np.int64)
        found[request[spans]] = lookup[rows[spans]]
    for index, recording in enumerate(recordings):
        if recording.model is not None:
            found[index] = ledger.model_row(recording.model)
    return found


class _Rows(list[tuple[int, ...]]):
    """Rows of integers that become one array per column."""

    def columns(self, count: int) -> list[Int64Array]:
        return list(np.array(self, dtype=np.int64).reshape(-1, count).T)


def fold_traces(traces: Sequence[Trace], ledger: Ledger) -> list[Attribution]:
    """Add traces of any shape to the ledger, and return who caused how much of the delay in each."""
    attributions = []
    calls, shares, times, requests, comparisons, gpu, discarded = (_Rows() for _ in range(7))
    closure = np.zeros(4, dtype=np.int64)
    spans = 0
    for trace in traces:
        found = attribute(trace)
        attributions.append(found)
        rows = {name: ledger.layer_row(part.layer) for name, part in found.layers.items()}
        model = ledger.model_row(trace.model)
        duration_ns = trace.duration_ns
        calls += _calls(trace, rows, ledger)
        guard_ns = 0
        for name, part in found.layers.items():
            times.append((rows[name], part.busy_ns, part.critical_ns, part.drag_ns))
            if part.layer.kind == "guard":
                guard_ns += part.critical_ns
                if trace.outcome.comparable:
                    shares.append((rows[name], part.share_ns))
        gpu += [
            (rows[span.layer.name], ledger.device_row(span.gpu_device or "gpu"), span.gpu_end_ns - span.gpu_start_ns)
            for span in trace.spans
            if span.gpu_start_ns is not None and span.gpu_end_ns is not None
        ]
        requests.append((model, OUTCOMES.index(trace.outcome), duration_ns))
        if trace.outcome.comparable:
            comparisons.append((model, found.raw_ns, found.tax_ns, found.unattributed_ns))
        discarded += [(model, rows[name], wasted_ns) for name, wasted_ns in found.discarded_ns.items()]
        model_ns = duration_ns - guard_ns - found.unattributed_ns
        closure += (duration_ns, guard_ns, model_ns, found.unattributed_ns)
        spans += len(trace.spans)
    with ledger.lock:
        ledger.add_calls(*calls.columns(4))
        ledger.add_shares(*shares.columns(2))
        ledger.add_times(*times.columns(4))
        ledger.add_requests(*requests.columns(3))
        ledger.add_comparisons(*comparisons.columns(4))
        for row, device, gpu_ns in gpu:
            ledger.gpu_ns[row, device] += gpu_ns
        for model, row, wasted_ns in discarded:
            ledger.discarded_ns[model, row] += wasted_ns
        ledger.closure_ns += closure
        ledger.recorded_spans += spans
    return attributions


def fold_chunks(chunks: ChunkTimes, model: str | None, ledger: Ledger) -> None:
    """Add the times of one streamed answer to the ledger."""
    row = ledger.model_row(model)
    holds = np.array(chunks.holds_ns, dtype=np.int64).reshape(-1, 2)
    with ledger.lock:
        for name, first_ns in (("upstream_first", chunks.upstream_first_ns), ("first", chunks.first_ns)):
            if first_ns >= 0:
                ledger.add_chunks(name, row, np.array([first_ns], dtype=np.int64))
        ledger.add_chunks("upstream_gaps", row, np.array(chunks.upstream_gaps_ns, dtype=np.int64))
        ledger.add_chunks("gaps", row, np.array(chunks.gaps_ns, dtype=np.int64))
        ledger.add_holds(holds[:, 0], holds[:, 1])


def _calls(trace: Trace, rows: Mapping[str, int], ledger: Ledger) -> list[tuple[int, int, int, int]]:
    """Return row, wall time, verdict and error of every call; the runs of a stream are one call.

    A stream that its request did not outlive has no verdict yet; it counts as cancelled.
    """
    whole = []
    streams: dict[tuple[str, int], tuple[Span, int]] = {}
    for span in trace.spans:
        if not span.call:
            whole.append((span, span.end_ns - span.start_ns))
            continue
        key = (span.layer.name, span.call)
        last, total_ns = streams.get(key, (span, 0))
        streams[key] = (last if span.verdict is None else span, total_ns + span.end_ns - span.start_ns)
    return [
        (
            rows[span.layer.name],
            total_ns,
            CODE_OF[span.verdict or Verdict.CANCELLED],
            ledger.error_row(span.error_type) if span.error_type else -1,
        )
        for span, total_ns in (*whole, *streams.values())
    ]
