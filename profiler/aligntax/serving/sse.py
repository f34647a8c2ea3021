"""Server-sent events: a byte stream cut into frames, of which no byte is lost.

See https://html.spec.whatwg.org/multipage/server-sent-events.html, "Parsing an event stream".
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Frame", "Frames", "event", "with_data"]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\n|\r")
_CARRIAGE_RETURN = b"\r"
_DATA_LINE = re.compile(rb"data(: ?|\Z)")


class Frame(NamedTuple):
    """What stands between two blank lines of a stream.

    Attributes:
        raw: its bytes with the blank line that ends it; those of all frames joined are the stream.
        data: its `data` lines joined by line feeds; None if it has none, as a comment that keeps a connection alive.
        event: its name; None if it has none.
        complete: whether a blank line ends it. A browser drops one that the end of the stream cut off, others do not.
    """

    raw: bytes
    data: bytes | None
    event: str | None
    complete: bool

    @property
    def is_done(self) -> bool:
        """Whether it is the `[DONE]` with which OpenAI's chat and completions streams end."""
        return self.data is not None and self.data.strip() == b"[DONE]"

    def __repr__(self) -> str:
        """Say how long it is, and not what it says: this ends up in logs."""
        return f"Frame(<{len(self.raw)} bytes>, complete={self.complete})"


class Frames:
    """Cuts a stream into frames, as its bytes come.

    Every byte is looked at once, wherever the stream is cut. Never more is kept than one unfinished frame.

    Args:
        limit: bytes that one frame may have.

    Raises:
        ValueError: if it is less than 1.
    """

    def __init__(self, limit: int = 2**20) -> None:
        if limit < 1:
            raise ValueError(f"limit={limit} leaves no room for a frame; use 1 or more bytes")
        self._limit = limit
        self._pending = bytearray()
        self._line = 0  # where the line begins that has no end yet
        self._seen = 0  # up to where line ends have been looked for
        self._first = True
        self._refused = False

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes, and return the frames that they complete.

        A frame is returned with its blank line's carriage return; a line feed that belongs to it and comes with later
        bytes is a frame of its own, without data.

        Raises:
            ValueError: if a frame is longer than the limit. Frames before it are returned first; it is then raised by
                the next call, and by all others.
        """
        self._refuse_if_too_long()
        pending = self._pending
        pending += data
        frames: list[Frame] = []
        start, line, seen = 0, self._line, self._seen
        if self._first and line == 0 and pending.startswith(_BYTE_ORDER_MARK):
            line = len(_BYTE_ORDER_MARK)
        while found := _LINE_END.search(pending, seen):
            begin, end = found.span()
            if begin > line:
                if end == len(pending) and found[0] == _CARRIAGE_RETURN:
                    seen = begin  # a line feed that comes next is no blank line
                    break
                line = seen = end
            elif end - start > self._limit:
                break
            else:
                frames.append(self._frame(bytes(pending[start:end]), True))
                start = line = seen = end
        else:
            seen = len(pending)
        del pending[:start]
        self._line, self._seen = line - start, seen - start
        if len(pending) > self._limit:
            self._refused = True
            pending.clear()
            if not frames:
                self._refuse_if_too_long()
        return frames

    def finish(self) -> list[Frame]:
        """Return what the end of the stream cut off, if there is anything; the stream is then over.

        Raises:
            ValueError: as `feed` does.
        """
        self._refuse_if_too_long()
        rest = bytes(self._pending)
        self._pending.clear()
        self._line = self._seen = 0
        return [self._frame(rest, False)] if rest else []

    def _frame(self, raw: bytes, complete: bool) -> Frame:
        text = raw
        if self._first:
            self._first = False
            text = raw.removeprefix(_BYTE_ORDER_MARK)
        if text.startswith(b"data: ") and text.find(b"\n") == len(text) - 2 and text.endswith(b"\n\n"):
            data = text[6:-2]
            if _CARRIAGE_RETURN not in data:  # by far the most
                return Frame(raw, data, None, complete)
        data_or_none, name = _read(text)
        return Frame(raw, data_or_none, name, complete)

    def _refuse_if_too_long(self) -> None:
        if self._refused:
            raise ValueError(
                f"frame longer than {self._limit} bytes; raise the limit if the events of this server are that large"
            )


def with_data(frame: Frame, data: bytes) -> bytes:
    """Return the bytes of a frame with other data; its name, its comments and how it ends lines stay as they are.

    Args:
        frame: one of `Frames`.
        data: takes the place of all its `data` lines, and more than one line of them if it has line ends. Without any,
            it is added at the end.
    """
    text = frame.raw.removeprefix(_BYTE_ORDER_MARK)
    if _read(text)[0] != frame.data:  # the mark is none: not at the start of the stream
        text = frame.raw
    lines = text.splitlines(keepends=True)
    ends = {_end_of(line) for line in lines} - {b""}
    line_end = ends.pop() if len(ends) == 1 else b"\n"  # mixed ones could meet, and become one
    written = bytearray(frame.raw[: len(frame.raw) - len(text)])
    replaced = False
    for line in lines[:-1] if frame.complete else lines:
        end = line_end if _end_of(line) else b""
        content = line.rstrip(b"\r\n")
        found = _DATA_LINE.match(content)
        if not found:
            written += content + end
        elif not replaced:
            written += _data_lines(data, b"data:" if found[1] == b":" else b"data: ", line_end) + end
            replaced = True
    if not replaced:
        written += line_end if written and written[-1:] not in b"\r\n" else b""
        written += _data_lines(data, b"data: ", line_end) + (line_end if frame.complete else b"")
    return bytes(written + (line_end if frame.complete else b""))


def _read(text: bytes) -> tuple[bytes | None, str | None]:
    data_lines: list[bytes] = []
    name = b""
    for each in text.splitlines():
        field, _, value = each.partition(b":")
        if field == b"data":
            data_lines.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ")
    return b"\n".join(data_lines) if data_lines else None, name.decode(errors="replace") or None


def event(data: bytes, name: str | None = None) -> bytes:
    r"""Return a frame.

    Args:
        data: becomes one `data` line for each of its lines.
        name: its `event` field.

    Raises:
        ValueError: if the name has line ends, with which it would be more than a name.
    """
    head = b""
    if name is not None:
        if "\n" in name or "\r" in name:
            raise ValueError("name has line ends; the name of an event is one line")
        head = b"event: " + name.encode() + b"\n"
    return head + _data_lines(data, b"data: ", b"\n") + b"\n\n"


def _data_lines(data: bytes, prefix: bytes, line_end: bytes) -> bytes:
    lines = _LINE_END.split(data)
    if any(line.startswith(b" ") for line in lines):
        prefix = b"data: "  # only a first space is left out of what is read
    return line_end.join(prefix + line for line in lines)


def _end_of(line: bytes) -> bytes:
    return line[len(line.rstrip(b"\r\n")) :]
