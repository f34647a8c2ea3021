"""The event pool under threads: no pair has two owners, none is lost, and refusals are counted exactly."""

from __future__ import annotations

import sys
import threading

import pytest

from aligntax.devices.cuda_events import CudaEventPool


class MarkedEvent:
    """An event that runs at once and knows who recorded it: the stream is the mark."""

    def __init__(self) -> None:
        self.mark: object = None

    def record(self, stream: object = None) -> None:
        self.mark = stream

    def query(self) -> bool:
        return True

    def synchronize(self) -> None:
        """Nothing to wait for."""

    def elapsed_time(self, end: MarkedEvent) -> float:
        if self.mark is not None and end.mark is not self.mark:
            raise RuntimeError("one pair was handed to two owners")
        return 0.0


@pytest.fixture
def frequent_switches():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("frequent_switches")
def test_four_threads_share_a_pool_without_sharing_a_pair() -> None:
    threads, rounds, capacity = 4, 1_500, 2
    pool = CudaEventPool(MarkedEvent, capacity=capacity)
    served = [0] * threads
    errors: list[Exception] = []
    together = threading.Barrier(threads)

    def work(worker: int) -> None:
        together.wait()
        for turn in range(rounds):
            mark = object()
            ticket = pool.begin(mark)
            if ticket is None:
                continue
            served[worker] += 1
            ticket.end(mark)
            if turn % 3 == 0:
                ticket.abandon()
                pool.reclaim()
                continue
            try:
                ticket.poll()
            except RuntimeError as error:
                errors.append(error)

    workers = [threading.Thread(target=work, args=(worker,)) for worker in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors == []
    assert sum(served) + pool.exhausted == threads * rounds
    assert pool.reclaim() == 0
    assert pool.available == capacity


@pytest.mark.usefixtures("frequent_switches")
def test_refusals_are_counted_exactly_while_they_are_read() -> None:
    threads, rounds = 4, 2_000
    pool = CudaEventPool(MarkedEvent, capacity=1)
    held = pool.begin()
    assert held is not None
    done = threading.Event()
    seen: list[int] = []

    def watch() -> None:
        while not done.is_set():
            seen.append(pool.exhausted)

    def refuse() -> None:
        for _ in range(rounds):
            assert pool.begin() is None

    watcher = threading.Thread(target=watch)
    workers = [threading.Thread(target=refuse) for _ in range(threads)]
    for thread in (watcher, *workers):
        thread.start()
    for worker in workers:
        worker.join()
    done.set()
    watcher.join()
    assert seen == sorted(seen)
    assert pool.exhausted == threads * rounds
    held.end()
