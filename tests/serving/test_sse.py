"""Server-sent events: no byte is lost and no frame changes, wherever the stream is cut."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntax.serving.sse import Frame, Frames, event, with_data


def frames_of(*chunks: bytes, limit: int = 2**20) -> list[Frame]:
    splitter = Frames(limit)
    return [frame for chunk in chunks for frame in splitter.feed(chunk)] + splitter.finish()


def read_by_the_book(stream: bytes) -> list[tuple[bytes, bytes]]:
    """Return name and data of each event, line by line as the specification has it: the slow way."""
    found, data, name = [], None, b""
    lines = stream.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    for line in lines[:-1]:
        if not line:
            if data is not None:
                found.append((name, data))
            data, name = None, b""
        elif not line.startswith(b":"):
            field, _, value = line.partition(b":")
            value = value[1:] if value.startswith(b" ") else value
            if field == b"data":
                data = value if data is None else data + b"\n" + value
            elif field == b"event":
                name = value
    return found


CASES = {
    "plain": (b"data: x\n\n", [(b"x", None, True)]),
    "no space": (b"data:x\n\n", [(b"x", None, True)]),
    "one space of two is the data's": (b"data:  x\n\n", [(b" x", None, True)]),
    "several lines": (b"data: a\ndata\ndata:b\n\n", [(b"a\n\nb", None, True)]),
    "empty data": (b"data:\n\n", [(b"", None, True)]),
    "no colon": (b"data\n\n", [(b"", None, True)]),
    "comment": (b": alive\n\n", [(None, None, True)]),
    "named": (b"event: e\nid: 7\nretry: 3\ndata: x\n\n", [(b"x", "e", True)]),
    "the last name counts": (b"event: e\nevent: f\ndata: x\n\n", [(b"x", "f", True)]),
    "the empty name is none": (b"event: e\nevent:\ndata: x\n\n", [(b"x", None, True)]),
    "unknown fields": (b"Data: x\ndatax: y\n data: z\n\n", [(None, None, True)]),
    "CRLF": (b"event: e\r\ndata: x\r\n\r\n", [(b"x", "e", True)]),
    "CR": (b"data: x\rdata: y\r\rdata: z\r\r", [(b"x\ny", None, True), (b"z", None, True)]),
    "mixed": (b"data: x\r\ndata: y\n\r\n", [(b"x\ny", None, True)]),
    "byte order mark": (b"\xef\xbb\xbfdata: x\n\n", [(b"x", None, True)]),
    "byte order mark and a blank line": (b"\xef\xbb\xbf\ndata: x\n\n", [(None, None, True), (b"x", None, True)]),
    "byte order mark later": (b"\n\xef\xbb\xbfdata: x\n\n", [(None, None, True), (None, None, True)]),
    "coalesced": (b"data: x\n\n\ndata: y\n\n", [(b"x", None, True), (None, None, True), (b"y", None, True)]),
    "cut in a line": (b"data: x\n\ndata: y", [(b"x", None, True), (b"y", None, False)]),
    "cut before the blank line": (b"data: [DONE]\r\n", [(b"[DONE]", None, False)]),
    "cut after CR": (b"data: x\r", [(b"x", None, False)]),
    "invalid UTF-8": (b"event: \xff\ndata: \xff\xfe\n\n", [(b"\xff\xfe", "\ufffd", True)]),
    "null byte": (b"data: \0\n\n", [(b"\0", None, True)]),
    "other separators of lines are data": (
        b"data: a\x0b\x0c\x1c\xc2\x85\n\n",
        [(b"a\x0b\x0c\x1c\xc2\x85", None, True)],
    ),
    "nothing": (b"", []),
}


@pytest.mark.parametrize(("stream", "expected"), CASES.values(), ids=CASES)
def test_frames_are_what_the_specification_says(stream: bytes, expected: list[tuple[object, ...]]) -> None:
    frames = frames_of(stream)
    assert [frame[1:] for frame in frames] == expected
    assert b"".join(frame.raw for frame in frames) == stream


@pytest.mark.parametrize(("stream", "expected"), CASES.values(), ids=CASES)
def test_every_cut_gives_the_same_events(stream: bytes, expected: list[tuple[object, ...]]) -> None:
    with_events = [each for each in expected if each[0] is not None]
    for first in range(len(stream) + 1):
        for second in range(first, len(stream) + 1):
            frames = frames_of(stream[:first], stream[first:second], stream[second:])
            assert [frame[1:] for frame in frames if frame.data is not None] == with_events
            assert b"".join(frame.raw for frame in frames) == stream


STREAMS = st.lists(
    st.sampled_from(
        [
            b"data",
            b":",
            b" ",
            b"event",
            b"x",
            b"\n",
            b"\n\n",
            b"\r",
            b"\r\n",
            b"\xef\xbb\xbf",
            b"[DONE]",
            b"\xff",
            b"id",
        ]
    ),
    max_size=30,
).map(b"".join)


@given(STREAMS, st.data())
def test_any_stream_in_any_pieces(stream: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    frames = frames_of(*pieces)
    assert b"".join(frame.raw for frame in frames) == stream
    events = [
        ((frame.event or "").encode(), frame.data) for frame in frames if frame.complete and frame.data is not None
    ]
    assert events == [(name.decode(errors="replace").encode(), value) for name, value in read_by_the_book(stream)]


def test_frames_come_as_soon_as_they_are_complete() -> None:
    splitter = Frames()
    assert splitter.feed(b"data: x\n") == []
    assert [frame.data for frame in splitter.feed(b"\nda")] == [b"x"]
    assert [frame.data for frame in splitter.feed(b"ta: y\r\n\r")] == [b"y"]
    assert [frame.data for frame in splitter.feed(b"\ndata: z\n\n")] == [None, b"z"]


@pytest.mark.parametrize("size", [1, 7, 1000, 10**6])
def test_a_frame_above_the_limit_is_refused_and_quotes_nothing(size: int) -> None:
    splitter = Frames(limit=1000)
    for _ in range(1000 // size):
        assert splitter.feed(b"s" * size) == []
    with pytest.raises(ValueError, match="frame longer than 1000 bytes") as refusal:
        splitter.feed(b"s" * size)
    assert "sss" not in str(refusal.value)
    with pytest.raises(ValueError, match="frame longer"):
        splitter.feed(b"data: x\n\n")
    with pytest.raises(ValueError, match="frame longer"):
        splitter.finish()


def test_frames_before_the_one_that_is_refused_are_not_lost() -> None:
    splitter = Frames(limit=10)
    assert [frame.data for frame in splitter.feed(b"data: x\n\ndata: longer than that\n\ndata: y\n\n")] == [b"x"]
    with pytest.raises(ValueError, match="frame longer"):
        splitter.feed(b"")


def test_a_frame_may_be_as_long_as_the_limit() -> None:
    assert [frame.data for frame in frames_of(b"data: x\n\n" * 3, limit=9)] == [b"x"] * 3
    with pytest.raises(ValueError, match="frame longer"):
        frames_of(b"data: xy\n\n", limit=9)


def test_a_limit_has_room() -> None:
    with pytest.raises(ValueError, match="limit=0"):
        Frames(0)


def test_single_bytes_take_linear_time() -> None:
    def seconds(count: int) -> float:
        stream = b"data: " + b"x" * count + b"\n\n"
        splitter = Frames(limit=2**30)
        started = time.process_time()
        for at in range(len(stream)):
            splitter.feed(stream[at : at + 1])
        return time.process_time() - started

    assert seconds(80_000) < 40 * max(seconds(10_000), 0.005)  # 8 times as much; quadratic is 64 times


def test_many_lines_without_an_end_take_linear_time() -> None:
    splitter = Frames(limit=2**30)
    started = time.process_time()
    for _ in range(20_000):
        splitter.feed(b"data: x\n")
    assert [len(frame.data or b"") for frame in splitter.feed(b"\n")] == [39_999]
    assert time.process_time() - started < 5


def test_other_data_among_many_lines_takes_linear_time() -> None:
    (frame,) = frames_of(b"data: x\n" + b":\n" * 500_000 + b"\n")
    started = time.process_time()
    assert with_data(frame, b"y") == frame.raw.replace(b"x", b"y")
    assert time.process_time() - started < 5


def test_done() -> None:
    assert [frame.is_done for frame in frames_of(b"data: [DONE]\n\ndata:[DONE] \n\ndata: [DONE]x\n\n: c\n\n")] == [
        True,
        True,
        False,
        False,
    ]


def test_nothing_of_a_frame_is_in_its_representation() -> None:
    assert repr(frames_of(b"event: secret\ndata: secret\n\n")[0]) == "Frame(<28 bytes>, complete=True)"


@pytest.mark.parametrize(
    ("raw", "data", "expected"),
    [
        (b"data: x\n\n", b"new", b"data: new\n\n"),
        (b"data:x\n\n", b"new", b"data:new\n\n"),
        (b"data:x\n\n", b" new", b"data:  new\n\n"),
        (b"data\n\n", b"new", b"data: new\n\n"),
        (b": c\nevent: e\nid: 1\ndata: x\ndata: y\nretry: 2\n\n", b"n", b": c\nevent: e\nid: 1\ndata: n\nretry: 2\n\n"),
        (b"event: e\r\ndata: x\r\n\r\n", b"a\nb", b"event: e\r\ndata: a\r\ndata: b\r\n\r\n"),
        (b"data: x\r\r", b"a\nb", b"data: a\rdata: b\r\r"),
        (b"\xef\xbb\xbfdata: x\n\n", b"new", b"\xef\xbb\xbfdata: new\n\n"),
        (b": c\n\n", b"new", b": c\ndata: new\n\n"),
        (b"\n", b"new", b"data: new\n\n"),
        (b"data: x", b"new", b"data: new"),
        (b": c", b"new", b": c\ndata: new"),
        (b": c\r\n", b"new", b": c\r\ndata: new"),
        (b"data: x\rdata: y\n\n", b"new", b"data: new\n\n"),
        (b"data: x\n\n", b"", b"data: \n\n"),
    ],
)
def test_other_data_leaves_everything_else(raw: bytes, data: bytes, expected: bytes) -> None:
    (frame,) = frames_of(raw)
    assert with_data(frame, data) == expected


def test_a_byte_order_mark_in_mid_stream_is_no_mark() -> None:
    frames = frames_of(b"data: x\n\n\xef\xbb\xbfdata: y\ndata: z\n\n\xef\xbb\xbf\n")
    assert [frame.data for frame in frames] == [b"x", b"z", None]
    written = b"".join(with_data(frame, b"new") for frame in frames)
    assert [(frame.data, frame.complete) for frame in frames_of(written)] == [
        (b"new", True),
        (b"new", True),
        (b"new", False),
    ]


@given(STREAMS, st.lists(st.sampled_from([b"a", b" ", b"\n", b"\r\n", b":", b"data: "]), max_size=6).map(b"".join))
def test_any_data_in_any_frame_is_read_as_it_was_written(stream: bytes, data: bytes) -> None:
    for position, frame in enumerate(frames_of(stream)):
        before = b": first\n\n" if position else b""
        (read,) = (each for each in frames_of(before + with_data(frame, data)) if each.data is not None)
        assert read.data == data.replace(b"\r\n", b"\n")
        assert (read.event, read.complete) == (frame.event, frame.complete)


@given(st.binary(), st.none() | st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"])))
def test_an_event_is_read_as_it_was_written(data: bytes, name: str | None) -> None:
    (frame,) = frames_of(event(data, name))
    assert frame.data == data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    assert frame.event == (name or None)


def test_a_name_cannot_end_its_line() -> None:
    with pytest.raises(ValueError, match="name has line ends"):
        event(b"x", "e\ndata: y")
