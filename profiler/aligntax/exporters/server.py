"""Serves a profiler's metrics over HTTP or HTTPS, on threads of its own: never on the event loop that it measures."""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Iterable
from pathlib import Path

from aligntax.exporters.application import MetricsApplication
from aligntax.exporters.certificates import server_context
from aligntax.exporters.listener import Listener
from aligntax.profiler import Profiler
from aligntax.weak_call import weakly

DEFAULT_PORT = 9464
MAX_PORT = 65535


class MetricsServer:
    """A running server; also a context manager that closes it. Made by `serve`.

    Attributes:
        host, port: where it listens.
        url: its address without a path, e.g. `"http://127.0.0.1:9464"`; the metrics are at `/metrics` below it.
    """

    def __init__(self, listener: Listener, host: str, scheme: str) -> None:
        self.host = host
        self.port = listener.server_port
        self.url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"
        self._listener: Listener | None = listener
        self._thread = threading.Thread(target=listener.serve_forever, name="aligntax-metrics", daemon=True)
        self._thread.start()
        os.register_at_fork(after_in_child=weakly(self.forget_listener))

    def close(self) -> None:
        """Stop: free the port and end all threads. Requests that are being answered are finished. Idempotent."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.shutdown()
            self._thread.join()
            listener.server_close()

    def __enter__(self) -> MetricsServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def forget_listener(self) -> None:
        """Make a forked child whole: the threads are the parent's, and the port must be free once the parent ends."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.abandon()


def serve(
    profiler: Profiler,
    port: int = DEFAULT_PORT,
    host: str = "127.0.0.1",
    *,
    certfile: Path | str | None = None,
    keyfile: Path | str | None = None,
    username: str | None = None,
    password: str | None = None,
    token: str | None = None,
    hosts: Iterable[str] = (),
    shared: bool = False,
) -> MetricsServer:
    """Serve a profiler's metrics at `/metrics`, in the format that the client asks for, and the live page at `/`.

    Args:
        profiler: drained by each scrape.
        port: 0 to 65535; 0 takes a free one, see `MetricsServer.port`.
        host: address to listen on; only this machine by default, `"0.0.0.0"` for all of its addresses.
        certfile: PEM file with the server's certificate chain, and its private key unless `keyfile` has it; makes it
            HTTPS, TLS 1.2 or later.
        keyfile: PEM file with the private key, not encrypted.
        username: the name that every request must carry as basic authentication, with the password.
        password: goes with the user name; both or neither. Without HTTPS it crosses the network in clear.
        token: a bearer token that lets a request in as well, or alone where there is no user name. Browsers cannot send
            one of themselves: whoever wants to see the live page needs the user name and the password.
        hosts: names under which browsers may open the live page, beside addresses, `localhost` and this machine's own
            name. Where a user name or a token is needed, any will do.
        shared: whether all workers of a server listen at the same address, and any of them answers for all. For a
            profiler with `ledger_dir`, and not for port 0, of which each worker would get another one.

    Returns:
        The running server, to be closed.

    Raises:
        OSError: if it cannot listen there, e.g. because the port is taken.
        FileNotFoundError: if certfile or keyfile is missing.
        TypeError: if `hosts` is one string in place of several.
        ValueError: for a port out of range or one that cannot be shared, a user name without a password or the
            reverse, an empty or unusable one of them, a keyfile without certfile, and files that hold no matching
            certificate and key.
    """
    if not 0 <= port <= MAX_PORT:
        raise ValueError(f"port={port} is not a port; use 0 to {MAX_PORT}, 0 for a free one")
    credentials: tuple[str, str] | None = None
    if username is not None and password is not None:
        credentials = (username, password)
    elif username is not None or password is not None:
        raise ValueError("basic authentication needs both username and password; pass both or neither")
    application = MetricsApplication(profiler, credentials, token=token, hosts=hosts)
    context = server_context(certfile, keyfile)
    try:
        if shared:
            listener = _shared_listener(profiler, host, port, application, context)
        else:
            listener = Listener(host, port, application, context)
    except OSError as error:
        raise OSError(
            error.errno,
            f"cannot serve metrics on {host}:{port} ({error.strerror}); "
            "pass another host= or port=, or port=0 for a free one",
        ) from error
    return MetricsServer(listener, host, "https" if context else "http")


def _shared_listener(
    profiler: Profiler, host: str, port: int, application: MetricsApplication, context: ssl.SSLContext | None
) -> Listener:
    worker = profiler.worker
    if worker is None or port == 0:
        raise ValueError(
            f"shared=True with port={port} and {'no' if worker is None else 'a'} ledger_dir; workers can only share a "
            "port that they all know, and need Profiler(ledger_dir=...) to answer for each other"
        )
    with worker.claiming(f"{host}:{port}") as claimed:
        if not claimed:
            # The system would let any two programs of one user share a port, and a scrape would meet now this one and
            # now that one. The first worker of a server makes sure that nobody is there.
            Listener(host, port, application, context).server_close()
        return Listener(host, port, application, context, shared=True)
