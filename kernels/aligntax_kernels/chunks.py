"""The chunks that one text arrives in: all of them str or all of them bytes, and none after the last."""

from __future__ import annotations

from typing import Any

from aligntax_kernels.text import decoded, encoded

__all__ = ["Chunks", "incomplete_bytes"]

# How many bytes a character has, by the upper five bits of its first one; 1 for all that are not here.
_SIZES = {**dict.fromkeys(range(0b11000, 0b11100), 2), 0b11100: 3, 0b11101: 3, 0b11110: 4}


class Chunks:
    """Checks the chunks of one stream, and converts them to the UTF-8 that kernels read and back."""

    __slots__ = ("_ended", "_kind")

    def __init__(self) -> None:
        self._kind: type[str] | type[bytes] | None = None
        self._ended = False

    def take(self, chunk: str | bytes) -> bytes:
        """Return the bytes of the next chunk.

        Raises:
            TypeError: if the chunk is neither str nor bytes, or of another kind than the first.
            RuntimeError: after `end`.
        """
        if self._ended:
            raise RuntimeError("this stream has ended; make another one for another text")
        data = encoded(chunk, "chunk")
        kind = str if isinstance(chunk, str) else bytes
        if kind is not self._kind:
            if self._kind is not None:
                raise TypeError(f"chunk: got a {kind.__name__}; pass {self._kind.__name__} as before")
            self._kind = kind
        return data

    def give(self, data: bytes) -> Any:
        """Return what a caller gets for bytes, which hold no part of a character: str unless chunks were bytes."""
        return data if self._kind is bytes else decoded(data)

    def end(self) -> None:
        """Take note that no chunk follows.

        Raises:
            RuntimeError: if the stream has ended already.
        """
        if self._ended:
            raise RuntimeError("this stream has ended; make another one for another text")
        self._ended = True


def incomplete_bytes(data: bytes) -> int:
    """Return how many bytes at the end begin a character that more bytes could complete."""
    for size in range(1, min(3, len(data)) + 1):
        byte = data[-size]
        if byte & 0xC0 != 0x80:
            return size if _SIZES.get(byte >> 3, 1) > size else 0
    return 0
