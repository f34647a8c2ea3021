"""Two ways into the ledger, one result: arrays for simple requests, traces for any."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntax.fold import fold_simple, fold_traces, may_be_simple
from aligntax.ledger import Ledger
from aligntax.recording.assemble import assemble
from aligntax.recording.scope import CALL_SHIFT, CODE_OF, FIELDS, LAYER_SHIFT, Recording
from aligntax.trace import Layer, Outcome, Verdict

from .requests import any_recordings, new_ledger, simple_recordings

lists_of_simple = st.lists(simple_recordings(), min_size=1, max_size=5)
lists_of_any = st.lists(any_recordings(), min_size=1, max_size=5)


def same(one: Ledger, other: Ledger) -> bool:
    return one.buffer.tobytes() == other.buffer.tobytes() and (one.layers, one.models, one.error_types) == (
        other.layers,
        other.models,
        other.error_types,
    )


def by_traces(recordings: list[Recording], ledger: Ledger) -> None:
    fold_traces([assemble(recording, ledger) for recording in recordings], ledger)


@settings(deadline=None, max_examples=200)
@given(lists_of_simple)
def test_simple_requests_fold_the_same_both_ways(recordings: list[Recording]) -> None:
    fast, slow = new_ledger(), new_ledger()
    assert all(may_be_simple(recording) for recording in recordings)
    assert fold_simple(recordings, fast) == []
    by_traces(recordings, slow)
    assert same(fast, slow)
    assert int(fast.requests.sum()) == len(recordings)


@settings(deadline=None, max_examples=300)
@given(lists_of_any)
def test_whatever_is_taken_for_simple_folds_the_same_both_ways(recordings: list[Recording]) -> None:
    fast, slow = new_ledger(), new_ledger()
    candidates = [recording for recording in recordings if may_be_simple(recording)]
    rest = fold_simple(candidates, fast)
    by_traces([it for it in recordings if not may_be_simple(it)] + rest, fast)
    by_traces(recordings, slow)
    assert same(fast, slow)


@settings(deadline=None)
@given(lists_of_any)
def test_every_fold_closes_exactly(recordings: list[Recording]) -> None:
    ledger = new_ledger()
    by_traces(recordings, ledger)
    request, guards, model, unattributed = ledger.closure_ns.tolist()
    assert request == guards + model + unattributed
    assert request == sum(it.end_ns - it.start_ns for it in recordings) == int(ledger.requests_ns.sum())
    assert int(ledger.taxes_ns.sum()) == int(ledger.tax_ns.sum())
    assert int(ledger.calls.sum()) == int(ledger.verdicts.sum())
    assert int(ledger.recorded_spans[0]) == sum(
        len(live) // FIELDS for it in recordings for live in (it.root, *it.scopes)
    )


@settings(deadline=None)
@given(lists_of_any, st.randoms(use_true_random=False))
def test_the_order_and_the_batches_do_not_matter(recordings: list[Recording], random: object) -> None:
    together, apart = new_ledger(), new_ledger()
    by_traces(recordings, together)
    shuffled = list(recordings)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for recording in shuffled:
        by_traces([recording], apart)
    assert same(together, apart)


@settings(deadline=None)
@given(lists_of_any, lists_of_any)
def test_merging_is_folding_all_into_one(first: list[Recording], second: list[Recording]) -> None:
    whole, left, right = new_ledger(), new_ledger(), new_ledger()
    by_traces(first + second, whole)
    by_traces(first, left)
    by_traces(second, right)
    either, other = left.copy(), right.copy()
    either.merge(right)
    other.merge(left)
    assert same(either, whole)
    assert same(other, whole)


def recording_of(*spans: tuple[int, int, int], end_ns: int = 100) -> Recording:
    recording = Recording(100, metered=False, model=None, trace_id=None)
    for span in spans:
        recording.root += span
    recording.end_ns = end_ns
    recording.seal()
    return recording


def test_what_is_not_simple_is_given_back_untouched() -> None:
    ledger = new_ledger()
    block = CODE_OF[Verdict.BLOCK]
    odd = [
        recording_of((0, 50, 0), (40, 60, 0)),  # in parallel
        recording_of((10, 20, 0), (0, 50, 0)),  # nested
        recording_of((0, 50, block)),  # blocked
        recording_of((0, 50, 1 << CALL_SHIFT)),  # streamed
        recording_of((-1, 50, 0)),  # begun too early
        recording_of((0, 101, 0)),  # ended too late
        recording_of((50, 40, 0)),  # a clock that was set back
    ]
    plain = recording_of((0, 50, 0), (50, 60, 0))
    assert fold_simple([*odd[:3], plain, *odd[3:]], ledger) == odd
    assert int(ledger.requests.sum()) == 1
    assert ledger.closure_ns.tolist() == [100, 60, 0, 40]
    assert fold_simple([], ledger) == []
    assert fold_simple(odd, ledger) == odd


def test_requests_without_calls_are_simple() -> None:
    ledger = Ledger()
    assert fold_simple([recording_of(), recording_of(end_ns=7)], ledger) == []
    assert ledger.closure_ns.tolist() == [107, 0, 0, 107]
    assert int(ledger.raw_ns.sum()) == 107


def test_a_ledger_full_of_models_books_the_rest_under_none() -> None:
    fast, slow = Ledger(4, 2), Ledger(4, 2)
    recordings = []
    for row, name in enumerate(("a", "b", "c")):
        for ledger in (fast, slow):
            assert ledger.layer_row(Layer(name, "model")) == row
            assert ledger.model_row(name) == (row == 0)
        recordings.append(recording_of((0, 50, row << LAYER_SHIFT)))
    assert fold_simple(recordings, fast) == []
    by_traces(recordings, slow)
    assert same(fast, slow)
    assert fast.requests.sum(axis=(1, 2)).tolist() == [2, 1]


def test_outcomes_follow_the_guards_not_the_model() -> None:
    ledger = new_ledger()
    modify = CODE_OF[Verdict.MODIFY]
    model_row = next(row for row, layer in enumerate(ledger.layers) if layer.kind == "model")
    assert fold_simple([recording_of((0, 5, modify)), recording_of((0, 5, modify | model_row << LAYER_SHIFT))],
                       ledger) == []  # fmt: skip
    counts = ledger.requests.sum(axis=(0, 2))
    outcomes = {outcome: int(count) for outcome, count in zip(Outcome, counts, strict=True) if count}
    assert outcomes == {Outcome.MODIFIED: 1, Outcome.ALLOWED: 1}
    assert np.flatnonzero(ledger.taxes_ns).tolist() == [0]
