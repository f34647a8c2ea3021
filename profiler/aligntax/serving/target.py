"""Where a proxy sends a request: below one address, whatever the request says."""

from __future__ import annotations

import os
import re
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, unquote_to_bytes, urlsplit

from aligntax.serving.problems import Problem

__all__ = ["Upstream"]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_VISIBLE = re.compile(rb"[\x21-\x7e]*")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_HOST = re.compile(r"[A-Za-z0-9._~:%-]+")
_SEPARATORS = re.compile(rb"[/\\]")
_LONGEST_SOCKET = 107
"""What Linux has room for in the address of a socket, in bytes, but for the zero at its end."""


class Upstream(NamedTuple):
    """The one address that requests go to.

    Attributes:
        scheme: `"http"` or `"https"`.
        host: a name or an address, without brackets.
        port: of the server.
        base: what stands before each path, without a slash at its end.
        socket: path of the Unix socket that it listens on; None if it has a port. Its host is only a name then.
    """

    scheme: str
    host: str
    port: int
    base: str
    socket: str | None = None

    @classmethod
    def parse(cls, url: str) -> Upstream:
        """Return the upstream at an address such as `"http://127.0.0.1:8000"` or `"unix:/run/model.sock"`.

        Raises:
            ValueError: if it is none, or holds a password, which would end up in lists of processes.
        """
        shown = _without_password(url)
        if not _VISIBLE.fullmatch(url.encode("utf-8", "surrogatepass")):
            raise ValueError(f"upstream={shown!r} has characters that no URL may have; encode them")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError(f"upstream={shown!r} is no URL; write it like 'http://127.0.0.1:8000'") from None
        on_socket = parts.scheme == "unix"
        host = parts.hostname or ""
        named = parts.scheme in _DEFAULT_PORTS and _HOST.fullmatch(host)
        if not (named or on_socket):
            raise ValueError(f"upstream={shown!r} is no http or https URL; write it like 'http://127.0.0.1:8000'")
        if "@" in parts.netloc:
            raise ValueError(f"upstream={shown!r} holds a name or password; have clients send an Authorization header")
        if parts.query or parts.fragment or "?" in url or "#" in url:
            raise ValueError(f"upstream={shown!r} has a query or a fragment; leave it out")
        if on_socket:
            return cls("http", "localhost", _DEFAULT_PORTS["http"], "", _socket_of(parts, shown))
        base = parts.path.rstrip("/")
        if base and _wrong(base.encode()):
            raise ValueError(f"upstream={shown!r} has a path that is not plain; write it without '..', '//' or spaces")
        return cls(parts.scheme, host, _DEFAULT_PORTS[parts.scheme] if port is None else port, base)

    @property
    def authority(self) -> str:
        """The host, and the port unless it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """The address without a path."""
        return f"{self.scheme}://{self.authority}"

    def target(self, raw_path: bytes, query: bytes) -> str:
        """Return the path and query of a request below this address, ready to be sent.

        A path that two servers might read differently is refused: the guards' idea of a route must be the upstream's.

        Args:
            raw_path: as it came, percent-encoded.
            query: as it came, without the question mark.

        Raises:
            Problem: if it leaves the base, is relative, or is not plain.
        """
        problem = _wrong(raw_path)
        if problem:
            raise Problem(400, "invalid_path", f"the path of the request {problem}")
        if not _VISIBLE.fullmatch(query):
            raise Problem(400, "invalid_path", "the query has characters that none may have; encode them")
        path = self.base + raw_path.decode("ascii")
        return f"{path}?{query.decode('ascii')}" if query else path

    def location(self, value: bytes) -> bytes:
        """Return a `Location` of the upstream's so that clients do not follow it past the proxy."""
        try:
            parts = urlsplit(value.decode("ascii"))
            same = not parts.netloc or self._is_here(parts)
        except ValueError:
            return value
        if not same or not parts.path.startswith("/"):
            return value
        path = parts.path
        if self.base and (path == self.base or path.startswith(f"{self.base}/")):
            path = path[len(self.base) :] or "/"
        if path.startswith("//"):  # would be another host's
            return value
        return SplitResult("", "", path, parts.query, parts.fragment).geturl().encode("ascii")

    def _is_here(self, parts: SplitResult) -> bool:
        scheme = parts.scheme or self.scheme
        return parts.hostname == self.host and (parts.port or _DEFAULT_PORTS.get(scheme)) == self.port


def _wrong(raw_path: bytes) -> str | None:
    """Return what is wrong with a path, if anything is."""
    if not raw_path.startswith(b"/"):
        return "does not begin with a slash"
    if not _VISIBLE.fullmatch(raw_path) or b"?" in raw_path or b"#" in raw_path:
        return "has characters that no path may have; encode them"
    path = raw_path
    for _ in range(3):  # some servers decode more than once
        if _CONTROL.search(path) or b"\\" in path:
            return "has control characters or backslashes"
        segments = _SEPARATORS.split(path)
        if any(segment.split(b";")[0] in (b".", b"..") for segment in segments) or b"" in segments[1:-1]:
            return "has empty or dotted segments"
        decoded = unquote_to_bytes(path)
        if decoded == path:
            return None
        path = decoded
    return "is encoded more than twice"


def _socket_of(parts: SplitResult, shown: str) -> str:
    path = unquote(parts.path, errors="surrogateescape")
    if parts.netloc or not path.startswith("/") or "\0" in path:
        raise ValueError(f"upstream={shown!r} is no path of a socket; write it like 'unix:/run/model.sock'")
    if len(os.fsencode(path)) > _LONGEST_SOCKET:
        raise ValueError(f"upstream={shown!r} is longer than the {_LONGEST_SOCKET} bytes that a socket's path may have")
    return path


def _without_password(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//...@", url)
