"""A GPU whose timeline is known to the nanosecond, in the shape of `torch.cuda`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from aligntax.testing import FakeClock


class FakeCuda:
    """Streams run their work in order; the GPU's own timer is `offset_ns` ahead of the host's clock.

    Attributes:
        failing: names of what raises from now on: `event`, `record`, `query`, `elapsed_time`, `current_stream`.
        capturing: whether the current stream captures a graph.
    """

    def __init__(self, clock: FakeClock, offset_ns: int = 777_000_000) -> None:
        self.clock = clock
        self.offset_ns = offset_ns
        self.busy_until_ns: dict[object, int] = {}
        self.failing: set[str] = set()
        self.capturing = False
        self.events = 0
        self.synchronized = 0

    def check(self, name: str) -> None:
        if name in self.failing:
            raise RuntimeError(f"CUDA error: {name}")

    def launch(self, duration_ns: int, stream: object = "default") -> None:
        self.busy_until_ns[stream] = max(self.clock(), self.busy_until_ns.get(stream, 0)) + duration_ns

    def wait(self) -> None:
        """Block the host until all is done, as `.item()` does."""
        self.clock.advance(max(0, max(self.busy_until_ns.values(), default=0) - self.clock()))

    # -- what the adapter uses of torch.cuda -------------------------------------------------------------------------

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in (
            ("is_available", lambda: True),
            ("Event", lambda enable_timing: FakeEvent(self)),
            ("Stream", lambda device: f"stream of {device}"),
            ("device", self.device),
            ("current_stream", self.current_stream),
            ("is_current_stream_capturing", lambda: self.capturing),
        ):
            monkeypatch.setattr(torch.cuda, name, value)

    @contextlib.contextmanager
    def device(self, index: int) -> Iterator[None]:
        yield

    def current_stream(self, index: int) -> str:
        self.check("current_stream")
        return "default"


class FakeEvent:
    def __init__(self, cuda: FakeCuda) -> None:
        cuda.check("event")
        cuda.events += 1
        self.cuda = cuda
        self.ran_ns: int | None = None

    def record(self, stream: object = None) -> None:
        self.cuda.check("record")
        self.ran_ns = max(self.cuda.clock(), self.cuda.busy_until_ns.get(stream, 0))

    def query(self) -> bool:
        self.cuda.check("query")
        return self.ran_ns is None or self.ran_ns <= self.cuda.clock()

    def synchronize(self) -> None:
        self.cuda.synchronized += 1
        assert self.ran_ns is not None
        self.cuda.clock.advance(max(0, self.ran_ns - self.cuda.clock()))

    def elapsed_time(self, end: FakeEvent) -> float:
        self.cuda.check("elapsed_time")
        assert self.ran_ns is not None
        assert end.ran_ns is not None
        return ((end.ran_ns + self.cuda.offset_ns) - (self.ran_ns + self.cuda.offset_ns)) / 1e6


class GpuNet(nn.Module):
    """Takes `host_ns` to launch work of `gpu_ns`, and returns before that is done."""

    def __init__(self, cuda: FakeCuda, host_ns: int, gpu_ns: int, device: int = 0) -> None:
        super().__init__()
        self.cuda, self.host_ns, self.gpu_ns, self.index = cuda, host_ns, gpu_ns, device

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:
        yield SimpleNamespace(is_cuda=True, device=SimpleNamespace(index=self.index))  # type: ignore[misc]

    def forward(self, value: object) -> object:
        self.cuda.clock.advance(self.host_ns)
        self.cuda.launch(self.gpu_ns)
        if value == "raise":
            raise ValueError("no")
        return value
