"""Which requests ask a model."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from aligntax.serving.formats.place import Kind

__all__ = ["Route", "is_stored_answer", "route_of"]

# A semicolon and what follows it in a segment, which servers written in Java leave out (RFC 3986, section 3.3).
_PARAMETERS = re.compile(r";[^/]*")

_ENDINGS: tuple[tuple[str, Kind], ...] = (
    ("/chat/completions", "chat"),
    ("/completions", "completions"),
    ("/responses", "responses"),
    ("/embeddings", "embeddings"),
)


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


def is_stored_answer(method: str, path: str, extra: Mapping[str, Kind]) -> bool:
    """Return whether a request asks for a response that the server has kept; to cancel one is answered with it as well.

    Args:
        method: of the request.
        path: see `route_of`, and how paths are compared there.
        extra: further paths; stored answers are below those of responses.
    """
    if method not in ("GET", "POST") or not (extra or "responses" in path.lower()):
        return False
    above, _, last = _plain(path).rpartition("/")
    if method == "POST":
        if last != "cancel":
            return False
        above = above.rpartition("/")[0]
    if above.endswith("/responses"):
        return True
    return any(kind == "responses" and _plain(each) == above for each, kind in extra.items())


@lru_cache(maxsize=256)
def _plain(path: str) -> str:
    return posixpath.normpath("/" + _PARAMETERS.sub("", path).lstrip("/")).lower()
