"""An OpenTelemetry collector's HTTP side: decodes what it is sent, and misbehaves when it is told to."""

from __future__ import annotations

import gzip
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

PATIENCE_SECONDS = 20
_MESSAGES = {"/v1/metrics": ExportMetricsServiceRequest, "/v1/traces": ExportTraceServiceRequest}


class Received(NamedTuple):
    """One request: its path, its headers in lower case, and what it held."""

    path: str
    headers: dict[str, str]
    message: Any


class Receiver(ThreadingHTTPServer):
    """Listens on a free port of this machine.

    Attributes:
        status: what it answers with; 0 for a connection that is reset.
        let_go: whether requests are answered at once; those that came while it was clear are when it is set.
        received: what it has answered with 200, in order. attempts: how many requests have come, by path.
    """

    daemon_threads = False
    block_on_close = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.let_go = threading.Event()
        self.let_go.set()
        self.received: list[Received] = []
        self.attempts: dict[str, int] = dict.fromkeys(_MESSAGES, 0)
        self._changed = threading.Condition()
        self._connections: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), name="receiver")
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def note(self, path: str) -> None:
        with self._changed:
            self.attempts[path] += 1
            self._changed.notify_all()

    def take(self, received: Received) -> None:
        with self._changed:
            self.received.append(received)
            self._changed.notify_all()

    def wait_for_attempts(self, path: str, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.attempts[path] >= count, PATIENCE_SECONDS)

    def wait_for(self, path: str, count: int = 1) -> list[Any]:
        """Return the messages that came to a path, of which there are at least `count`."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.messages(path)) >= count, PATIENCE_SECONDS)
        return self.messages(path)

    def messages(self, path: str) -> list[Any]:
        return [received.message for received in self.received if received.path == path]

    @property
    def spans(self) -> list[Any]:
        """All spans that have come, of all batches."""
        return [
            span
            for message in self.messages("/v1/traces")
            for of_resource in message.resource_spans
            for of_scope in of_resource.scope_spans
            for span in of_scope.spans
        ]

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that go away."""

    def close(self) -> None:
        self.let_go.set()
        self.shutdown()
        self._thread.join()
        for connection in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)  # a kept-alive one would be waited for
            except OSError:
                continue  # it is closed already
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.status
        self.server.note(self.path)
        self.server.let_go.wait(PATIENCE_SECONDS)
        if status == 0:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            return
        if status == 200:
            headers = {name.lower(): value for name, value in self.headers.items()}
            if headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            message = _MESSAGES[self.path]()
            message.ParseFromString(body)
            self.server.take(Received(self.path, headers, message))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep the terminal clean."""


def plain(attributes: list[KeyValue]) -> dict[str, Any]:
    """Return attributes as a dictionary of strings and numbers."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in attributes}
