"""Who may read the metrics: credentials that a request must carry, and names under which the page may be opened."""

from __future__ import annotations

import base64
import hmac
import ipaddress
import re
import socket
from collections.abc import Iterable

REALM = 'realm="aligntax", charset="UTF-8"'

_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")  # what RFC 6750 allows
_NAME = re.compile(r"[A-Za-z0-9_\-.]{1,253}")


class Access:
    """Checks the Authorization header of requests.

    Args:
        credentials: user name and password of basic authentication (RFC 7617); None for none.
        token: a bearer token (RFC 6750) that lets in as well; None for none. Without either, everyone may read.

    Attributes:
        challenges: the values of the WWW-Authenticate headers of a refusal.

    Raises:
        ValueError: if the user name is empty or has a colon, or the password is empty, or the token is not one.
    """

    def __init__(self, credentials: tuple[str, str] | None = None, token: str | None = None) -> None:
        self._accepted: list[tuple[str, bytes]] = []
        self.challenges: list[str] = []
        if credentials is not None:
            self._accepted.append(("basic", _basic(*credentials)))
            self.challenges.append(f"Basic {REALM}")
        if token is not None:
            if not _TOKEN.fullmatch(token):
                raise ValueError(
                    f"token of {len(token)} characters is not a bearer token; use letters, digits and -._~+/ only, "
                    "e.g. from secrets.token_urlsafe()"
                )
            self._accepted.append(("bearer", token.encode()))
            self.challenges.append('Bearer realm="aligntax"')

    @property
    def is_open(self) -> bool:
        """Whether everyone may read."""
        return not self._accepted

    def allows(self, authorization: str) -> bool:
        """Return whether a request with this Authorization header may read; as fast for any wrong secret."""
        if not self._accepted:
            return True
        scheme, _, given = authorization.partition(" ")
        secret = given.strip().encode()
        found = [hmac.compare_digest(secret, expected) for name, expected in self._accepted if scheme.lower() == name]
        return any(found)


class Hosts:
    """Knows the names under which a browser may open the page.

    Any site can have its own name point at this machine, and its scripts then read what is served under that name (DNS
    rebinding). It cannot do so with an address, with `localhost`, or with a name that is not its own.

    Args:
        names: those to accept beside addresses, `localhost` and this machine's own name.

    Raises:
        TypeError: for one string in place of several.
        ValueError: for something that is not a host name.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        if isinstance(names, str):
            raise TypeError(f"hosts={names!r} is one string; pass a list of names")
        names = list(names)
        for name in names:
            if not (isinstance(name, str) and _NAME.fullmatch(name)):
                raise ValueError(f"hosts={names!r} has {name!r}, which is not a host name; leave out scheme and port")
        self._names = {"localhost", socket.gethostname().lower(), *(name.lower().rstrip(".") for name in names)}

    def accept(self, host: str) -> bool:
        """Return whether a Host header names this server; a missing one does, as no browser leaves it out."""
        if not host:
            return True
        name = re.sub(r":\d*$", "", host.strip().lower()).rstrip(".")
        if name in self._names or name.endswith(".localhost"):
            return True
        try:
            ipaddress.ip_address(name[1:-1] if name.startswith("[") and name.endswith("]") else name)
        except ValueError:
            return False
        return True


def _basic(username: str, password: str) -> bytes:
    if not username or ":" in username:
        raise ValueError(f"username {username!r} cannot be used for basic authentication; it needs a name without ':'")
    if not password:
        raise ValueError("the password is empty; set one, or leave out both username and password")
    return base64.b64encode(f"{username}:{password}".encode())
