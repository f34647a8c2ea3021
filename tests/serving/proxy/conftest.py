"""A proxy in front of something, both real and on free ports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from tests.certificates import make_certificate

from aligntax.serving.forward import Forwarder
from aligntax.serving.limits import Limits

from .running import Connection, Raw, Running, run_plain, run_proxy
from .upstream import application


@pytest.fixture(scope="module")
def upstream() -> Iterator[Running]:
    """A well-behaved server."""
    running = run_plain(application)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def proxy(upstream: Running) -> Iterator[Running]:
    """A forwarder in front of it, with the limits that a user has."""
    running = run_proxy(Forwarder(upstream.url))
    yield running
    running.stop()


@pytest.fixture
def forward() -> Iterator[Callable[..., Running]]:
    """Runs a forwarder: `forward(url, limits=..., ...)`."""
    started = []

    def forward(url: str, limits: Limits | None = None, **keywords: Any) -> Running:
        started.append(run_proxy(Forwarder(url, limits=limits, **keywords), limits))
        return started[-1]

    yield forward
    for running in started:
        running.stop(wait=False)
    for running in started:
        running.stop()


@pytest.fixture
def raw() -> Iterator[Callable[[Callable[[Connection], None]], Raw]]:
    """Runs a server of a function that talks to each connection."""
    started = []

    def raw(talk: Callable[[Connection], None]) -> Raw:
        started.append(Raw(talk))
        return started[-1]

    yield raw
    for server in started:
        server.stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path, str]]:
    """A certificate for 127.0.0.1, its key, and the address of a server that has them."""
    certfile, keyfile = make_certificate(tmp_path_factory.mktemp("certificate"))
    config = uvicorn.Config(
        application, log_config=None, access_log=False, ws="none", ssl_certfile=certfile, ssl_keyfile=keyfile
    )
    running = Running(application, config)
    yield certfile, keyfile, running.url.replace("http:", "https:")
    running.stop()
