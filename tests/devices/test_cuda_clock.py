"""The mapping from CUDA event times to the host clock recovers a truth that the fake GPU knows."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntax.devices.cuda_clock import CudaClock

SECOND_NS = 1_000_000_000
RESOLUTION_NS = 500


def bound_ns(error_ns: int, distance_ns: float, drift: float) -> float:
    """The bound that the module states: bracket, resolution, float32 and drift; 1 for rounding."""
    return error_ns + RESOLUTION_NS + distance_ns * (2**-24 + abs(drift)) + 1


@settings(deadline=None)
@given(
    offset_ns=st.integers(-(10**18), 10**18),
    drift=st.floats(-1e-4, 1e-4),
    backlog_ns=st.integers(0, 10 * SECOND_NS),
    wait_ns=st.integers(0, 120 * SECOND_NS),
    queue_ns=st.integers(0, SECOND_NS),
)
def test_the_host_time_of_an_event_is_within_the_stated_bound(
    make_gpu, offset_ns: int, drift: float, backlog_ns: int, wait_ns: int, queue_ns: int
) -> None:
    gpu = make_gpu(offset_ns=offset_ns, drift=drift)
    gpu.launch(backlog_ns)
    clock = CudaClock(gpu.new_event, gpu.clock)
    gpu.now_ns += wait_ns
    gpu.launch(queue_ns)
    event = gpu.new_event()
    event.record()
    gpu.finish()
    distance_ns = event.ran_ns - clock.anchor.ran_ns
    error_ns = abs(clock.anchor.host_ns(event) - event.ran_ns)
    assert error_ns <= bound_ns(clock.anchor.error_ns, distance_ns, drift)


def test_calibration_keeps_the_tightest_bracket_and_not_the_one_of_the_backlog(gpu) -> None:
    gpu.launch(5 * SECOND_NS)
    anchor = CudaClock(gpu.new_event, gpu.clock).anchor
    assert anchor.error_ns < 5_000
    assert abs(anchor.ran_ns - anchor.event.ran_ns) <= anchor.error_ns


def test_a_young_anchor_is_kept_without_asking_the_gpu(gpu) -> None:
    clock = CudaClock(gpu.new_event, gpu.clock)
    anchor, events = clock.anchor, len(gpu.events)
    gpu.now_ns += 9 * SECOND_NS
    assert not clock.recalibrate_if_older_than(10)
    assert clock.anchor is anchor
    assert len(gpu.events) == events


def test_an_old_anchor_is_replaced_on_an_idle_stream_without_synchronizing(gpu) -> None:
    clock = CudaClock(gpu.new_event, gpu.clock)
    anchor, synchronizations = clock.anchor, gpu.synchronizations
    gpu.now_ns += 11 * SECOND_NS
    assert clock.recalibrate_if_older_than(10)
    assert clock.anchor is not anchor
    assert abs(clock.anchor.ran_ns - clock.anchor.event.ran_ns) <= clock.anchor.error_ns <= 25_000
    assert gpu.synchronizations == synchronizations


def test_replacing_the_anchor_removes_the_drift(make_gpu) -> None:
    gpu = make_gpu(drift=2e-5)
    clock = CudaClock(gpu.new_event, gpu.clock)
    gpu.now_ns += 600 * SECOND_NS

    def error_ns() -> int:
        event = gpu.new_event()
        event.record()
        gpu.finish()
        return abs(clock.anchor.host_ns(event) - event.ran_ns)

    assert error_ns() > 10_000_000
    assert clock.recalibrate_if_older_than(10)
    assert error_ns() <= bound_ns(clock.anchor.error_ns, 100_000, 2e-5)


def test_a_busy_stream_keeps_the_old_anchor_and_bounds_the_queries(gpu) -> None:
    clock = CudaClock(gpu.new_event, gpu.clock)
    anchor = clock.anchor
    gpu.launch(20 * SECOND_NS)
    for _ in range(3):
        queries = gpu.queries
        assert not clock.recalibrate_if_older_than(0)
        assert 0 < gpu.queries - queries <= 64
    assert clock.anchor is anchor


def test_a_bracket_that_is_too_wide_keeps_the_old_anchor_until_a_tight_one_comes(gpu) -> None:
    clock = CudaClock(gpu.new_event, gpu.clock)
    anchor = clock.anchor
    gpu.launch(SECOND_NS)
    assert not clock.recalibrate_if_older_than(0)
    gpu.finish()
    gpu.now_ns += 100_000
    assert not clock.recalibrate_if_older_than(0)
    assert clock.anchor is anchor
    assert clock.recalibrate_if_older_than(0)


def test_a_candidate_that_waited_long_is_bracketed_by_when_it_was_last_seen_pending(gpu) -> None:
    clock = CudaClock(gpu.new_event, gpu.clock)
    gpu.launch(SECOND_NS)
    assert not clock.recalibrate_if_older_than(0)
    candidate = gpu.events[-1]
    gpu.now_ns = candidate.ran_ns - 10_000
    assert clock.recalibrate_if_older_than(0)
    assert clock.anchor.event is candidate
    assert abs(clock.anchor.ran_ns - candidate.ran_ns) <= clock.anchor.error_ns <= 2_000


def test_the_widest_bracket_is_a_setting(gpu) -> None:
    clock = CudaClock(gpu.new_event, gpu.clock, widest_ns=1)
    assert not clock.recalibrate_if_older_than(0)
    clock = CudaClock(gpu.new_event, gpu.clock, widest_ns=SECOND_NS)
    assert clock.recalibrate_if_older_than(0)


def test_a_candidate_that_cuda_refuses_is_dropped_and_the_next_one_works(gpu) -> None:
    clock = CudaClock(gpu.new_event, gpu.clock)
    gpu.launch(SECOND_NS)
    assert not clock.recalibrate_if_older_than(0)
    gpu.events[-1].error = RuntimeError("operation not permitted when stream is capturing")
    with pytest.raises(RuntimeError, match="capturing"):
        clock.recalibrate_if_older_than(0)
    gpu.finish()
    assert clock.recalibrate_if_older_than(0)


def test_recalibration_stays_on_the_calibrated_stream(gpu) -> None:
    gpu.launch(20 * SECOND_NS)
    clock = CudaClock(gpu.new_event, gpu.clock, stream="side")
    assert clock.recalibrate_if_older_than(0)
    assert gpu.now_ns < gpu.busy_until_ns[None]


def test_a_negative_age_is_refused(gpu) -> None:
    clock = CudaClock(gpu.new_event, gpu.clock)
    with pytest.raises(ValueError, match=r"-1 s; pass 0"):
        clock.recalibrate_if_older_than(-1)
