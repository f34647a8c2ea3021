"""Runs the proxy: uvicorn with limits where it has none, one worker or several, until it is told to stop."""

from __future__ import annotations

import ipaddress
import os
import resource
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from aligntax.exporters.certificates import server_context
from aligntax.serving.http_server import BACKLOG, Listening, serve
from aligntax.serving.limits import Limits
from aligntax.serving.metrics_access import metrics_access
from aligntax.serving.proxy import OPTIONS_VARIABLE, ProxyOptions
from aligntax.serving.target import Upstream

__all__ = ["Listening", "listen", "run"]

MOST_DESCRIPTORS = 65_536
METRICS_PORT = 9464
WORKERS_APPLICATION = "aligntax.serving.proxy:proxy_from_environment"


def listen(listening: Listening, limits: Limits) -> socket.socket:
    """Return a socket that listens.

    A client that takes nothing of its answer for as long as `client_seconds` is disconnected by the kernel.

    Raises:
        OSError: if it cannot listen there; names host, port and the mend.
    """
    try:
        family, *_, address = socket.getaddrinfo(listening.host, listening.port, type=socket.SOCK_STREAM)[0]
        found = socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror or error)
        raise OSError(
            f"--host {listening.host} --port {listening.port}: cannot listen there ({reason}); choose another port, "
            "or 0 for a free one"
        ) from error
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(limits.client_seconds * 1000))
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    found.set_inheritable(True)
    return found


def run(options: ProxyOptions, listening: Listening, say: Callable[[str], object]) -> int:
    """Serve a proxy until SIGINT or SIGTERM, and until the requests that are running then have ended.

    Args:
        options: what is served; with metrics on `METRICS_PORT` where neither they nor their file say otherwise.
        listening: where.
        say: is told, in a line each, where the proxy and its metrics are.

    Returns:
        The exit code: 0 where it was told to stop.

    Raises:
        ValueError, OSError: for what cannot be used; names it and the mend.
    """
    upstream = Upstream.parse(options.upstream)
    # What is wrong with these is said once, and not by each worker; so with the metrics' below.
    server_context(listening.certfile, listening.keyfile)
    settings = options.settings()
    if settings.metrics_port is None:
        settings = replace(settings, metrics_port=METRICS_PORT)
        options = replace(options, metrics_port=METRICS_PORT)
    if settings.metrics_port == 0 and listening.workers > 1:
        raise ValueError("metrics_port=0 would be another port in each worker; name one that they can share")
    with ExitStack() as stack:
        if listening.workers > 1 and settings.ledger_dir is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="aligntax-", ignore_cleanup_errors=True))
            options = replace(options, ledger_dir=folder)
        found = stack.enter_context(listen(listening, options.limits))
        host, port = found.getsockname()[:2]
        if _is_self(upstream, host, port):
            raise ValueError(f"--upstream {options.upstream} is this proxy itself; name the server behind it")
        _raise_descriptor_limit()
        stack.enter_context(_stopped_by_sigterm())
        if listening.workers == 1:
            application = options.create(settings)
            metrics = application.metrics_url
        else:
            application = None
            # Workers make their own; guards that this process has made are those that their cache holds now.
            stack.enter_context(_environment(OPTIONS_VARIABLE, options.to_json()))
            metrics_access(settings)
            scheme = "https" if settings.metrics_certificate else "http"
            metrics = _url(scheme, settings.metrics_host, settings.metrics_port)
        say(f"Proxy: {_url('https' if listening.certfile else 'http', host, port)} in front of {options.upstream}")
        if metrics:
            say(f"Metrics: {metrics}/metrics")
        return serve(application or WORKERS_APPLICATION, found, listening, options.limits)


def _url(scheme: str, host: str, port: int | None) -> str:
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _is_self(upstream: Upstream, host: str, port: int) -> bool:
    if upstream.port != port or upstream.socket is not None:
        return False
    try:
        address = ipaddress.ip_address(host)
        behind = ipaddress.ip_address("127.0.0.1" if upstream.host == "localhost" else upstream.host)
    except ValueError:
        return False
    return behind == address or (behind.is_loopback and address.is_unspecified)


def _raise_descriptor_limit() -> None:
    """Allow as many open connections as the system lets this user have: each request takes two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """Have SIGTERM, which uvicorn raises again after it has stopped, end the program as Ctrl-C does: tidily."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
