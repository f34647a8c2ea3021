"""A stream gives out what `redact` makes of the whole text, wherever the text is cut."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntax_kernels import pii

TEXTS = [
    "Write to john.doe@example.com, or call (415) 555-2671 ext. 12. Thanks!",
    "IBAN GB82 WEST 1234 5698 7654 32, card 4111 1111 1111 1111 12/27, SSN 123-45-6789.",
    "ping fe80::1%eth0: from 10.0.0.1-10.0.0.20 and ::ffff:1.2.3.4. Done",
    "tel. +44 (0)20 7946 0958 (030) 123456 (12 Uhr) 0171 / 1234567; 415-555-2671x123",
    "a.415-555-2671@example.com abc.030-1234567.x@exam.ple 030 1234.5@b.com",
    "電話：03-1234-5678、メールはtaro@example.jpまで。müller@exämple.de +49\u00a030\u00a0123456",
    "order 030 123456. Phone 612 345 678! version 1.2.3.4 upgrade. from 1.2.3.4",
    "a@b.com@c.com 1.2.3.4.5 1:2:3:4:5:6:7:8:9 4111-1111-1111-1111-1 db8::61: x",
    "ends with the beginning of +4",
    "ends with john@example.co",
    "x" * 63 + "@b.com " + "x" * 64 + "@b.com " + "x" * 65 + "@b.com " + "x" * 70 + "-DE89370400440532013000",
    "a" + "é" * 40 + "-fe80::1 aé" + "ü" * 31 + "@b.com ",
    "y" * 66 + "-fe80::1 " + "z" * 66 + ".+49 30 123456 " + "." * 70 + "a@b.com",
]


def streamed(chunks, **options):
    stream = pii.stream(**options)
    return [*map(stream.feed, chunks), stream.finish()]


@pytest.mark.parametrize("text", TEXTS)
def test_every_split_in_two_equals_the_whole(text, backend):
    expected = pii.redact(text)
    assert expected != text or "ends with the beginning" in text
    for cut in range(len(text) + 1):
        assert "".join(streamed([text[:cut], text[cut:]], backend=backend)) == expected
    data = text.encode()
    for cut in range(len(data) + 1):
        assert b"".join(streamed([data[:cut], data[cut:]], backend=backend)) == expected.encode()


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 20])
def test_chunks_of_one_size_equal_the_whole(text, size, backend):
    chunks = [text[at : at + size] for at in range(0, len(text), size)]
    assert "".join(streamed(chunks, backend=backend)) == pii.redact(text)
    data = text.encode()
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    assert b"".join(streamed(chunks, backend=backend)) == pii.redact(data)


fragments = st.lists(
    st.sampled_from(
        [*TEXTS, *" -.,:@+(x0123456789", "a", "é", "é" * 33, "word ", "1234", "::", "@b.co", "tel ", "\u00a0"]
    ),
    max_size=12,
).map("".join)


@given(fragments | st.text("01 -.@:a+()x", max_size=80), st.data())
@settings(max_examples=800, deadline=None)
def test_any_split_of_any_text_equals_the_whole(text, data):
    types = data.draw(st.none() | st.lists(st.sampled_from(pii.TYPES), unique=True))
    minimum = data.draw(st.sampled_from([0.0, 0.5, 0.75]))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    chunks = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    expected = pii.redact(text, types, minimum=minimum)
    assert "".join(streamed(chunks, types=types, minimum=minimum)) == expected


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=6))
@settings(max_examples=300, deadline=None)
def test_bytes_that_are_no_text_come_out_as_they_went_in(data, cuts):
    cuts = sorted(cut for cut in cuts if cut <= len(data))
    chunks = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    assert b"".join(streamed(chunks)) == pii.redact(data)


@pytest.mark.parametrize(
    ("chunk", "released"),
    [
        ("Hello world, ", "Hello world, "),
        ("Hello world", "Hello "),
        ("Call 415-555-2671 ", "Call "),
        ("Call 415-555-2671, and", "Call [phone], "),
        ("In 2023 we", "In 2023 "),
        ("see a@b.com\n", "see [email]\n"),
        ("see a@b.com", "see "),
        ("日本語のテキスト", "日本語のテキスト"),
    ],
)
def test_what_cannot_become_a_hit_is_released_at_once(chunk, released):
    stream = pii.stream()
    assert stream.feed(chunk) == released
    assert released + stream.finish() == pii.redact(chunk)


@pytest.mark.parametrize(
    "unit",
    [
        "1",
        "1-",
        "1 ",
        "a@",
        "@",
        ":",
        "1.1.1.1",
        "a",
        "a.",
        "+1",
        "(1)",
        "ab:",
        "DE89 ",
        "a@b.",
        "12 ",
        "é",
        "漢",
        "0(",
        "x ",
    ],
)
@pytest.mark.parametrize(("backend", "size"), [("cpu", 1), ("cpu", 5), ("reference", 150)])
def test_what_is_held_is_bounded(unit, backend, size):
    text = unit * (1_800 // len(unit))
    stream = pii.stream(backend=backend)
    fed = released = 0
    for at in range(0, len(text), size):
        chunk = text[at : at + size]
        fed += len(chunk.encode())
        released += len(stream.feed(chunk).encode())
        # Nothing here is redacted, so that what went in and has not come out is held.
        assert fed - released <= stream.most_held
    assert released + len(stream.finish().encode()) == fed
    assert stream.hits == 0


@pytest.mark.parametrize("shift", range(-24, 8, 2))
def test_a_chunk_longer_than_a_slice_of_the_search_is_held_in_the_same_places(shift):
    # A search that is not a stream's pauses after so many bytes.
    filler = "x" * (2**17 + shift - 1) + " "
    for value in ("john.doe@example.com", "fe80::1:2", "GB82 WEST 1234 5698 7654 32", "+44 20 7946 0958"):
        for cut in (3, 9, len(value) - 1):
            chunks = [filler + value[:cut], value[cut:] + " "]
            assert "".join(streamed(chunks)) == pii.redact(filler + value + " ") != filler + value + " "


def test_hits_are_counted():
    stream = pii.stream()
    for chunk in ("a@b.com and 10.0", ".0.1 and x@y.", "org"):
        stream.feed(chunk)
    assert stream.hits == 2
    stream.finish()
    assert stream.hits == 3


def test_replacements_types_and_minimum_are_those_of_redact():
    text = "mail a@b.com or 4155552671 or else tel 555-2671 now"
    for options in (
        {"replacement": "█"},
        {"replacement": pii.Mask()},
        {"replacement": pii.Pseudonyms(b"key")},
        {"types": ["email"]},
        {"minimum": 0.1},
    ):
        assert "".join(streamed(list(text), **options)) == pii.redact(text, **options) != pii.redact(text)


@pytest.mark.parametrize(
    "chunks", [["mail a@b.com é", " and c@d.org é and", " more"], [b"mail a@b.com \xc3", b"\xa9 c@d.org \xc3", b"\xa9"]]
)
def test_a_chunk_whose_replacement_fails_can_be_fed_again(chunks):
    failing = True

    def replacement(kind, value):
        if failing and value == "c@d.org":
            raise LookupError
        return kind

    stream = pii.stream(replacement=replacement)
    out = [stream.feed(chunks[0])]
    with pytest.raises(LookupError):
        stream.feed(chunks[1])
    failing = False
    out += [*map(stream.feed, chunks[1:]), stream.finish()]
    whole = type(chunks[0])().join(chunks)
    assert type(whole)().join(out) == pii.redact(whole, replacement=replacement)
    assert stream.hits == 2


def test_a_stream_ends_once():
    stream = pii.stream()
    assert stream.finish() == ""
    with pytest.raises(RuntimeError, match="has ended"):
        stream.finish()
    with pytest.raises(RuntimeError, match="has ended"):
        stream.feed("x")


def test_chunks_are_of_one_kind():
    stream = pii.stream()
    stream.feed("x")
    with pytest.raises(TypeError, match="got a bytes; pass str as before"):
        stream.feed(b"x")
    stream = pii.stream()
    stream.feed(b"x")
    with pytest.raises(TypeError, match="got a str; pass bytes as before"):
        stream.feed("x")
    with pytest.raises(TypeError, match="got a bytearray"):
        stream.feed(bytearray(b"x"))
    assert stream.finish() == b"x"
