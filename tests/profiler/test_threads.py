"""Four threads record as fast as they can while another drains and copies: nothing is lost, every copy is true."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from aligntax import Profiler, Verdict
from aligntax.ledger import Ledger

THREADS = 4
REQUESTS = 400


@pytest.fixture
def frequent_switches() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


def together(*works: Callable[[], None]) -> None:
    """Run every one on a thread of its own, and raise the first error of any."""
    errors: list[BaseException] = []
    start = threading.Barrier(len(works))

    def run(work: Callable[[], None]) -> None:
        start.wait()
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def check_closure(ledger: Ledger) -> None:
    request, guards, model, unattributed = ledger.closure_ns.tolist()
    assert request == guards + model + unattributed
    assert request == int(ledger.requests_ns.sum())
    # Every layer's histogram of calls agrees with its verdicts, and every request's with its share of the tax.
    assert ledger.calls.sum(axis=1).tolist() == ledger.verdicts.sum(axis=1).tolist()
    assert int(ledger.tax_ns.sum()) == int(ledger.taxes_ns.sum())
    assert int(ledger.raw_ns.sum() + ledger.tax_ns.sum()) == int(ledger.requests_ns[:, :2].sum())


@pytest.mark.usefixtures("frequent_switches")
@pytest.mark.parametrize("cpu_share", [0.0, 0.3])
@pytest.mark.parametrize("drain_seconds", [0.0, 0.001])
def test_nothing_is_lost_and_every_copy_is_true(cpu_share: float, drain_seconds: float) -> None:
    profiler = Profiler(cpu_share=cpu_share, drain_seconds=drain_seconds, queue_size=THREADS * REQUESTS)
    inner = profiler.guard(lambda text: text, name="inner")
    block = profiler.guard(lambda number: Verdict.BLOCK if number % 7 == 0 else Verdict.ALLOW, name="block")
    model = profiler.model(lambda text: inner(text), name="model")

    @profiler.guard(stage="stream")
    def stream() -> Iterator[int]:
        yield from range(2)

    serving = THREADS
    lock = threading.Lock()

    def serve() -> None:
        nonlocal serving
        for number in range(REQUESTS):
            with profiler.request():
                inner("x")
                model("x")
                if number % 5 == 0:
                    block(number)
                if number % 9 == 0:
                    list(stream())
        with lock:
            serving -= 1

    copies: list[Ledger] = []

    def scrape() -> None:
        while serving:
            profiler.drain()
            copies.append(profiler.ledger.copy())
            profiler.report()
            profiler.in_progress()
            profiler.traces()

    together(scrape, *[serve] * THREADS)
    profiler.close()
    copies.append(profiler.ledger.copy())
    before = np.zeros_like(copies[0].buffer)
    for copy in copies:
        check_closure(copy)
        assert (copy.buffer >= before).all(), "a counter went backwards"
        before = copy.buffer
    blocked = THREADS * len(range(0, REQUESTS, 35))
    streams = len(range(0, REQUESTS, 9))
    report: dict[str, Any] = profiler.report().to_dict()
    assert report["requests"] == THREADS * REQUESTS
    assert report["outcomes"] == {"allowed": THREADS * REQUESTS - blocked, "blocked_input": blocked}
    assert report["self"]["dropped_by_reason"] == {}
    assert {layer["layer"]: layer["calls"] for layer in report["layers"]} == {
        "inner": 2 * THREADS * REQUESTS,
        "model": THREADS * REQUESTS,
        "block": THREADS * len(range(0, REQUESTS, 5)),
        "stream": THREADS * streams,
    }
    assert report["self"]["spans"] == THREADS * (3 * REQUESTS + len(range(0, REQUESTS, 5)) + 3 * streams)


@pytest.mark.usefixtures("frequent_switches")
def test_many_threads_append_to_one_request(make_profiler: Callable[..., Profiler]) -> None:
    profiler = make_profiler(max_spans=THREADS * REQUESTS + 1, cpu_share=1.0)
    guard = profiler.guard(lambda text: text, name="guard")
    with profiler.request() as request:
        work = profiler.bind(lambda: [guard("x") for _ in range(REQUESTS)])
        together(*[work] * THREADS)
    assert len(request.trace.spans) == THREADS * REQUESTS
    strands = [span.strand for span in request.trace.spans]
    assert sorted(strands.count(strand) for strand in set(strands)) == [REQUESTS] * THREADS
    assert all(span.cpu_ns is not None for span in request.trace.spans)


@pytest.mark.usefixtures("frequent_switches")
def test_requests_that_end_while_their_threads_go_on(make_profiler: Callable[..., Profiler]) -> None:
    profiler = make_profiler(cpu_share=1.0)
    guard = profiler.guard(lambda text: text, name="guard")
    calls = 0

    def work(stop: threading.Event) -> None:
        nonlocal calls
        while not stop.is_set():
            guard("x")
            calls += 1

    for _ in range(20):
        stop = threading.Event()
        with profiler.request() as request:
            thread = threading.Thread(target=profiler.bind(work), args=(stop,))
            thread.start()
            for _ in range(20):
                guard("x")
        for _ in range(20):
            assert request.trace.duration_ns == 0
        profiler.drain()
        stop.set()
        thread.join()
    report = profiler.report().to_dict()
    assert report["requests"] == 20
    (layer,) = report["layers"]
    assert set(report["self"]["dropped_by_reason"]) <= {"late_span"}
    assert layer["calls"] + report["self"]["dropped_by_reason"].get("late_span", 0) == calls + 20 * 20


def test_one_layer_wrapped_by_many_threads_at_once_has_one_row(make_profiler: Callable[..., Profiler]) -> None:
    profiler = make_profiler()
    names = [f"layer-{number}" for number in range(20)]
    together(*[lambda: [profiler.layer(name) for name in names]] * THREADS)
    assert sorted(layer.name for layer in profiler.ledger.layers) == sorted(names)
