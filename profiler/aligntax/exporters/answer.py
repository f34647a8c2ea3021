"""One HTTP answer of the metrics server, and what its pages have in common."""

from __future__ import annotations

import gzip
from typing import NamedTuple

from prometheus_client.exposition import gzip_accepted

FASTEST_GZIP = 1
"""Compression level. On metrics the default of 9 takes ten times as long to save another quarter of the bytes."""


class Answer(NamedTuple):
    """One HTTP response."""

    status: str
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


def busy(what: str) -> Answer:
    """Return the answer to one more client than may be served at the same time."""
    message = f"too many {what} at the same time\n".encode()
    return Answer("503 Service Unavailable", message, headers=(("Retry-After", "1"),))


def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether an Accept-Encoding header allows gzip."""
    return gzip_accepted(accept_encoding)


def compress(text: bytes) -> bytes:
    """Return the text as gzip; the same text gives the same bytes."""
    return gzip.compress(text, compresslevel=FASTEST_GZIP, mtime=0)
