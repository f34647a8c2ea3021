"""Real servers on free ports of this machine: uvicorn on a thread, and sockets that do whatever a test has them do."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import uvicorn

from aligntax.serving.http_server import server_config
from aligntax.serving.limits import Limits

DEADLINE_SECONDS = 10.0


class Running:
    """An ASGI application under uvicorn."""

    def __init__(self, application: Any, config: uvicorn.Config, found: socket.socket | None = None) -> None:
        self.application = application
        self.server = uvicorn.Server(config)
        self._socket = found or socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._started = threading.Event()
        self._thread.start()
        assert self._started.wait(DEADLINE_SECONDS), "the server did not start"

    def _run(self) -> None:
        async def serve() -> None:
            self.loop = asyncio.get_running_loop()
            self.loop.call_later(0.01, self._look)
            await self.server.serve(sockets=[self._socket])

        with asyncio.Runner(loop_factory=self.server.config.get_loop_factory()) as runner:  # uvloop, where it is there
            runner.run(serve())

    def _look(self) -> None:
        if self.server.started:
            self._started.set()
        elif self.loop is not None:
            self.loop.call_later(0.01, self._look)

    def call(self, function: Callable[[], Any]) -> Any:
        """Return what a function returns on the server's event loop."""

        async def called() -> Any:
            return function()

        assert self.loop is not None
        return asyncio.run_coroutine_threadsafe(called(), self.loop).result(DEADLINE_SECONDS)

    def stop(self, *, wait: bool = True) -> None:
        """Have it end, as SIGTERM would."""
        self.server.should_exit = True
        if wait:
            self._thread.join(DEADLINE_SECONDS)
            assert not self._thread.is_alive(), "the server did not stop"


def run_plain(application: Any) -> Running:
    """Run an application as somebody else would."""
    return Running(application, uvicorn.Config(application, log_config=None, access_log=False, ws="none"))


def run_proxy(application: Any, limits: Limits | None = None, found: socket.socket | None = None) -> Running:
    """Run an application as `aligntax proxy` does."""
    return Running(application, server_config(application, limits or Limits()), found)


class Raw:
    """A server that has a function talk to each connection, on a thread of its own."""

    def __init__(self, talk: Callable[[Connection], None]) -> None:
        self._talk = talk
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.connections: list[Connection] = []
        self.released = threading.Event()
        self._threads: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                found, _ = self._socket.accept()
            except OSError:
                return
            connection = Connection(found, self)
            self.connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: Connection) -> None:
        with contextlib.suppress(OSError):
            self._talk(connection)
        connection.close()

    def stop(self) -> None:
        self.released.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self.connections:
            connection.close()
        for thread in [self._thread, *self._threads]:
            thread.join(DEADLINE_SECONDS)
            assert not thread.is_alive()


class Connection:
    """One end of a connection, with what has been read from it."""

    def __init__(self, found: socket.socket, server: Raw | None = None) -> None:
        self.socket = found
        self.released = server.released if server is not None else threading.Event()
        self.read = b""
        found.settimeout(DEADLINE_SECONDS)

    def head(self) -> bytes:
        """Return what comes until a blank line, and that line; what comes after it stays unread."""
        while b"\r\n\r\n" not in self.read:
            piece = self.socket.recv(65536)
            if not piece:
                raise ConnectionError(f"ended after {self.read!r}")
            self.read += piece
        head, _, self.read = self.read.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n"

    def exactly(self, size: int) -> bytes:
        """Return so many bytes."""
        while len(self.read) < size:
            piece = self.socket.recv(65536)
            if not piece:
                raise ConnectionError(f"ended after {len(self.read)} of {size} bytes")
            self.read += piece
        found, self.read = self.read[:size], self.read[size:]
        return found

    def until(self, text: bytes) -> bytes:
        """Return what comes until some bytes have come."""
        while text not in self.read:
            piece = self.socket.recv(65536)
            if not piece:
                raise ConnectionError(f"ended after {self.read!r}")
            self.read += piece
        at = self.read.index(text) + len(text)
        found, self.read = self.read[:at], self.read[at:]
        return found

    def rest(self) -> bytes:
        """Return everything until the other end closes, or resets, the connection."""
        with contextlib.suppress(ConnectionError):
            while piece := self.socket.recv(65536):
                self.read += piece
        found, self.read = self.read, b""
        return found

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reset(self) -> None:
        """Close without a goodbye."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.socket.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def connect(port: int, data: bytes = b"") -> Connection:
    """Return a connection on which some bytes have been sent."""
    connection = Connection(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_SECONDS))
    connection.send(data)
    return connection


def ask(port: int, data: bytes) -> bytes:
    """Return everything that is answered until the connection ends."""
    with connect(port, data) as connection:
        return connection.rest()


def holding(connection: Connection) -> None:
    """Have a raw server take nothing of what is sent, and keep the connection."""
    connection.released.wait(DEADLINE_SECONDS)


def eventually(holds: Callable[[], bool]) -> bool:
    """Return whether something that another thread brings about comes to hold."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
