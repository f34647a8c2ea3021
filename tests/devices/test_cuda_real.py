"""The event pool on a real GPU: order and containment on the host clock, never a duration in itself."""

from __future__ import annotations

import pytest
import torch

from aligntax.clock import wall_clock
from aligntax.devices.cuda_events import CudaEventPool, Ticket

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

# Beside the anchor's own error: CUDA's resolution at both ends, and float32 and drift over a few seconds.
SLACK_NS = 20_000
LONG_CYCLES = 1_000_000_000  # above 0.3 s on any GPU: its clock is below 3 GHz


@pytest.fixture
def pool() -> CudaEventPool:
    return CudaEventPool(lambda: torch.cuda.Event(enable_timing=True), capacity=4, stream=torch.cuda.Stream())


def begin(pool: CudaEventPool) -> Ticket:
    ticket = pool.begin()
    assert ticket is not None
    return ticket


def finish(ticket: Ticket) -> tuple[int, int]:
    torch.cuda.synchronize()
    interval = ticket.poll()
    assert interval is not None
    return interval


def test_work_lies_between_the_host_times_around_it(pool: CudaEventPool) -> None:
    torch.cuda.synchronize()
    before_ns = wall_clock()
    ticket = begin(pool)
    torch.cuda._sleep(1_000_000)
    ticket.end()
    start_ns, end_ns = finish(ticket)
    after_ns = wall_clock()
    slack_ns = pool.anchor.error_ns + SLACK_NS
    assert before_ns - slack_ns <= start_ns < end_ns <= after_ns + slack_ns


def test_work_that_outlives_its_call_is_seen_to(pool: CudaEventPool) -> None:
    ticket = begin(pool)
    torch.cuda._sleep(LONG_CYCLES)
    ticket.end()
    assert ticket.poll() is None
    returned_ns = wall_clock()
    _, end_ns = finish(ticket)
    assert end_ns > returned_ns
    assert pool.available == pool.capacity


def test_nested_work_lies_inside_its_parent(pool: CudaEventPool) -> None:
    outer = begin(pool)
    torch.cuda._sleep(100_000)
    inner = begin(pool)
    torch.cuda._sleep(100_000)
    inner.end()
    torch.cuda._sleep(100_000)
    outer.end()
    outer_start_ns, outer_end_ns = finish(outer)
    inner_start_ns, inner_end_ns = finish(inner)
    assert outer_start_ns < inner_start_ns < inner_end_ns < outer_end_ns


def test_a_duration_is_the_one_of_torchs_own_events(pool: CudaEventPool) -> None:
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda._sleep(LONG_CYCLES)  # all that follows is queued before any of it runs: no pause of the host shows
    first.record()
    ticket = begin(pool)
    torch.cuda._sleep(5_000_000)
    ticket.end()
    last.record()
    start_ns, end_ns = finish(ticket)
    enclosing_ns = first.elapsed_time(last) * 1e6
    assert 0.5 * enclosing_ns < end_ns - start_ns <= enclosing_ns + 1_000


def test_the_work_of_a_side_stream_is_timed_there(pool: CudaEventPool) -> None:
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        implicit = begin(pool)
        torch.cuda._sleep(1_000_000)
        implicit.end()
        torch.cuda._sleep(1_000_000)
    explicit = pool.begin(side)
    assert explicit is not None
    explicit.end(side)
    _, implicit_end_ns = finish(implicit)
    explicit_start_ns, _ = finish(explicit)
    assert implicit_end_ns < explicit_start_ns


def test_a_new_anchor_agrees_with_the_old_one(pool: CudaEventPool) -> None:
    old = pool.anchor
    # An idle stream runs an anchor within microseconds; a host that is preempted in between needs another try.
    assert any(pool.recalibrate_if_older_than(0) for _ in range(200))
    new = pool.anchor
    assert new is not old
    assert abs(old.host_ns(new.event) - new.ran_ns) <= old.error_ns + new.error_ns + SLACK_NS


def test_recalibration_gets_through_while_other_streams_work(pool: CudaEventPool) -> None:
    ticket = begin(pool)
    torch.cuda._sleep(LONG_CYCLES)
    ticket.end()
    replaced = any(pool.recalibrate_if_older_than(0) for _ in range(200))
    still_busy = ticket.poll() is None
    finish(ticket)
    assert replaced
    assert still_busy


def test_abandoned_work_returns_its_events_when_it_is_done(pool: CudaEventPool) -> None:
    ticket = begin(pool)
    torch.cuda._sleep(LONG_CYCLES)
    ticket.end()
    ticket.abandon()
    assert pool.reclaim() == 1
    torch.cuda.synchronize()
    assert pool.reclaim() == 0
    assert pool.available == pool.capacity


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")
def test_a_stream_of_another_device_is_refused_where_the_work_begins(pool: CudaEventPool) -> None:
    with pytest.raises((RuntimeError, ValueError)):
        pool.begin(torch.cuda.Stream(device=1))
    assert pool.reclaim() == 0
    assert pool.available == pool.capacity
