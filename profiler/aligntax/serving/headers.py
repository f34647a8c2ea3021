"""Headers on their way through a proxy: what concerns one connection only ends here, in both directions.

See RFC 9110, sections 5.5, 7.6.1 and 7.8, and RFC 9112, sections 6.1 to 6.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, get_args

from aligntax.serving.messages import Headers
from aligntax.serving.problems import Problem

__all__ = ["Forwarded", "answer_headers", "body_length", "request_headers"]

Forwarded = Literal["keep", "add", "strip"]
"""What becomes of `X-Forwarded-*`, `Forwarded` and `Via`: what came goes on, is added to, or is left out."""

FORWARDED_CHOICES: tuple[str, ...] = get_args(Forwarded)

_ONE_CONNECTION = frozenset(
    {b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"http2-settings", b"proxy"}
)
_OUR_OWN = frozenset({b"host", b"content-length", b"expect"})
_ROUTE = (b"x-forwarded-", b"x-real-ip")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[^\x00-\x08\x0a-\x1f\x7f]*")


def request_headers(
    headers: Iterable[tuple[bytes, bytes]],
    *,
    limit: int,
    forwarded: Forwarded = "keep",
    client: str | None = None,
    scheme: str = "http",
    preserve_host: bool = False,
) -> list[tuple[str, str]]:
    """Return what the upstream is sent of a request's headers. The length of the body is not among them.

    Args:
        headers: as they came.
        limit: bytes that they may have altogether.
        forwarded: see `Forwarded`.
        client: the client's address, to be added.
        scheme: the client's, to be added.
        preserve_host: whether the upstream is told the client's `Host`, and not its own.

    Raises:
        Problem: if they are too many, or have what no header may have.
    """
    headers = list(headers)
    if sum(len(name) + len(value) + 4 for name, value in headers) > limit:
        raise Problem(431, "headers_too_large", f"the headers have more than {limit} bytes; send less")
    dropped = _named_by_connection(headers) | _ONE_CONNECTION | _OUR_OWN
    kept = []
    hosts = []
    for name, value in headers:
        low = name.lower()
        if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)):
            raise Problem(400, "invalid_header", "a header has a character that none may have; send plain text")
        if low == b"host":
            hosts.append((name, value))
        if low in dropped or low.startswith(b"proxy-"):
            continue
        if forwarded == "strip" and (low.startswith(_ROUTE) or low in (b"forwarded", b"via")):
            continue
        kept.append((name, value))
    if len(hosts) > 1:
        raise Problem(400, "invalid_header", "there is more than one Host header; send one")
    if preserve_host:
        kept += hosts
    if forwarded == "add":
        kept += [(b"x-forwarded-for", (client or "unknown").encode()), (b"x-forwarded-proto", scheme.encode())]
        kept += [(b"x-forwarded-host", host) for _, host in hosts] + [(b"via", b"1.1 aligntax")]
    try:
        return [(name.decode("ascii"), value.decode()) for name, value in kept]
    except UnicodeDecodeError:
        raise Problem(400, "invalid_header", "a header is no UTF-8, which is all that goes on; encode it so") from None


def body_length(headers: Iterable[tuple[bytes, bytes]], http_version: str) -> int | None:
    """Return how many bytes the body of a request has, 0 if it has none, None if only its end will tell.

    A server has usually refused already what is refused here. Two programs that read such a request differently would
    take parts of its body for a request of somebody else's.

    Raises:
        Problem: if the headers contradict each other or themselves.
    """
    headers = list(headers)
    lengths = {value.strip(b" \t") for name, value in headers if name.lower() == b"content-length"}
    codings = [value.strip(b" \t").lower() for name, value in headers if name.lower() == b"transfer-encoding"]
    if codings:
        if lengths or http_version == "1.0" or codings != [b"chunked"]:
            raise Problem(
                400, "invalid_framing", "Transfer-Encoding is 'chunked' alone, once, and in place of a length"
            )
        return None
    return _length(lengths, Problem(400, "invalid_framing", "Content-Length is one number of bytes; send one")) or 0


def answer_headers(headers: Iterable[tuple[bytes, bytes]], status: int, *, limit: int) -> Headers:
    """Return what the client is sent of an answer's headers, its length among them if it has one.

    Raises:
        Problem: if they are too many, have what no header may have, or contradict each other.
    """
    headers = list(headers)
    if sum(len(name) + len(value) + 4 for name, value in headers) > limit:
        raise Problem(502, "upstream_protocol", f"the upstream's headers have more than {limit} bytes")
    dropped = _named_by_connection(headers) | _ONE_CONNECTION | {b"content-length"}
    kept: Headers = []
    lengths = set()
    chunked = False
    for name, value in headers:
        low = name.lower()
        if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)):
            raise Problem(502, "upstream_protocol", "the upstream sent a header with a character that none may have")
        if low == b"content-length":
            lengths.add(value.strip(b" \t"))
        chunked |= low == b"transfer-encoding"
        if low not in dropped and not low.startswith(b"proxy-"):
            kept.append((low, value))
    length = _length(lengths, Problem(502, "upstream_protocol", "the upstream sent a wrong Content-Length"))
    if length is not None and not chunked and status not in (204, 304):
        kept.append((b"content-length", str(length).encode()))
    return kept


def _length(found: set[bytes], problem: Problem) -> int | None:
    if not found:
        return None
    value = found.pop()
    if found or not value.isdigit() or len(value) > 18:
        raise problem
    return int(value)


def _named_by_connection(headers: Headers) -> set[bytes]:
    values = [value for name, value in headers if name.lower() == b"connection"]
    return {token.strip().lower() for value in values for token in value.split(b",")}
