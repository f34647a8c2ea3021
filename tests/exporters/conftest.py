"""A profiler on a fake clock with something in every metric, a client, and a certificate."""

from __future__ import annotations

import contextlib
import http.client
import os
import ssl
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
import pytest
from tests.certificates import make_certificate

from aligntax import Layer, Profiler, Verdict
from aligntax.devices import Reading
from aligntax.exporters.server import MetricsServer, serve
from aligntax.testing import FakeClock, taking

from .receiver import Receiver

NASTY = 'quote " backslash \\ percent %s %% brace {} unicode λ 检'
ODD_ERROR = type('Odd\n"\\Error', (Exception,), {})
MILLISECOND = 1_000_000


class FakeSensor:
    """Says what it is told to say."""

    failures = 0

    def __init__(self, *readings: Reading) -> None:
        self.readings = list(readings)

    def read(self) -> list[Reading]:
        return list(self.readings)


class Reply(NamedTuple):
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@pytest.fixture
def sensor() -> FakeSensor:
    return FakeSensor()


@pytest.fixture
def profiler(sensor: FakeSensor) -> Profiler:
    """An empty one, on a clock that stands still, with a sensor that has nothing to say yet."""
    clock = FakeClock(1_000)
    return Profiler(clock=clock, cpu_clock=clock, cpu_share=1, drain_seconds=0, sensors=[sensor])


@pytest.fixture
def busy(profiler: Profiler, sensor: FakeSensor) -> Profiler:
    """The same profiler, with several values in each of its metrics."""
    clock = profiler.recorder.clock
    assert isinstance(clock, FakeClock)
    input_guard = profiler.guard(taking(clock, 7 * MILLISECOND), name=NASTY, stage="input")
    output_guard = profiler.guard(taking(clock, 900_000), name="tone", stage="output", verdict=lambda _: "modify")
    models = [profiler.model(taking(clock, 40 * MILLISECOND), name=name) for name in ("gpt2", "judge")]
    moderate = profiler.guard(
        taking(clock, 10 * MILLISECOND), name="moderate", stage="output", verdict=lambda _: Verdict.BLOCK
    )

    @profiler.guard(name="fragile", stage="parallel")
    def fragile(text: str) -> str:
        raise ODD_ERROR(text)

    for number in range(6):
        trace_id = f"{number} \\ é" if number else None
        with profiler.request(trace_id=trace_id):
            output_guard(models[number % 2](input_guard("text")))
            clock.advance(12_345)
    with profiler.request():
        input_guard("text")
    with profiler.request():
        models[0]("text")
        moderate("text")
    with profiler.request(), contextlib.suppress(ODD_ERROR):
        fragile("text")
    ledger = profiler.ledger
    ledger.gpu_ns[ledger.layers.index(Layer("gpt2", "model")), ledger.device_row("cuda:0")] += 2_000_000
    profiler.recorder.drops.count("event_pool", 3)
    ledger.add_holds(np.array([0, 0]), np.array([40_000, 3_000_000]))
    for name in ("upstream_first", "first", "upstream_gaps", "gaps"):
        ledger.add_chunks(name, ledger.model_row("gpt2"), np.array([9 * MILLISECOND, 30 * MILLISECOND]))
    sensor.readings += [
        Reading("energy_joules", "gpu0", "nvml", 12.5),
        Reading("energy_joules", "gpu1", "nvml", 0.1 + 0.2, estimated=True),
        Reading("memory_bytes", "gpu0", "nvml", float(3 << 30)),
        Reading("utilization_ratio", "gpu0", "nvml", 0.75),
    ]
    profiler.drain()
    return profiler


@pytest.fixture(scope="session")
def fetch() -> Callable[..., Reply]:
    """A client that follows nothing, decodes nothing and closes what it opens."""

    def request(
        url: str,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        context: ssl.SSLContext | None = None,
    ) -> Reply:
        parts = urlsplit(url)
        assert parts.hostname is not None
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=20, context=context)
        else:
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request(method, target, body, dict(headers or {}))
            response = connection.getresponse()
            return Reply(response.status, dict(response.headers), response.read())
        finally:
            connection.close()

    return request


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def server(busy: Profiler) -> Iterator[MetricsServer]:
    with serve(busy, port=0) as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    collector = Receiver()
    try:
        yield collector
    finally:
        collector.close()


@pytest.fixture
def no_otel_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that this machine's environment says about OpenTelemetry counts."""
    for variable in list(os.environ):
        if variable.startswith("OTEL_"):
            monkeypatch.delenv(variable)
