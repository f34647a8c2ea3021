"""Keys, tokens, passwords and private keys in texts, by the shapes that their issuers give them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from typing import NamedTuple

from aligntax_kernels.backends import Backend, implementation
from aligntax_kernels.redaction import Replacement, redacted, replacer
from aligntax_kernels.secrets.replacement import Pseudonyms
from aligntax_kernels.secrets.rules import ALL_RULES, RULES, TYPES
from aligntax_kernels.secrets.shapes import unpack
from aligntax_kernels.secrets.streaming import Stream
from aligntax_kernels.selection import selected
from aligntax_kernels.text import Text, code_points, encoded

__all__ = ["TYPES", "Hit", "Pseudonyms", "Stream", "find", "redact", "stream", "warm"]

_BITS = {name: sum(1 << index for index, rule in enumerate(RULES) if rule.type == name) for name in TYPES}
"""A bit for each rule of a type."""
_MAKERS = "secrets.Pseudonyms(key)"

# Bytes from which on other threads are let run meanwhile; a shorter search is over before a fight for the GIL is.
_LONG_TEXT = 1 << 20


class Hit(NamedTuple):
    """One secret.

    Attributes:
        start, end: offsets in the text as given: code points of a str, bytes of bytes.
        type: one of `TYPES`.
        confidence: 0 to 1, by the rule. It orders the rules by how much their shapes give away, and is no measured
            precision.
    """

    start: int
    end: int
    type: str
    confidence: float


def find(text: str | bytes, types: Iterable[str] | None = None, *, backend: Backend = "auto") -> list[Hit]:
    """Find secrets by their prefixes, their alphabets, their lengths, the names they are given to, and their entropy.

        candidates = {(start, end) : text[start:end] is what a rule describes, where the rule wants it}
        repeat: take the leftmost candidate, of those the longest, of those the one whose rule comes first
                drop those that begin before its end

    The rules are in `aligntax_kernels.secrets.rules`. What a type's name does not say: `assignment` is a value of a
    name like `password`, `token` or `api_key`; `basic_auth` the password in an URL, or the user and password in an
    `Authorization` header; `openai_key` any key that begins with `sk-`; a `private_key` without its end goes on for 16
    KiB or to the end of the text. Not reported are the example keys in the manuals of AWS, which end in EXAMPLE.

    Work is linear in the text, whatever it holds.

    Args:
        text: str, or bytes in UTF-8 or anything else; secrets are ASCII.
        types: what to look for; None: everything in `TYPES`. What is left out does not get in the way either.
        backend: `"cpu"` is compiled by numba, `"reference"` is the oracle in plain Python, `"auto"` takes `"cpu"`.

    Returns:
        The hits, sorted, none overlapping another. A hit is what must be hidden: for an assignment the value, without
        quotes; for an URL the password.

    Raises:
        TypeError: for a text that is neither str nor bytes, or for one type that is not in a list.
        ValueError: for an unknown type or backend.
    """
    # A call more would be felt in the time of a short text, of which most are ASCII.
    data = text.encode() if type(text) is str and text.isascii() else encoded(text)
    if types is None and backend == "auto" and len(data) < _LONG_TEXT:
        search = _usual_search()
    else:
        search = _searcher(ALL_RULES if types is None else selected(types, _BITS), backend, len(data) >= _LONG_TEXT)
    match = search(data, 0, True)
    if match < 0:
        return []
    hits = []
    while match >= 0:
        found = unpack(match)
        rule = RULES[found.rule]
        hits.append(Hit(found.start, found.end, rule.type, rule.confidence))
        match = search(data, found.end, True)
    if len(text) == len(data):
        return hits
    places = code_points(data, [offset for hit in hits for offset in hit[:2]])
    return [Hit(places[hit.start], places[hit.end], hit.type, hit.confidence) for hit in hits]


def redact(
    text: Text,
    types: Iterable[str] | None = None,
    *,
    replacement: Replacement | None = None,
    backend: Backend = "auto",
) -> Text:
    """Return the text with every hit of `find` replaced.

    Args:
        text: as in `find`.
        types: as in `find`.
        replacement: None: the type in brackets, `[github_token]`; a fixed str; `Pseudonyms(key)`, the same name for the
            same secret; or a function of type and secret that returns a str.
        backend: as in `find`.

    Returns:
        str for str, bytes for bytes; the text itself where there is no hit.

    Raises:
        TypeError, ValueError: as in `find`; TypeError for another replacement.
    """
    replace = replacer(replacement, _MAKERS)
    data = encoded(text)
    return redacted(text, data, find(data, types, backend=backend), replace)


def stream(
    types: Iterable[str] | None = None, *, replacement: Replacement | None = None, backend: Backend = "auto"
) -> Stream:
    """Return what redacts one text that arrives in chunks of str or bytes: `feed(chunk)`, then `finish()`.

    Args:
        types: as in `redact`.
        replacement: as in `redact`.
        backend: as in `find`; the reference decides nothing before the end, and holds everything back until then.

    Raises:
        TypeError, ValueError: as in `redact`.
    """
    rules = ALL_RULES if types is None else selected(types, _BITS)
    return Stream(_searcher(rules, backend, False), replacer(replacement, _MAKERS))


def warm() -> float:
    """Compile everything here ahead of the first request, and return how many seconds that took.

    With a filled numba cache that is the time to import numba and load; a second call takes next to nothing.
    """
    start = time.perf_counter()
    implementation(__name__, "cpu").warm()
    return time.perf_counter() - start


@cache
def _usual_search() -> Callable[[bytes, int, bool], int]:
    return _searcher(ALL_RULES, "auto", False)


@lru_cache(maxsize=128)
def _searcher(rules: int, backend: str, is_long: bool) -> Callable[[bytes, int, bool], int]:
    search: Callable[[bytes, int, bool], int] = implementation(__name__, backend).searcher(rules, is_long=is_long)
    return search
