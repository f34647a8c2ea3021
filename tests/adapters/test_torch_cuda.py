"""Work on a GPU: placed on the host's timeline, never waited for, and never a reason for user code to fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aligntax import Profiler
from aligntax.drain import GPU_PATIENCE_NS
from aligntax.testing import FakeClock, taking

from .fake_cuda import FakeCuda, GpuNet


@pytest.fixture
def cuda(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    cuda = FakeCuda(clock)
    cuda.install(monkeypatch)
    return cuda


def dropped(profiler: Profiler) -> dict[str, int]:
    return profiler.report().to_dict()["self"]["dropped_by_reason"]


def test_gpu_time_is_placed_on_the_hosts_clock(profiler: Profiler, cuda: FakeCuda, clock: FakeClock) -> None:
    net = profiler.model(GpuNet(cuda, host_ns=10, gpu_ns=1_000), name="net")
    clock.advance(500)
    with profiler.request() as request:
        assert net("x") == "x"
        cuda.wait()
        clock.advance(40)
    (span,) = request.trace.spans
    assert (span.start_ns, span.end_ns) == (500, 510)
    assert (span.gpu_start_ns, span.gpu_end_ns, span.gpu_device) == (500, 1_510, "cuda:0")
    assert (request.tax.raw_ns, request.tax.tax_ns) == (1_050, 0)
    (layer,) = profiler.report().to_dict()["layers"]
    assert layer["gpu_seconds_sum"] == pytest.approx(1_010e-9)
    assert layer["wall_seconds"]["sum"] == pytest.approx(10e-9)
    assert profiler.ledger.closure_ns.tolist() == [1_050, 0, 1_010, 40]


@pytest.mark.parametrize(("guard_ns", "share_ns"), [(400, 0), (1_000, 0), (1_300, 300)])
def test_a_cpu_guard_is_hidden_behind_a_busy_gpu(
    guard_ns: int, share_ns: int, profiler: Profiler, cuda: FakeCuda, clock: FakeClock
) -> None:
    net = profiler.model(GpuNet(cuda, host_ns=10, gpu_ns=1_000), name="net")
    guard = profiler.guard(taking(clock, guard_ns), name="guard", stage="parallel")
    with profiler.request() as request:
        net("x")
        guard("x")
        cuda.wait()
    assert request.tax.shares_ns == {"guard": share_ns}
    assert request.tax.raw_ns == 1_010
    layers = {layer["layer"]: layer for layer in profiler.report().to_dict()["layers"]}
    assert layers["guard"]["tax_seconds"]["sum"] == pytest.approx(share_ns * 1e-9)
    assert layers["guard"]["busy_seconds_sum"] == pytest.approx(guard_ns * 1e-9)


def test_nothing_ever_waits_for_the_gpu(profiler: Profiler, cuda: FakeCuda, clock: FakeClock) -> None:
    net = profiler.model(GpuNet(cuda, host_ns=10, gpu_ns=10**9), name="net")
    with profiler.request() as request:
        net("x")
        calibrated = cuda.synchronized
        net("x")
    assert request.trace.spans[0].gpu_end_ns is None
    profiler.drain()
    assert cuda.synchronized == calibrated
    assert clock() == 20


def test_a_request_waits_for_its_gpu_work_and_others_do_not(
    profiler: Profiler, cuda: FakeCuda, clock: FakeClock
) -> None:
    net = profiler.model(GpuNet(cuda, host_ns=10, gpu_ns=1_000), name="net")
    guard = profiler.guard(taking(clock, 5), name="guard")
    with profiler.request():
        net("x")
    with profiler.request():
        guard("x")
    assert profiler.report().to_dict()["requests"] == 1
    assert profiler.report().to_dict()["requests"] == 1
    cuda.wait()
    report = profiler.report().to_dict()
    assert report["requests"] == 2
    # The GPU went on after the request had ended: it is the layer's GPU time, but not the request's.
    assert report["layers"][0]["gpu_seconds_sum"] == pytest.approx(1_010e-9)
    assert report["closure_seconds"]["request"] == pytest.approx(15e-9)
    assert report["self"]["dropped_by_reason"] == {}


def test_work_that_never_ends_is_given_up(profiler: Profiler, cuda: FakeCuda, clock: FakeClock) -> None:
    net = profiler.model(GpuNet(cuda, host_ns=10, gpu_ns=10 * GPU_PATIENCE_NS), name="net")
    with profiler.request():
        net("x")
    clock.advance(GPU_PATIENCE_NS)
    assert profiler.report().to_dict()["requests"] == 0
    clock.advance(1)
    report = profiler.report().to_dict()
    assert report["requests"] == 1
    assert report["layers"][0]["gpu_seconds_sum"] is None
    assert report["self"]["dropped_by_reason"] == {"gpu_pending": 1}


def test_an_exhausted_pool_is_counted_and_recovers(profiler: Profiler, cuda: FakeCuda) -> None:
    capacity, beyond = 1_024, 7
    net = profiler.model(GpuNet(cuda, host_ns=1, gpu_ns=10**6), name="net")
    with profiler.request() as request:
        for _ in range(capacity + beyond):
            net("x")
    assert len(request.trace.spans) == capacity + beyond
    events = cuda.events
    cuda.wait()
    report = profiler.report().to_dict()
    assert report["self"]["dropped_by_reason"] == {"event_pool": beyond}
    assert report["layers"][0]["calls"] == capacity + beyond
    with profiler.request() as request:
        net("x")
        cuda.wait()
    assert request.trace.spans[0].gpu_end_ns is not None
    assert dropped(profiler) == {"event_pool": beyond}
    assert cuda.events - events <= 16  # anchors of the clock; no pair was made anew


def test_requests_that_are_dropped_give_their_events_back(
    make_profiler: Callable[..., Profiler], cuda: FakeCuda
) -> None:
    profiler = make_profiler(queue_size=1, keep_requests=0)
    net = profiler.model(GpuNet(cuda, host_ns=1, gpu_ns=10), name="net")
    for _ in range(3_000):
        with profiler.request():
            net("x")
        cuda.wait()
        profiler.recorder.chores[0]()  # what the drain does with devices, without folding anything
    with profiler.request() as request:
        net("x")
        cuda.wait()
    assert request.trace.spans[0].gpu_end_ns is not None
    assert dropped(profiler) == {"queue_full": 3_000}


@pytest.mark.parametrize("when", ["from the start", "later"])
@pytest.mark.parametrize("failing", ["event", "record", "query", "elapsed_time", "current_stream"])
def test_errors_of_the_device_never_reach_user_code(
    failing: str, when: str, profiler: Profiler, cuda: FakeCuda, clock: FakeClock
) -> None:
    net = profiler.model(GpuNet(cuda, host_ns=10, gpu_ns=1_000), name="net")
    if when == "later":
        with profiler.request():
            net("x")
        cuda.wait()
        profiler.drain()
    cuda.failing.add(failing)
    with profiler.request() as request:
        assert net("x") == "x"
        with pytest.raises(ValueError, match="no"):
            net("raise")
    cuda.wait()
    assert [span.duration_ns for span in request.trace.spans] == [10, 10]
    assert request.tax.seconds == 0
    clock.advance(60 * 10**9)  # old enough for the clocks of the device to be compared again
    assert profiler.report().to_dict()["requests"] == 1 + (when == "later")
    if (failing, when) != ("event", "later"):
        assert dropped(profiler)["internal_error"] >= 1
    cuda.failing.clear()
    with profiler.request() as request:
        net("x")
        cuda.wait()
    assert request.trace.spans[0].gpu_end_ns is not None
    assert profiler.report().to_dict()["requests"] == 2 + (when == "later")


def test_a_failing_forward_has_gpu_time_too(profiler: Profiler, cuda: FakeCuda) -> None:
    net = profiler.model(GpuNet(cuda, host_ns=10, gpu_ns=1_000), name="net")
    with profiler.request() as request:
        with pytest.raises(ValueError, match="no"):
            net("raise")
        cuda.wait()
    (span,) = request.trace.spans
    assert (span.error_type, span.gpu_end_ns) == ("ValueError", 1_010)


def test_no_events_where_there_is_nothing_to_time(profiler: Profiler, cuda: FakeCuda) -> None:
    net = profiler.model(GpuNet(cuda, host_ns=10, gpu_ns=1_000), name="net")
    net("outside of any request")
    cuda.capturing = True
    with profiler.request() as request:
        net("while a graph is captured")
    assert cuda.events == 0
    assert request.trace.spans[0].gpu_start_ns is None
    assert dropped(profiler) == {"orphan_span": 1}


def test_modules_of_two_devices(profiler: Profiler, cuda: FakeCuda) -> None:
    nets = [profiler.model(GpuNet(cuda, 10, 100, device), name=f"net-{device}") for device in (0, 1)]
    with profiler.request() as request:
        for net in nets:
            net("x")
            cuda.wait()
    assert [span.gpu_device for span in request.trace.spans] == ["cuda:0", "cuda:1"]
    profiler.drain()
    ledger = profiler.ledger
    assert ledger.devices == ["other", "cuda:0", "cuda:1"]
    assert ledger.gpu_ns[:2, 1:3].tolist() == [[110, 0], [0, 110]]


def test_nested_modules_each_have_their_gpu_time(profiler: Profiler, cuda: FakeCuda) -> None:
    inner = profiler.guard(GpuNet(cuda, 10, 100), name="inner")

    class Outer(GpuNet):
        def forward(self, value: object) -> object:
            inner(value)
            return super().forward(value)

    outer = profiler.model(Outer(cuda, 10, 200), name="outer")
    with profiler.request() as request:
        outer("x")
        cuda.wait()
    ends = {span.layer.name: (span.gpu_start_ns, span.gpu_end_ns) for span in request.trace.spans}
    assert ends == {"inner": (0, 110), "outer": (0, 310)}
    assert request.trace.spans[0].parent == 1
