"""The pack as it is written, the dashboard in it, and a pipeline that has something for all of it."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from aligntax import Layer, Profiler, Verdict
from aligntax.deploy import Settings, write_pack
from aligntax.devices import Reading
from aligntax.exporters.server import serve
from aligntax.testing import sleeping, spinning

MODELS = ("gpt2", "judge+v1.5")


class RisingSensor:
    """A device that this machine lacks."""

    failures = 0

    def __init__(self) -> None:
        self._numbers = count(1)

    def read(self) -> list[Reading]:
        return [
            Reading("energy_joules", "gpu0", "nvml", 30.0 * next(self._numbers)),
            Reading("energy_joules", "package-0", "rapl", 5.0 * next(self._numbers), estimated=True),
            Reading("memory_bytes", "gpu0", "nvml", float(3 << 30)),
            Reading("utilization_ratio", "gpu0", "nvml", 0.75),
        ]


class Pipeline:
    """Two models behind guards that allow, change, block, fail, time out and hold a stream back."""

    def __init__(self, profiler: Profiler) -> None:
        self._profiler = profiler
        self._redact = profiler.guard(lambda text: text.replace("Bob", "[name]"), name="pii", stage="input")
        self._check = profiler.guard(
            spinning(0.001),
            name="moderate",
            stage="output",
            verdict=lambda text: Verdict("block" if "bad" in text else "allow"),
        )
        self._fragile = profiler.guard(self._raise, name="fragile", stage="parallel")
        self._filter = profiler.guard(self._clean, name="filter", stage="stream")
        self._models = [profiler.model(spinning(0.002), name=name) for name in MODELS]
        self._generate = profiler.model(self._write, name="writer")

    def answer(self, number: int) -> None:
        """Answer one prompt of each kind."""
        model = self._models[number % 2]
        for prompt in ("Bob asks", "what is it", "something bad"):
            with self._profiler.request():
                self._check(model(self._redact(prompt)))
        for error in (RuntimeError, TimeoutError):
            with self._profiler.request(), contextlib.suppress(error):
                model("text")
                self._fragile(error)
        self._stream()
        ledger = self._profiler.ledger
        cell = ledger.layers.index(Layer(MODELS[0], "model")), ledger.device_row("cuda:0")
        with ledger.lock:
            ledger.gpu_ns[cell] += 2_000_000
        self._profiler.recorder.drops.count("event_pool")

    def _stream(self) -> None:
        clock, filter_row = (
            self._profiler.recorder.clock,
            self._profiler.ledger.layer_row(Layer("filter", "guard", "stream")),
        )
        with self._profiler.request(model=MODELS[0]) as request:
            chunks = request.begin_chunks()
            called = last = clock()
            for piece in self._generate():
                came = clock()
                chunks.came(came - called, came - last)
                for clean in self._filter([piece]):
                    assert clean
                    chunks.held(filter_row, clock() - came)
                    chunks.went(clock() - request.start_ns, clock() - last)
                last = clock()

    @staticmethod
    def _raise(error: type[Exception]) -> None:
        raise error

    @staticmethod
    def _clean(pieces: list[str]) -> Iterator[str]:
        for piece in pieces:
            sleeping(0.0005)(None)
            yield piece.upper()

    @staticmethod
    def _write() -> Iterator[str]:
        for piece in ("once", "upon", "a", "time"):
            sleeping(0.001)(None)
            yield piece


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pack, filled in with the defaults."""
    folder = tmp_path_factory.mktemp("deploy") / "pack"
    write_pack(folder, Settings())
    return folder


@pytest.fixture(scope="session")
def dashboard(pack: Path) -> dict[str, Any]:
    board: dict[str, Any] = json.loads((pack / "grafana/dashboards/aligntax.json").read_text(encoding="utf-8"))
    return board


@pytest.fixture(scope="session")
def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """All panels that show something: no headings."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    """The address of a metrics server whose pipeline is at work all the time."""
    over = threading.Event()
    failures: list[BaseException] = []
    with (
        Profiler(cpu_share=1, drain_seconds=0.1, sensors=[RisingSensor()]) as profiler,
        serve(profiler, port=0) as server,
    ):
        pipeline = Pipeline(profiler)

        def work() -> None:
            try:
                for number in count():
                    pipeline.answer(number)
                    if over.wait(0.05):
                        return
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.port}"
        over.set()
        thread.join(20)
        assert not thread.is_alive()
    assert not failures
