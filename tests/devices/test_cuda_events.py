"""The event pool on a GPU whose timeline is known: truth, exhaustion, abandonment."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntax.devices.cuda_events import CudaEventPool, Ticket

SECOND_NS = 1_000_000_000


def make_pool(gpu, capacity: int = 4, **settings) -> CudaEventPool:
    return CudaEventPool(gpu.new_event, gpu.clock, capacity, **settings)


def begin(pool: CudaEventPool, stream: object = None) -> Ticket:
    ticket = pool.begin(stream)
    assert ticket is not None
    return ticket


@settings(deadline=None)
@given(
    drift=st.floats(-1e-4, 1e-4),
    works=st.lists(st.tuples(st.integers(0, 60 * SECOND_NS), st.integers(0, SECOND_NS)), min_size=1, max_size=8),
)
def test_intervals_recover_when_the_work_ran(make_gpu, drift: float, works: list[tuple[int, int]]) -> None:
    gpu = make_gpu(offset_ns=10**15, drift=drift)
    pool = make_pool(gpu, capacity=8)
    anchor = pool.anchor
    tickets = []
    for pause_ns, duration_ns in works:
        gpu.now_ns += pause_ns
        ticket = begin(pool)
        started_ns = max(gpu.busy_until_ns.values())
        gpu.launch(duration_ns)
        ticket.end()
        tickets.append((ticket, started_ns, max(gpu.busy_until_ns.values())))
    gpu.finish()
    for ticket, started_ns, ended_ns in tickets:
        interval = ticket.poll()
        assert interval is not None
        distance_ns = started_ns - anchor.ran_ns
        bound_ns = anchor.error_ns + 501 + distance_ns * (2**-24 + abs(drift))
        assert abs(interval[0] - started_ns) <= bound_ns
        duration_ns = ended_ns - started_ns
        duration_bound_ns = 501 + duration_ns * (2**-24 + abs(drift))
        assert abs(interval[1] - interval[0] - duration_ns) <= duration_bound_ns
    assert pool.available == 8


def test_a_duration_stays_exact_a_day_after_the_calibration(gpu) -> None:
    pool = make_pool(gpu)
    gpu.now_ns += 86_400 * SECOND_NS
    ticket = begin(pool)
    gpu.launch(250_000)
    ticket.end()
    gpu.finish()
    start_ns, end_ns = ticket.poll()
    # At this distance float32 milliseconds come in steps of 8 ms.
    assert abs(end_ns - start_ns - 251_000) <= 5_500


def test_polling_waits_for_the_gpu_without_blocking_and_then_repeats_itself(gpu) -> None:
    pool = make_pool(gpu)
    ticket = begin(pool)
    assert ticket.poll() is None
    gpu.launch(SECOND_NS)
    ticket.end()
    assert ticket.poll() is None
    assert pool.available == 3
    gpu.finish()
    interval = ticket.poll()
    assert interval is not None
    assert pool.available == 4
    reused = begin(pool)
    assert ticket.poll() == interval
    ticket.abandon()
    assert ticket.poll() == interval
    assert pool.reclaim() == 0
    reused.end()


def test_only_calibration_synchronizes(gpu) -> None:
    pool = make_pool(gpu)
    synchronizations = gpu.synchronizations
    assert synchronizations > 0
    for _ in range(20):
        ticket = begin(pool)
        gpu.launch(1_000_000)
        ticket.end()
        ticket.poll()
        pool.recalibrate_if_older_than(0)
        gpu.finish()
        assert ticket.poll() is not None
        begin(pool).abandon()
        pool.reclaim()
    assert gpu.synchronizations == synchronizations
    pool.calibrate()
    assert gpu.synchronizations > synchronizations


def test_beginning_and_ending_ask_the_gpu_nothing(gpu) -> None:
    pool = make_pool(gpu)
    queries = gpu.queries
    begin(pool).end()
    assert gpu.queries == queries


def test_an_exhausted_pool_hands_out_nothing_and_counts(gpu) -> None:
    pool = make_pool(gpu, capacity=2)
    tickets = [begin(pool), begin(pool)]
    assert pool.exhausted == 0
    assert [pool.begin() for _ in range(3)] == [None] * 3
    assert pool.exhausted == 3
    assert pool.exhausted == 3
    tickets[0].end()
    gpu.finish()
    assert tickets[0].poll() is not None
    assert pool.begin() is not None
    assert pool.exhausted == 3


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("dropped", [False, True])
def test_abandoned_events_are_reused_only_once_the_gpu_is_done(gpu, ended: bool, dropped: bool) -> None:
    pool = make_pool(gpu, capacity=1)
    gpu.launch(SECOND_NS)
    ticket = begin(pool)
    if ended:
        ticket.end()
    if dropped:
        del ticket
        gc.collect()
    else:
        ticket.abandon()
        ticket.abandon()
        assert ticket.poll() is None
    assert pool.reclaim() == 1
    assert pool.begin() is None
    gpu.finish()
    assert pool.reclaim() == 0
    assert pool.available == 1
    begin(pool).end()
    assert not any(event.recorded_while_pending for event in gpu.events[:2])


def test_one_abandoned_pair_does_not_hold_up_the_others(gpu) -> None:
    pool = make_pool(gpu)
    gpu.launch(SECOND_NS, stream="slow")
    tickets = [begin(pool, stream) for stream in ("slow", "fast", "slow")]
    for ticket in tickets:
        ticket.abandon()
    gpu.now_ns += 100_000
    assert pool.reclaim() == 2
    assert pool.available == 2


@pytest.mark.parametrize("streams", [("busy", "idle"), ("idle", "busy")])
def test_work_whose_ends_are_on_two_streams_waits_for_both(gpu, streams: tuple[str, str]) -> None:
    pool = make_pool(gpu)
    gpu.launch(SECOND_NS, stream="busy")
    ticket = begin(pool, streams[0])
    ticket.end(streams[1])
    gpu.now_ns += 100_000
    assert ticket.poll() is None


def test_work_that_was_not_ended_has_no_interval_however_idle_the_gpu(gpu) -> None:
    pool = make_pool(gpu)
    ticket = begin(pool)
    gpu.finish()
    assert ticket.poll() is None
    assert pool.available == 3


def test_ending_twice_is_refused(gpu) -> None:
    ticket = begin(make_pool(gpu))
    ticket.end()
    with pytest.raises(RuntimeError, match="begin another one"):
        ticket.end()


def test_ending_an_abandoned_ticket_records_nothing(gpu) -> None:
    pool = make_pool(gpu, capacity=1)
    ticket = begin(pool)
    ticket.abandon()
    recorded = [event.ran_ns for event in gpu.events]
    ticket.end()
    assert [event.ran_ns for event in gpu.events] == recorded


def test_a_refused_start_raises_and_loses_no_events(gpu) -> None:
    pool = make_pool(gpu, capacity=1)
    gpu.events[0].error = ValueError("stream of another device")
    with pytest.raises(ValueError, match="another device"):
        pool.begin()
    gpu.events[0].error = None
    gc.collect()
    assert pool.reclaim() == 0
    assert pool.available == 1


def test_a_pool_is_for_one_device(make_gpu) -> None:
    here, there = make_gpu(device=0), make_gpu(device=1)
    made = []

    def new_event():
        made.append(here if len(made) >= 2 else there)
        return made[-1].new_event()

    pool = CudaEventPool(new_event, here.clock, capacity=1)
    ticket = begin(pool)
    ticket.end()
    there.finish()
    with pytest.raises(ValueError, match="devices 0 and 1"):
        ticket.poll()
    ticket.abandon()
    assert pool.reclaim() == 0


def test_a_ticket_keeps_the_anchor_it_began_under(gpu) -> None:
    pool = make_pool(gpu)
    ticket = begin(pool)
    started_ns = max(gpu.busy_until_ns.values())
    ticket.end()
    gpu.finish()
    before = pool.anchor
    assert pool.recalibrate_if_older_than(0)
    assert pool.anchor is not before
    start_ns, _ = ticket.poll()  # the fake refuses the negative distance from the new anchor
    assert abs(start_ns - started_ns) <= before.error_ns + 501


def test_events_are_made_and_first_recorded_at_creation(gpu) -> None:
    pool = make_pool(gpu)
    events = list(gpu.events)
    assert len(events) >= 8
    assert all(event.ran_ns is not None for event in events)
    for _ in range(20):
        ticket = begin(pool)
        ticket.end()
        gpu.finish()
        ticket.poll()
    assert gpu.events == events


@pytest.mark.parametrize("capacity", [0, -3])
def test_a_pool_without_events_is_refused(gpu, capacity: int) -> None:
    with pytest.raises(ValueError, match=f"{capacity} event pairs"):
        make_pool(gpu, capacity=capacity)
