"""Lines of the log that say the same again and again: an upstream that fails does so with every request."""

from __future__ import annotations

from aligntax.clock import Clock, wall_clock

__all__ = ["Repeats"]

REPEAT_SECONDS = 10.0


class Repeats:
    """Lets one line of each kind through in some seconds, and counts those that it holds back.

    Args:
        clock: in nanoseconds.
        seconds: from a line until the next one of its kind.
    """

    def __init__(self, clock: Clock = wall_clock, seconds: float = REPEAT_SECONDS) -> None:
        self._clock = clock
        self._pause_ns = round(seconds * 1e9)
        # When the last line of a kind went through, and how many were held back since.
        self._last: dict[str, tuple[int, int]] = {}

    def passes(self, kind: str) -> str | None:
        """Return what to add to a line that may be written now: how many were not; None if this one may not either.

        Args:
            kind: one of a few; each is remembered.
        """
        now_ns = self._clock()
        since_ns, held = self._last.get(kind, (now_ns - self._pause_ns, 0))
        if now_ns - since_ns < self._pause_ns:
            self._last[kind] = since_ns, held + 1
            return None
        self._last[kind] = now_ns, 0
        return f" (and {held} more since the last such line)" if held else ""

    def take_held(self) -> dict[str, int]:
        """Return how many lines of each kind were held back that no line has told of, and begin anew."""
        held = {kind: count for kind, (_, count) in self._last.items() if count}
        self._last.clear()
        return held
