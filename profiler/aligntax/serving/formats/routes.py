"""Which requests ask a model."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from aligntax.serving.formats.place import Kind

__all__ = ["Route", "route_of", "stored_answers"]

# A semicolon and what follows it in a segment, which servers written in Java leave out (RFC 3986, section 3.3).
_PARAMETERS = re.compile(r";[^/]*")

_ENDINGS: tuple[tuple[str, Kind], ...] = (
    ("/chat/completions", "chat"),
    ("/completions", "completions"),
    ("/responses", "responses"),
    ("/embeddings", "embeddings"),
)

_KEPT: dict[str, Kind] = {"/responses": "responses", "/chat/completions": "chat"}
_MAY_BE_STORED = re.compile("responses|completions", re.IGNORECASE)


class Route(NamedTuple):
    """A path that leads to a model.

    Attributes:
        kind: of the documents that are sent there.
    """

    kind: Kind


_ROUTES: dict[Kind, Route] = {kind: Route(kind) for _, kind in _ENDINGS}


def route_of(method: str, path: str, extra: Mapping[str, Kind]) -> Route | None:
    """Return the route of a request; None if it does not ask a model.

    Paths are compared as a lenient server would: doubled slashes, `.` and `..`, a slash at the end, `;parameters` and
    upper case make no difference, because what is not recognised here is not guarded.

    Args:
        method: of the request; only POST asks a model.
        path: as ASGI has it: percent-decoded, without the query.
        extra: further paths, each with its kind; they go first.
    """
    if method != "POST":
        return None
    plain = _plain(path)
    if extra:
        for each, kind in extra.items():
            if _plain(each) == plain:
                return _ROUTES[kind]
    for ending, kind in _ENDINGS:
        if plain.endswith(ending):
            return _ROUTES[kind]
    return None


def stored_answers(method: str, path: str, extra: Mapping[str, Kind]) -> Kind | None:
    """Return what kind of answers that a server has kept a request is answered with; None if with none.

    These are to ask for a response, or to cancel one; and to ask for chat completions, one or a list of them, or to
    change what is noted of one.

    Args:
        method: of the request.
        path: see `route_of`, and how paths are compared there.
        extra: further paths; stored answers are below those of responses and of chats.
    """
    if method not in ("GET", "POST") or not (extra or _MAY_BE_STORED.search(path)):
        return None
    plain = _plain(path)
    above, _, last = plain.rpartition("/")
    kind = _kept_at(above, extra)
    if method == "GET":
        return kind or ("chat" if _kept_at(plain, extra) == "chat" else None)
    if kind == "chat":
        return kind
    above = above.rpartition("/")[0]
    return "responses" if last == "cancel" and _kept_at(above, extra) == "responses" else None


def _kept_at(plain: str, extra: Mapping[str, Kind]) -> Kind | None:
    """Return the kind of the answers that are kept below a path."""
    for each, kind in extra.items():
        if kind in _KEPT.values() and _plain(each) == plain:
            return kind
    return next((kind for ending, kind in _KEPT.items() if plain.endswith(ending)), None)


@lru_cache(maxsize=256)
def _plain(path: str) -> str:
    return posixpath.normpath("/" + _PARAMETERS.sub("", path).lstrip("/")).lower()
