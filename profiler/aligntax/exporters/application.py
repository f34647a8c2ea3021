"""The pages of the metrics server as a WSGI application, which any other WSGI server can mount as well."""

from __future__ import annotations

import base64
import gzip
import hmac
import logging
import threading
from collections.abc import Iterable
from typing import NamedTuple
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client.exposition import choose_encoder, gzip_accepted

from aligntax.exporters.exposition import Exposition
from aligntax.exporters.scrape import booked_scrape, read_families
from aligntax.profiler import Profiler

MAX_SCRAPES = 8
FASTEST_GZIP = 1
"""Compression level. On metrics the default of 9 takes ten times as long to save another quarter of the bytes."""

logger = logging.getLogger("aligntax")

_INDEX = b"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>aligntax</title></head>
<body><h1>aligntax</h1><ul><li><a href="/metrics">metrics</a></li><li><a href="/-/healthy">health</a></li></ul></body>
</html>
"""


class Answer(NamedTuple):
    """One HTTP response."""

    status: str
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


class MetricsApplication:
    """Serves `/metrics`, `/-/healthy` and an index, to GET and HEAD. A scrape drains the profiler first.

    Args:
        profiler: whose metrics are served. What a scrape costs is booked there, as part `scrape` of the
            instrumentation time.
        credentials: user name and password that every request must carry (RFC 7617); None for none.

    Raises:
        ValueError: if the user name is empty or has a colon, or if the password is empty.
    """

    def __init__(self, profiler: Profiler, credentials: tuple[str, str] | None = None) -> None:
        self._profiler = profiler
        self._token = None if credentials is None else _token(*credentials)
        self._expositions = {False: Exposition(), True: Exposition(openmetrics=True)}
        self._slots = threading.BoundedSemaphore(MAX_SCRAPES)
        self._failed = False

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, as PEP 3333 has it. Nothing is raised: a scrape that fails is a plain 500."""
        answer = self._answer(environ)
        length = ("Content-Length", str(len(answer.body)))
        start_response(answer.status, [("Content-Type", answer.content_type), length, *answer.headers])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    def _answer(self, environ: WSGIEnvironment) -> Answer:
        if not self._is_authorized(environ.get("HTTP_AUTHORIZATION", "")):
            challenge = ("WWW-Authenticate", 'Basic realm="aligntax", charset="UTF-8"')
            return Answer("401 Unauthorized", b"this page needs a user name and a password\n", headers=(challenge,))
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return Answer("405 Method Not Allowed", b"use GET or HEAD\n", headers=(("Allow", "GET, HEAD"),))
        match environ.get("PATH_INFO"):
            case "/metrics":
                return self._metrics(environ)
            case "/-/healthy":
                return Answer("200 OK", b"healthy\n")
            case "/" | "":
                return Answer("200 OK", _INDEX, "text/html; charset=utf-8")
        return Answer("404 Not Found", b"the metrics are at /metrics\n")

    def _is_authorized(self, authorization: str) -> bool:
        if self._token is None:
            return True
        scheme, _, given = authorization.partition(" ")
        return scheme.lower() == "basic" and hmac.compare_digest(given.strip().encode(), self._token)

    def _metrics(self, environ: WSGIEnvironment) -> Answer:
        if not self._slots.acquire(blocking=False):
            message = b"too many scrapes at the same time\n"
            return Answer("503 Service Unavailable", message, headers=(("Retry-After", "1"),))
        try:
            with booked_scrape(self._profiler):
                return self._scrape(environ)
        except Exception:
            if not self._failed:
                self._failed = True
                logger.warning("aligntax: a scrape failed; further failures are only answered", exc_info=True)
            return Answer("500 Internal Server Error", b"the metrics could not be read\n")
        finally:
            self._slots.release()

    def _scrape(self, environ: WSGIEnvironment) -> Answer:
        exposition = self._expositions[accepts_openmetrics(environ.get("HTTP_ACCEPT", ""))]
        text = exposition.render(read_families(self._profiler))
        if not gzip_accepted(environ.get("HTTP_ACCEPT_ENCODING", "")):
            return Answer("200 OK", text, exposition.content_type)
        compressed = gzip.compress(text, compresslevel=FASTEST_GZIP)
        return Answer("200 OK", compressed, exposition.content_type, (("Content-Encoding", "gzip"),))


def accepts_openmetrics(accept: str) -> bool:
    """Return whether an Accept header prefers OpenMetrics, by the rules of `prometheus_client`."""
    try:
        _, content_type = choose_encoder(accept)
    except TypeError:  # its answer to a version that is not a number; the oldest format suits everyone
        return False
    return content_type.startswith("application/openmetrics-text")


def _token(username: str, password: str) -> bytes:
    if not username or ":" in username:
        raise ValueError(f"username {username!r} cannot be used for basic authentication; it needs a name without ':'")
    if not password:
        raise ValueError("the password is empty; set one, or leave out both username and password")
    return base64.b64encode(f"{username}:{password}".encode())
