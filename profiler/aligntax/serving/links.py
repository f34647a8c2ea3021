"""One guard at work on one text of a stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator

from aligntax.guards.judgement import Judgement
from aligntax.recording.chunks import ChunkTimes
from aligntax.serving.guarding import ServedGuard

__all__ = ["Link"]

_FOLLOWING_BYTES = bytes(range(0x80, 0xC0))


class Link:
    """One guard's stream over one text, and which pieces of it the guard still holds.

    Attributes:
        stream: the guard's; None once it has failed, and is one that lets everything pass then.
    """

    __slots__ = ("_held", "_pieces", "_taken", "guard", "stream")

    def __init__(self, guard: ServedGuard) -> None:
        self.guard = guard
        self.stream: Generator[Judgement, str | None, None] | None = None
        # When each piece came that is not wholly released, up to which byte of the text it goes, and the piece.
        self._pieces: deque[tuple[int, int, str]] = deque()
        self._taken = 0
        self._held = 0

    def took(self, text: str, came_ns: int) -> None:
        """Note a piece that the guard is being given."""
        self._taken += len(text) if text.isascii() else len(_encoded(text))
        self._pieces.append((came_ns, self._taken, text))

    def released(self, held: int, now_ns: int, times: ChunkTimes) -> None:
        """Note that the guard keeps the last `held` bytes of the text, and nothing before them."""
        self._held = held
        pieces = self._pieces
        released = self._taken - held
        while pieces and pieces[0][1] <= released:
            times.held(self.guard.row, now_ns - pieces.popleft()[0])

    def kept(self, *, with_last: bool) -> str:
        """Return what the guard had kept back, and behind it the last piece if it has not answered about that."""
        pieces = [text for _, _, text in self._pieces]
        last = pieces.pop() if with_last else ""
        before = _encoded("".join(pieces))[-self._held :] if self._held > 0 else b""
        # A guard that does not count right may have cut a character.
        return before.lstrip(_FOLLOWING_BYTES).decode("utf-8", "surrogatepass") + last


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
