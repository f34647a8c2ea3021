"""Personal data in texts: email addresses, phone numbers, payment cards, SSNs, IBANs and IP addresses."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, NamedTuple

from aligntax_kernels.backends import Backend, implementation
from aligntax_kernels.pii.grammar import (
    LENGTH_MASK,
    LENGTH_SHIFT,
    MINIMUM_SHIFT,
    NOTHING,
    PERCENT_MASK,
    START_SHIFT,
    TYPE_MASK,
    TYPE_SHIFT,
    TYPES,
    Search,
    resumed,
)
from aligntax_kernels.pii.replacement import Mask, Pseudonyms
from aligntax_kernels.pii.streaming import Stream
from aligntax_kernels.redaction import Replacement, redacted, replacer
from aligntax_kernels.selection import selected
from aligntax_kernels.text import Text, code_points, encoded

__all__ = ["TYPES", "Hit", "Mask", "Pseudonyms", "Stream", "Type", "find", "redact", "stream", "warm"]

Type = Literal["email", "iban", "ip", "card", "ssn", "phone"]

_MINIMUM = 0.5
_CONFIDENCES = [percent / 100 for percent in range(128)]
_BITS = {name: 1 << number for number, name in enumerate(TYPES)}
_MAKERS = "pii.Mask(), pii.Pseudonyms(key)"


class Hit(NamedTuple):
    """One piece of personal data.

    Attributes:
        start, end: offsets in the text as given: code points of a str, bytes of bytes.
        type: one of `TYPES`.
        confidence: 0 to 1, by the form, by checks that the value passes, and for ambiguous forms by a word before it.
    """

    start: int
    end: int
    type: Type
    confidence: float


_hit = Hit._make


def find(
    text: str | bytes, types: Iterable[Type] | None = None, *, minimum: float = _MINIMUM, backend: Backend = "auto"
) -> list[Hit]:
    """Find personal data by its form and its check digits.

        candidates = {(start, end) : text[start:end] has the form of a type, and passes its checks}
        drop those below `minimum`; of those that overlap keep an email, else the leftmost
        hits = the rest, sorted by start

    The forms are in `aligntax_kernels.pii.grammar`. Work is linear in the text, whatever it holds. Only ASCII digits
    are digits: of others, full-width ones among them, `aligntax_kernels.fold` makes such.

    Args:
        text: str, or bytes of UTF-8 or anything else.
        types: what to look for; None: everything in `TYPES`. What is left out does not get in the way either.
        minimum: least confidence, 0 to 1. From 0.5 on only what its form or a word before it gives away; below, more
            and more of what could be anything: 0.4 for ten digits that could be a phone number, 0.3 for dotted numbers
            behind the word `version`.
        backend: `"cpu"` is compiled by numba, `"reference"` is the oracle in `re` and plain Python, `"auto"` takes
            `"cpu"`.

    Returns:
        The hits, sorted, none overlapping another.

    Raises:
        TypeError: for a text that is neither str nor bytes, a single str as types, or a minimum that is no number.
        ValueError: for an unknown type or backend, or a minimum outside 0 to 1.

    Source: RFC 5321 (email), ISO 13616 and ISO/IEC 7064 (IBAN), RFC 4291 (IPv6), ISO/IEC 7812 (cards), ITU-T E.164 and
        E.123 (phone), the Social Security Administration's rules of 2011 (SSN).
    """
    # Half of what a short text costs is reading its str, and for ASCII there is a faster way than `encoded`.
    data = text.encode() if isinstance(text, str) and text.isascii() else encoded(text)
    options = _EVERYTHING if types is None and minimum == _MINIMUM else _options(types, minimum)
    search: Search = implementation(__name__, backend).next_hit
    packed = search(data, 0, options)
    if packed == NOTHING:
        return []
    packed = resumed(search, data, packed, options)
    hits = []
    while packed >= 0:
        start = packed >> START_SHIFT
        end = start + (packed >> LENGTH_SHIFT & LENGTH_MASK)
        hits.append(_hit((start, end, TYPES[packed >> TYPE_SHIFT & TYPE_MASK], _CONFIDENCES[packed & PERCENT_MASK])))
        packed = resumed(search, data, search(data, end, options), options)
    if len(text) == len(data):
        return hits
    places = code_points(data, [offset for hit in hits for offset in hit[:2]])
    return [Hit(places[hit.start], places[hit.end], hit.type, hit.confidence) for hit in hits]


def redact(
    text: Text,
    types: Iterable[Type] | None = None,
    *,
    replacement: Replacement | None = None,
    minimum: float = _MINIMUM,
    backend: Backend = "auto",
) -> Text:
    """Return the text with every hit of `find` replaced.

        for hit in find(text): text[hit.start:hit.end] = replacement(hit.type, text[hit.start:hit.end])

    Args:
        text: as in `find`.
        types: as in `find`.
        replacement: None: the type in brackets, `[email]`; a fixed str; `Mask()`, which keeps the last characters;
            `Pseudonyms(key)`, the same name for the same value; or a function of type and value that returns a str.
        minimum: as in `find`.
        backend: as in `find`.

    Returns:
        str for str, bytes for bytes; the text itself where there is no hit.

    Raises:
        TypeError, ValueError: as in `find`; TypeError for another replacement.
    """
    replace = replacer(replacement, _MAKERS)
    data = encoded(text)
    return redacted(text, data, find(data, types, minimum=minimum, backend=backend), replace)


def stream(
    types: Iterable[Type] | None = None,
    *,
    replacement: Replacement | None = None,
    minimum: float = _MINIMUM,
    backend: Backend = "auto",
) -> Stream:
    """Return what redacts one text that arrives in chunks of str or bytes: `feed(chunk)`, then `finish()`.

        "".join([*map(stream.feed, chunks), stream.finish()]) == redact("".join(chunks))

    Args:
        types: as in `find`.
        replacement: as in `redact`.
        minimum: as in `find`.
        backend: as in `find`.

    Raises:
        TypeError, ValueError: as in `redact`.
    """
    options = _EVERYTHING if types is None and minimum == _MINIMUM else _options(types, minimum)
    return Stream(implementation(__name__, backend).next_hit, options, replacer(replacement, _MAKERS))


def warm() -> float:
    """Compile everything here ahead of the first request, and return how many seconds that took.

    With a filled numba cache that is the time to import numba and load; a second call takes next to nothing.
    """
    start = time.perf_counter()
    implementation(__name__, "cpu").warm()
    return time.perf_counter() - start


def _options(types: Iterable[Type] | None, minimum: float) -> int:
    """Return types and least confidence as `grammar` packs them."""
    return selected(TYPES if types is None else types, _BITS) | _percent(minimum) << MINIMUM_SHIFT


@lru_cache(maxsize=128)  # rounding takes longer than the search of a short text
def _percent(minimum: float) -> int:
    """Return the least confidence in percent, rounded up."""
    try:
        is_confidence = 0 <= minimum <= 1
    except TypeError:
        raise TypeError(f"minimum: got a {type(minimum).__name__}; pass a number from 0 to 1") from None
    if not is_confidence:
        raise ValueError(f"minimum={minimum!r}: a confidence; pass a number from 0 to 1")
    # What no form speaks for is no candidate at any minimum.
    return max(1, math.ceil(round(100 * minimum, 6)))


_EVERYTHING = _options(None, _MINIMUM)
