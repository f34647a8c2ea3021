"""A running `/metrics` endpoint, asked once."""

from __future__ import annotations

import hashlib
from http.client import HTTPException, IncompleteRead
from time import monotonic
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

__all__ = ["asked", "identified", "is_endpoint"]

PATIENCE_SECONDS = 30.0
_QUIET_SECONDS = 10.0
_BLOCK_BYTES = 2**16
_SCHEMES = ("http://", "https://")


def is_endpoint(source: str) -> bool:
    """Return whether something is the URL of an endpoint, and not the path of a file."""
    return source.lower().startswith(_SCHEMES)


def asked(url: str, most_bytes: int) -> bytes:
    """Return what an endpoint answers.

    Args:
        url: of it, without a name and a password: it is kept as the source of figures.
        most_bytes: an answer that is longer is refused.

    Raises:
        ValueError: if it does not answer in time, answers with an error or at too great a length; names the URL and
            the mend.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ValueError(f"{url:.200}: is no URL ({error}); write it like http://127.0.0.1:9464/metrics") from error
    if "@" in parts.netloc:
        raise ValueError(
            "leave name and password out of the URL, which is kept in the record; save what curl -u prints"
        )
    content, until = bytearray(), monotonic() + PATIENCE_SECONDS
    request = Request(url, headers={"Accept": "text/plain; version=0.0.4"})  # noqa: S310 (see `is_endpoint`)
    try:
        with urlopen(request, timeout=_QUIET_SECONDS) as response:  # noqa: S310 (as above)
            while block := response.read1(_BLOCK_BYTES):
                content += block
                if len(content) > most_bytes:
                    raise ValueError(f"{url}: answers with more than {most_bytes // 2**20} MiB; name a /metrics")
                if monotonic() > until:
                    raise TimeoutError(f"no end of the answer within {PATIENCE_SECONDS:g} s")
            if response.length:  # of which `read1` says nothing
                raise IncompleteRead(bytes(content), response.length)
    except HTTPError as error:
        raise ValueError(f"{url}: answers {error.code} ({error.reason}); name the address of /metrics") from error
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise ValueError(
            f"{url}: gave no whole answer ({reason!s:.100}); name the /metrics of a running program, or a file"
        ) from error
    return bytes(content)


def identified(url: str, content: bytes) -> dict[str, Any]:
    """Return what identifies an answer, as `aligntax.taxes.record.provenance` does a file."""
    return {"name": url, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
