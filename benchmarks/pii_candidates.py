"""The grammar of `aligntax_kernels.pii` on another engine: one alternation for candidates, checked by our reference."""

from __future__ import annotations

import re
from typing import Any

import re2

from aligntax_kernels import pii
from aligntax_kernels.pii import reference
from aligntax_kernels.pii.grammar import TYPES

LETTER = rb"[\xc3-\xdf][\x80-\xbf]"
LOCAL = rb"(?:[0-9A-Za-z._%+'-]|" + LETTER + rb")"
LABEL = rb"(?:[0-9A-Za-z-]|" + LETTER + rb")"
GAP = rb"(?:[ ()./-]|\xc2\xa0|\xe2\x80[\x89\xaf\x90-\x93])"
CANDIDATES = rb"|".join(
    (
        # No possessive or bounded repetitions: RE2 has none of the first, and takes much memory for the second.
        LOCAL + rb"+@" + LABEL + rb"+\.(?:" + LABEL + rb"|\.)+",
        rb"[A-Za-z][A-Za-z][0-9][0-9](?:" + GAP + rb"?[0-9A-Za-z]){11,30}",
        rb"[0-9A-Fa-f]{0,4}:(?:[0-9A-Fa-f]{0,4}:)+[0-9A-Fa-f.]*",
        rb"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}",
        rb"[+(]{0,2}[0-9](?:" + GAP + rb"{0,3}[0-9]){5,}",
    )
)
"""All that could be personal data, and little else: RE2 has no look-around, so that the edges are checked later."""

TRIGGER = re.compile(rb"[0-9:@]")


class Candidates:
    """Searches with one engine.

    Args:
        engine: `"re"` or `"re2"`.
    """

    def __init__(self, engine: str) -> None:
        self._pattern: Any
        if engine == "re":
            self._pattern = re.compile(CANDIDATES)
        else:
            options = re2.Options()
            options.encoding = re2.Options.Encoding.LATIN1
            self._pattern = re2.compile(CANDIDATES, options)

    def scan(self, text: str) -> list[tuple[int, int]]:
        """Return where the candidates lie, in bytes."""
        return [match.span() for match in self._pattern.finditer(text.encode())]

    def find(self, text: str) -> list[tuple[int, int, str, float]]:
        """Return what `pii.find` returns, for texts of ASCII."""
        data = text.encode()
        found: list[tuple[int, int, str, float]] = []
        at = 0
        for match in self._pattern.finditer(data):
            start, end = match.span()
            for trigger in TRIGGER.finditer(data, max(at, start), end):
                if trigger.start() < at:
                    continue
                hit = reference.hit_at(data, trigger.start(), pii._EVERYTHING)
                if hit is not None:
                    found.append((hit.start, hit.end, TYPES[hit.type], hit.percent / 100))
                    at = hit.end
        return found
