"""What the chain makes of one character, before anything is ordered or composed: `unicodedata` and our own tables."""

from __future__ import annotations

from functools import lru_cache
from unicodedata import normalize

from aligntax_kernels.fold.confusables import CONFUSABLES
from aligntax_kernels.fold.invisible import INVISIBLE
from aligntax_kernels.fold.leet import LEET
from aligntax_kernels.fold.records import Folding

__all__ = ["IOTA_MARK", "LONGEST_GAP", "MOST_MARKS", "expansion", "iota", "together"]

MOST_MARKS = 30
"""Combining characters in a row that are still put in order: the limit of UAX 15, section 13, Stream-Safe Text."""

LONGEST_GAP = 1_024
"""Bytes of removed characters across which characters are still composed."""

IOTA_MARK = "\u0345"
"""COMBINING GREEK YPOGEGRAMMENI: the one combining character that case folding turns into a letter.

It can be folded only once the marks around it are in order, since a mark that follows the letter belongs to the letter
before (Unicode, definition D145: caseless matching decomposes first for this reason).
"""


def expansion(character: str, folding: Folding) -> str:
    """Return what one character becomes, decomposed where `folding.compatibility` is on; "" if it is removed."""
    text = character
    while (changed := _step(text, folding)) != text:
        text = changed
    return text


@lru_cache(maxsize=32)
def iota(folding: Folding) -> str:
    """Return what COMBINING GREEK YPOGEGRAMMENI becomes once the marks are in order."""
    return expansion(IOTA_MARK.casefold(), folding) if folding.case else IOTA_MARK


def together(text: str, folding: Folding) -> str:
    """Return the folded form of characters that `expansion` made, fewer than 31 of them combining in a row."""
    if not folding.compatibility:
        return text
    return normalize("NFC", normalize("NFD", text).replace(IOTA_MARK, iota(folding)))


def _step(text: str, folding: Folding) -> str:
    if folding.confusables:
        text = text.translate(CONFUSABLES)
    if folding.compatibility:
        text = normalize("NFKD", text)
        if folding.confusables:
            text = text.translate(CONFUSABLES)
    if folding.invisible:
        text = "".join(character for character in text if character not in INVISIBLE)
    if folding.case:
        text = _case_folded(text, keep=IOTA_MARK if folding.compatibility else "")
    if folding.leet:
        text = text.translate(LEET)
    return text


def _case_folded(text: str, keep: str) -> str:
    return "".join(character if character == keep else character.casefold() for character in text)
