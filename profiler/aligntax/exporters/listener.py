"""A threaded WSGI server with bounds: on connections, on how long one may idle, and on how long closing takes."""

from __future__ import annotations

import contextlib
import io
import logging
import socket
import ssl
import sys
import threading
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler
from wsgiref.types import WSGIApplication

from prometheus_client.exposition import ThreadingWSGIServer

MAX_CONNECTIONS = 32
IDLE_SECONDS = 10.0

logger = logging.getLogger("aligntax")


class QuietHandler(WSGIRequestHandler):
    """Answers one request on one connection, writes no log, and gives up on a client that goes silent."""

    timeout = IDLE_SECONDS

    def log_message(self, *_: Any) -> None:
        """Write nothing: a scrape every few seconds is no news."""

    def get_stderr(self) -> io.StringIO:
        """Return a stream that nobody reads: all that is left to write to it are clients that went away."""
        return io.StringIO()


class Listener(ThreadingWSGIServer):
    """Accepts connections on one thread and answers each on a thread of its own, all of them daemons.

    Args:
        host, port: where to listen; port 0 takes a free one.
        application: answers the requests.
        context: makes it HTTPS; None for HTTP. The handshake is made on the connection's thread, so that a client
            that does not finish it blocks nobody else.
        shared: whether other processes of this user may listen at the same address; each connection goes to one.

    Raises:
        OSError: if it cannot listen there.
    """

    request_queue_size = MAX_CONNECTIONS

    def __init__(
        self,
        host: str,
        port: int,
        application: WSGIApplication,
        context: ssl.SSLContext | None,
        *,
        shared: bool = False,
    ) -> None:
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family, _, _, _, address = places[0]
        self._context = context
        self._shared = shared
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._connections_lock = threading.Lock()
        super().__init__(address[:2], QuietHandler)  # type: ignore[arg-type]  # an IPv6 address has two more fields
        self.set_app(application)

    def server_bind(self) -> None:
        """Bind without the look-up of the host's own name that `HTTPServer` does: it can take many seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self._shared:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        host, self.server_port = self.socket.getsockname()[:2]
        self.server_name = str(host)
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Hand a new connection to a thread of its own, or close it where too many are open."""
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), name="aligntax-scrape", daemon=True
        )
        with self._connections_lock:
            room = len(self._connections) < MAX_CONNECTIONS
            if room:
                thread.start()  # it waits for the lock before it ends, so that it finds itself in the table
                self._connections[thread] = request
        if not room:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer the one request of a connection, then close it."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._connections_lock:
                del self._connections[threading.current_thread()]

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands where this is HTTPS, and answer."""
        if self._context is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(IDLE_SECONDS)
        with self._context.wrap_socket(request, server_side=True, do_handshake_on_connect=False) as encrypted:
            with self._connections_lock:
                self._connections[threading.current_thread()] = encrypted
            encrypted.do_handshake()
            super().finish_request(encrypted, client_address)

    def handle_error(self, *_: Any) -> None:
        """Pass over clients that broke off, timed out or spoke no TLS; log anything else for those who look for it."""
        if not isinstance(sys.exc_info()[1], OSError):
            logger.debug("aligntax: a request for metrics could not be handled", exc_info=True)

    def shutdown(self) -> None:
        """End the accept loop: at once where closing the socket wakes it, as on Linux, else when it polls next."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        super().shutdown()

    def server_close(self) -> None:
        """Free the port, let the requests that are being answered end, and hang up on clients that are silent."""
        super().server_close()
        with self._connections_lock:
            connections = dict(self._connections)
        for connection in connections.values():
            # Reads end at once, answers are still written. Not the method of an SSL socket: that would go on in clear.
            with contextlib.suppress(OSError):  # the client was faster
                socket.socket.shutdown(connection, socket.SHUT_RD)
        for thread in connections:
            thread.join()

    def abandon(self) -> None:
        """Let go of the sockets in a forked child, where no thread serves them, without disturbing the parent."""
        self.socket.close()
        for connection in self._connections.values():
            connection.close()
