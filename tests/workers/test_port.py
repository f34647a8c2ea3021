"""All workers of a server share one port; other servers are kept out of it."""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aligntax import Profiler
from aligntax.exporters.server import serve


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def served(folder: Path, count: int, server: str = "test") -> Profiler:
    profiler = Profiler(ledger_dir=folder, server=server, drain_seconds=0)
    for _ in range(count):
        with profiler.request(), profiler.layer("guard"):
            pass
    profiler.drain()
    return profiler


def scrape(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
        return str(reply.read().decode())


def test_whoever_answers_answers_for_all(folder: Path, port: int, samples: Callable[[str], Any]) -> None:
    with served(folder, 3) as first, served(folder, 4) as second:
        with serve(first, port, shared=True), serve(second, port, shared=True):
            # The system chooses by the client's port; this many misses of one of the two have a chance of 1 in 10**9.
            pages = [samples(scrape(port)) for _ in range(30)]
            counts = {page["aligntax_layer_duration_seconds_count", 'layer="guard",stage="input"'] for page in pages}
            assert counts == {7}
            assert all(int(profiler.ledger.instrument_ns[2]) for profiler in (first, second))
        with serve(second, port, shared=True):
            assert " 7\n" in scrape(port)


def test_another_server_is_kept_out(folder: Path, tmp_path: Path, port: int) -> None:
    with served(folder, 1) as ours, served(tmp_path / "others", 1, "others") as theirs:
        with serve(ours, port, shared=True):
            with pytest.raises(OSError, match=f"cannot serve metrics on 127.0.0.1:{port}"):
                serve(theirs, port, shared=True)
            with pytest.raises(OSError, match="cannot serve metrics"):
                serve(theirs, port)
        with serve(theirs, port, shared=True):
            pass


def test_a_port_that_a_server_does_not_have_is_not_claimed(folder: Path, port: int) -> None:
    with served(folder, 1) as profiler, socket.create_server(("127.0.0.1", port)):
        for _ in range(2):
            with pytest.raises(OSError, match="cannot serve metrics"):
                serve(profiler, port, shared=True)


@pytest.mark.parametrize(("port", "ledger_dir"), [(0, True), (9464, False)])
def test_ports_that_cannot_be_shared(folder: Path, port: int, ledger_dir: bool) -> None:
    with (
        Profiler(ledger_dir=folder if ledger_dir else None, drain_seconds=0) as profiler,
        pytest.raises(ValueError, match=f"shared=True with port={port} and {'a' if ledger_dir else 'no'} ledger_dir"),
    ):
        serve(profiler, port, shared=True)
