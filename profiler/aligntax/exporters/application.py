"""The pages of the metrics server as a WSGI application, which any other WSGI server can mount as well."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client.exposition import choose_encoder

from aligntax.exporters.access import Access, Hosts
from aligntax.exporters.answer import Answer, accepts_gzip, busy, compress
from aligntax.exporters.exposition import Exposition
from aligntax.exporters.live.page import LivePage
from aligntax.exporters.scrape import booked_scrape, read_families
from aligntax.profiler import Profiler

MAX_SCRAPES = 8

logger = logging.getLogger("aligntax")


class MetricsApplication:
    """Serves `/metrics`, `/-/healthy` and the live page, to GET and HEAD. A scrape drains the profiler first.

    Args:
        profiler: whose metrics are served. What a scrape costs is booked there, as part `scrape` of the
            instrumentation time.
        credentials: user name and password that every request must carry (RFC 7617); None for none.
        token: a bearer token (RFC 6750) that lets a request in as well; None for none.
        hosts: names under which browsers may open the live page, beside addresses, `localhost` and this machine's own.

    Raises:
        TypeError: if `hosts` is a string.
        ValueError: if the user name is empty or has a colon, the password is empty, the token is not one, or one of
            `hosts` is not a host name.
    """

    def __init__(
        self,
        profiler: Profiler,
        credentials: tuple[str, str] | None = None,
        *,
        token: str | None = None,
        hosts: Iterable[str] = (),
    ) -> None:
        self._profiler = profiler
        self._access = Access(credentials, token)
        known = Hosts(hosts)
        self._live = LivePage(profiler, known if self._access.is_open else None)
        self._expositions = {False: Exposition(), True: Exposition(openmetrics=True)}
        self._slots = threading.BoundedSemaphore(MAX_SCRAPES)
        self._failed = False

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, as PEP 3333 has it. Nothing is raised: a scrape that fails is a plain 500."""
        answer = self._answer(environ)
        headers = [("Content-Type", answer.content_type), *answer.headers]
        if answer.status.startswith("304 "):
            start_response(answer.status, headers)
            return []
        start_response(answer.status, [*headers, ("Content-Length", str(len(answer.body)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    def _answer(self, environ: WSGIEnvironment) -> Answer:
        if not self._access.allows(environ.get("HTTP_AUTHORIZATION", "")):
            challenges = tuple(("WWW-Authenticate", challenge) for challenge in self._access.challenges)
            return Answer("401 Unauthorized", b"this page needs credentials\n", headers=challenges)
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return Answer("405 Method Not Allowed", b"use GET or HEAD\n", headers=(("Allow", "GET, HEAD"),))
        match environ.get("PATH_INFO"):
            case "/metrics":
                return self._metrics(environ)
            case "/-/healthy":
                return Answer("200 OK", b"healthy\n")
        return self._live.answer(environ) or Answer("404 Not Found", b"the metrics are at /metrics\n")

    def _metrics(self, environ: WSGIEnvironment) -> Answer:
        if not self._slots.acquire(blocking=False):
            return busy("scrapes")
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
        if not accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")):
            return Answer("200 OK", text, exposition.content_type)
        return Answer("200 OK", compress(text), exposition.content_type, (("Content-Encoding", "gzip"),))


def accepts_openmetrics(accept: str) -> bool:
    """Return whether an Accept header prefers OpenMetrics, by the rules of `prometheus_client`."""
    try:
        _, content_type = choose_encoder(accept)
    except TypeError:  # its answer to a version that is not a number; the oldest format suits everyone
        return False
    return content_type.startswith("application/openmetrics-text")
