"""Texts as the callers hold them, `str` or `bytes`, and as the kernels read them: UTF-8."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

__all__ = ["Text", "code_points", "decoded", "encoded", "replaced"]

Text = TypeVar("Text", str, bytes)


def encoded(text: str | bytes, name: str = "text") -> bytes:
    """Return the UTF-8 of a `str`, lone surrogates included, or `bytes` as they are, valid UTF-8 or not.

    Raises:
        TypeError: for anything else.
    """
    if isinstance(text, bytes):
        return text
    if isinstance(text, str):
        try:
            return text.encode()  # naming an error handler takes 0.1 us, and hardly any text needs it
        except UnicodeEncodeError:
            return text.encode("utf-8", "surrogatepass")
    raise TypeError(f"{name}: got a {type(text).__name__}; pass str or bytes")


def decoded(data: bytes) -> str:
    """Return the text whose `encoded` form `data` is."""
    return data.decode("utf-8", "surrogatepass")


def code_points(data: bytes, offsets: Iterable[int]) -> dict[int, int]:
    """Return, for each byte offset in a UTF-8 text, how many code points lie before it.

    Args:
        data: what `encoded` made of a `str`.
        offsets: byte offsets, each where a code point begins or the text ends.
    """
    found: dict[int, int] = {}
    at = count = 0
    for offset in sorted(set(offsets)):
        count += len(decoded(data[at:offset]))
        at = offset
        found[offset] = count
    return found


def replaced(text: Text, spans: Iterable[tuple[int, int, Text]]) -> Text:
    """Return `text` with spans of it replaced.

    Args:
        text: str or bytes.
        spans: start, end and what stands in its place; sorted by start, none overlapping the one before.
    """
    pieces: list[Any] = []
    at = 0
    for start, end, replacement in spans:
        pieces += (text[at:start], replacement)
        at = end
    pieces.append(text[at:])
    return text[:0].join(pieces)
