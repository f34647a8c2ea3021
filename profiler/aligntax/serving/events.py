"""An event stream cut between its events, so that one of the proxy's own can be put in wherever it breaks off."""

from __future__ import annotations

from aligntax.serving.messages import Headers

__all__ = ["WholeEvents", "is_event_stream"]

MAX_HELD_BYTES = 262_144

_ENDS = (b"\n\n", b"\n\r\n", b"\r\r")


class WholeEvents:
    """Lets whole events through, and keeps one back that has not ended yet.

    Nobody can use a part of an event. One that is longer than `MAX_HELD_BYTES` goes on in parts all the same.

    Attributes:
        at_boundary: whether an event can be put in now.
    """

    def __init__(self) -> None:
        self._held = b""
        self.at_boundary = True

    def feed(self, piece: bytes) -> bytes:
        """Take the next bytes, and return what goes on."""
        held = self._held + piece
        end = max((found + len(blank) for blank in _ENDS if (found := held.rfind(blank)) >= 0), default=0)
        if end:
            self.at_boundary = True
        elif len(held) > MAX_HELD_BYTES:
            end = len(held)
            self.at_boundary = False
        self._held = held[end:]
        return held[:end]

    def rest(self) -> bytes:
        """Return what is kept back; the stream has ended."""
        rest, self._held = self._held, b""
        return rest


def is_event_stream(headers: Headers) -> bool:
    """Return whether events can be added to an answer: a stream of them, of no given length, and not compressed."""
    kind = next((value for name, value in headers if name == b"content-type"), b"")
    if kind.partition(b";")[0].strip().lower() != b"text/event-stream":
        return False
    return not any(name in (b"content-length", b"content-encoding") for name, _ in headers)
