"""A GPU whose timeline is known exactly: its own timer, in-order streams, events, and a host clock beside it."""

from __future__ import annotations

import struct

import pytest

CLOCK_READ_NS = 50
CALL_NS = 1_000
START_LATENCY_NS = 4_000
RESOLUTION_NS = 500


class FakeGpu:
    """Truth lives on the host's time line; the GPU's timer sees it with an offset and a drift."""

    def __init__(self, offset_ns: int = 0, drift: float = 0.0, device: int = 0) -> None:
        self.now_ns = 1_000_000_000
        self.offset_ns = offset_ns
        self.drift = drift
        self.device = device
        self.busy_until_ns: dict[object, int] = {}
        self.events: list[FakeEvent] = []
        self.synchronizations = 0
        self.queries = 0

    def clock(self) -> int:
        self.now_ns += CLOCK_READ_NS
        return self.now_ns

    def new_event(self) -> FakeEvent:
        event = FakeEvent(self)
        self.events.append(event)
        return event

    def launch(self, duration_ns: int, stream: object = None) -> None:
        self.now_ns += CALL_NS
        self.busy_until_ns[stream] = self.start_ns(stream) + duration_ns

    def start_ns(self, stream: object) -> int:
        return max(self.now_ns + START_LATENCY_NS, self.busy_until_ns.get(stream, 0))

    def timer_ns(self, host_ns: int) -> float:
        return self.offset_ns + host_ns * (1 + self.drift)

    def finish(self) -> None:
        self.now_ns = max([self.now_ns, *self.busy_until_ns.values()]) + START_LATENCY_NS + CALL_NS


class FakeEvent:
    """What the CUDA runtime says of an event, float32 milliseconds and 0.5 µs steps included."""

    def __init__(self, gpu: FakeGpu) -> None:
        self.gpu = gpu
        self.ran_ns: int | None = None
        self.recorded_while_pending = False
        self.error: Exception | None = None

    def record(self, stream: object = None) -> None:
        if self.error is not None:
            raise self.error
        self.recorded_while_pending |= self.ran_ns is not None and self.ran_ns > self.gpu.now_ns
        self.gpu.now_ns += CALL_NS
        self.ran_ns = self.gpu.start_ns(stream)
        self.gpu.busy_until_ns[stream] = self.ran_ns

    def query(self) -> bool:
        if self.error is not None:
            raise self.error
        self.gpu.queries += 1
        self.gpu.now_ns += CALL_NS
        return self.ran_ns is None or self.ran_ns <= self.gpu.now_ns

    def synchronize(self) -> None:
        self.gpu.synchronizations += 1
        self.gpu.now_ns = max(self.gpu.now_ns, self.ran_ns or 0) + CALL_NS

    def elapsed_time(self, end: FakeEvent) -> float:
        if end.gpu is not self.gpu:
            raise ValueError(f"events of devices {self.gpu.device} and {end.gpu.device}")
        if self.ran_ns is None or end.ran_ns is None or max(self.ran_ns, end.ran_ns) > self.gpu.now_ns:
            raise RuntimeError("device not ready")
        assert end.ran_ns >= self.ran_ns, "CUDA does not promise a sign: no negative distance may be asked"
        exact_ns = self.gpu.timer_ns(end.ran_ns) - self.gpu.timer_ns(self.ran_ns)
        milliseconds = round(exact_ns / RESOLUTION_NS) * RESOLUTION_NS / 1e6
        return struct.unpack("f", struct.pack("f", milliseconds))[0]


@pytest.fixture(scope="session")
def make_gpu() -> type[FakeGpu]:
    return FakeGpu


@pytest.fixture
def gpu() -> FakeGpu:
    return FakeGpu(offset_ns=777_000_000_000_000)
