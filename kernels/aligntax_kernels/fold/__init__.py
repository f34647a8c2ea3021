"""Folds a text so that what looks alike is alike, and keeps for every byte the place in the original it came from."""

from __future__ import annotations

import time
from types import ModuleType

from aligntax_kernels.backends import Backend, implementation
from aligntax_kernels.fold.records import Folded, Folding
from aligntax_kernels.text import decoded, encoded

__all__ = ["Folded", "Folding", "boundary", "fold", "fold_bytes", "fold_text", "is_plain", "spellings", "warm"]


def fold(data: bytes, folding: Folding, *, backend: Backend = "auto") -> Folded:
    """Fold a text, and map every byte of the result to the bytes it came from.

        for character in NFKD(text), each with the span of the source character that it came from:
            replace it by what the chain (see `Folding`) makes of it, until that changes nothing
        compose (NFC), each character with the hull of the spans it was composed from

    The result is the same whether the text was given composed or decomposed, and folding that of a valid text again
    changes nothing.
    Two bounds keep the work linear and what a stream has to hold back finite. More than 30 combining characters in a
    row, which is not Stream-Safe Text, are neither reordered nor composed, and U+0345 among them stays a mark. Two
    characters with more than 1,024 bytes of removed characters between them are not composed. All other text is folded
    exactly.

    Args:
        data: UTF-8. What is not valid (lone surrogates too) stays as it is, each byte a character of its own.
        folding: the steps to take. Tables are built when a combination is first used.
        backend: `"cpu"` is compiled by numba, `"reference"` is the oracle in plain Python, `"auto"` takes `"cpu"`.

    Raises:
        TypeError: if `data` is not bytes, or `folding` not a Folding.
        ValueError: for an unknown backend.

    Source: Unicode 14 and later, sections 3.11 to 3.13; UAX 15, sections 1.3 and 13; UTS 39, section 4.
    """
    folded: Folded = _kernels(data, folding, backend).fold(data, folding)
    return folded


def fold_bytes(data: bytes, folding: Folding, *, backend: Backend = "auto") -> bytes:
    """Fold a text without the map, in about three quarters of the time: for a look at a text that may have no hit.

        return fold(data, folding).data

    Args, raises: as in `fold`.
    """
    folded: bytes = _kernels(data, folding, backend).fold_bytes(data, folding)
    return folded


def fold_text(text: str, folding: Folding) -> str:
    """Return the folded text without the map, folded until that changes nothing: for patterns.

        repeat: text = fold(text)
        until it stays the same

    Args:
        text: str, lone surrogates allowed.
        folding: the steps to take.

    Raises:
        TypeError: if `text` is not a str, or `folding` not a Folding.
    """
    if not isinstance(text, str):
        raise TypeError(f"text: got a {type(text).__name__}; pass a str, or use fold() on bytes")
    return _settled(text, folding)


def spellings(pattern: str, folding: Folding) -> tuple[str, ...]:
    """Return the folded forms that a pattern has in a text in which its case may differ.

        distinct(fold_text(p) for p in (pattern, small letters, capitals, title case))

    That is one, except where a Greek nu or upsilon becomes a look-alike: the capitals become N and Y, the small letters
    v and u. A blocklist with Greek words must search for all of them; so must one for words like them.

    Args:
        pattern: str, lone surrogates allowed.
        folding: the steps to take; without `case` and `confusables`, there is one form.

    Raises:
        TypeError: if `pattern` is not a str, or `folding` not a Folding.
    """
    if not isinstance(pattern, str):
        raise TypeError(f"pattern: got a {type(pattern).__name__}; pass a str")
    folded = _settled(pattern, folding)
    if not (folding.case and folding.confusables) or pattern.isascii():
        return (folded,)
    others = (pattern.lower(), pattern.upper(), pattern.title())
    return tuple(dict.fromkeys((folded, *(_settled(other, folding) for other in others))))


def is_plain(data: bytes, folding: Folding, *, backend: Backend = "auto") -> bool:
    """Tell whether a text may be searched as it is, because folding could do no more than lower its ASCII letters.

        for character in text:
            if folding changes it when it stands alone (other than A to Z into a to z): return False
            if it can combine with what stands before it: return False

    Where this is true, `fold(data).data` is `data.lower()`, or `data` itself without `folding.case`, and every
    character's span is its own. Where it is false, that may still be so.

    Args:
        data: UTF-8, valid or not.
        folding: the steps that folding would take.
        backend: as in `fold`.

    Raises:
        TypeError: if `data` is not bytes, or `folding` not a Folding.
        ValueError: for an unknown backend.
    """
    plain: bool = _kernels(data, folding, backend).is_plain(data, folding)
    return plain


def boundary(data: bytes, folding: Folding, *, backend: Backend = "auto") -> int:
    """Return how much of the beginning of a stream can be folded now, whatever comes next.

        the largest b such that for every continuation `more`
            fold(data[:b]).data + fold(data[b:] + more).data == fold(data + more).data
            and the maps agree likewise

    Held back are an incomplete UTF-8 sequence and a last character that may be composed with what follows: at most 61
    combining characters and the letter they belong to, with up to 1,024 bytes of removed characters between any two.

    Args:
        data: UTF-8, valid or not; the stream's text from the last boundary on.
        folding: the steps to take.
        backend: as in `fold`.

    Returns:
        A byte offset from 0 to len(data).

    Raises:
        TypeError: if `data` is not bytes, or `folding` not a Folding.
        ValueError: for an unknown backend.
    """
    at: int = _kernels(data, folding, backend).boundary(data, folding)
    return at


def warm() -> float:
    """Compile everything here and build the tables of the default folding; return how many seconds that took."""
    start = time.perf_counter()
    from aligntax_kernels.fold import cpu

    cpu.warm()
    return time.perf_counter() - start


def _settled(text: str, folding: Folding) -> str:
    data = encoded(text)
    # A second pass changes a text only where it goes beyond the bounds that `fold` names.
    while (folded := fold_bytes(data, folding)) != data:
        data = folded
    return decoded(data)


def _kernels(data: bytes, folding: Folding, backend: Backend) -> ModuleType:
    if not isinstance(data, bytes):
        raise TypeError(f"data: got a {type(data).__name__}; pass bytes, such as text.encode('utf-8', 'surrogatepass')")
    if not isinstance(folding, Folding):
        raise TypeError(f"folding: got a {type(folding).__name__}; pass a Folding")
    return implementation(__name__, backend)
