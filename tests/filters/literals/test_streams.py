"""literals streams: what comes out is what `redact` makes of the whole, and nothing is held that need not be."""

import itertools

import pytest

from aligntax_kernels import literals
from aligntax_kernels.fold import Folding

TEXTS = [
    ("plain", ["abcd", "cdef", "b"], {}, "xabcdefab"),
    ("a shorter one once the longer fails", ["abcdef", "abc", "de"], {}, "abcdexabc"),
    ("whole words", ["cat", "a"], {"whole_words": True}, "cat,concat a"),
    ("Unicode", ["привет", "ß"], {}, "ПриВет SS"),
    ("folded", ["attack"], {"fold": Folding()}, "Ａ\u200bttаck!"),
    ("leet", ["bee"], {"fold": Folding(leet=True)}, "b33 83e e"),
    ("composed", ["né"], {"fold": Folding()}, "ne\u0301 n\u00e9ne"),
    ("one character folds to two", ["s", "sst"], {}, "ßßt st"),
    ("one character decided by half", ["s", "st"], {}, "aßtß"),
    ("whole words, folded", ["cat"], {"whole_words": True}, "É cat,Écat"),
]


@pytest.mark.parametrize("kind", [str, bytes])
@pytest.mark.parametrize(("patterns", "options", "text"), [case[1:] for case in TEXTS], ids=[case[0] for case in TEXTS])
def test_every_split_equals_the_whole(compiled, streamed, patterns, options, text, kind):
    words = compiled(patterns, **options)
    given = text if kind is str else text.encode()
    expected = words.redact(given, "#" if kind is str else b"#")
    places = range(1, len(given))
    for count in (0, 1, 2, 3):
        for cuts in itertools.combinations(places, count):
            assert streamed(words, given, cuts, "#") == expected, cuts
    assert streamed(words, given, list(places), "#") == expected


HELD = [
    # patterns, options, chunk, what must come out at once
    (["abcd"], {}, "xyz", "xyz"),
    (["abcd"], {}, "xyza", "xyz"),
    (["abcd"], {}, "abcab", "abc"),
    (["abcd"], {}, "abcd", "#"),
    (["abcd", "abcdef"], {}, "abcd", ""),
    (["abcd", "abcdef"], {}, "abcdex", "#ex"),
    (["abcd", "cdx"], {}, "abcd", "#"),
    (["abcd", "cdx"], {}, "abc", ""),
    (["abcd"], {"whole_words": True}, "abcd", ""),
    (["abcd"], {"whole_words": True}, "abcd.", "#"),
    (["abcd"], {"whole_words": True}, "abcd.e", "#."),
    (["abcd"], {"whole_words": True}, "abcde", "abcd"),
    (["abcd"], {"fold": Folding()}, "xyz", "xy"),  # the z may still get an accent
]


@pytest.mark.parametrize(("patterns", "options", "chunk", "released"), HELD)
def test_what_may_be_released_is_released_at_once(compiled, patterns, options, chunk, released):
    stream = compiled(patterns, **options).stream("#")
    assert stream.feed(chunk) == released
    assert released + stream.finish() == compiled(patterns, **options).redact(chunk, "#")


def test_a_cut_character_is_held(compiled):
    stream = compiled(["añb"]).stream("#")
    whole = "xañbñ".encode()
    assert [stream.feed(whole[at : at + 1]) for at in range(len(whole))] == [
        b"x",
        b"",
        b"",
        b"",
        b"#",
        b"",
        "ñ".encode(),
    ]
    assert stream.finish() == b""


def test_broken_utf8_is_released_unchanged(compiled, streamed):
    words = compiled(["abc"])
    for broken in (b"\xff\xc3\xc3abc\xe2\x82abc\xf0", b"\x80\x80\x80\x80\x80abc", b"\xf0\x9f\x98"):
        expected = words.redact(broken, b"#")
        for cut in range(len(broken) + 1):
            assert streamed(words, broken, [cut] if 0 < cut < len(broken) else [], "#") == expected


def test_hits_are_counted(compiled):
    stream = compiled(["abc"]).stream()
    stream.feed("abcab")
    assert stream.hits == 1
    stream.feed("c")
    assert stream.hits == 2
    assert stream.finish() == ""


def test_more_hits_than_one_call_of_the_kernel_has_room_for(compiled, streamed):
    words = compiled(["ab", "abc"])
    text = "abcab" * (20 if compiled.engine == "reference" else 500)
    assert streamed(words, text, [7], "#") == "#" * (2 * text.count("abcab"))


def test_memory_is_bounded_by_the_longest_pattern():
    stream = literals.compile(["a" * 50 + "b"]).stream()
    for _ in range(1_000):
        stream.feed("a" * 100)
        assert len(stream._held) <= 50


def test_the_kernel_ends_where_it_begins_behind_its_limit():
    """As it would where two threads fed one stream; there is memory of others behind the text."""
    step = literals.compile(["ab"])._searcher.step
    for final in (False, True):
        assert step(b"xab", 3, 1, final=final) == ([], 3)


def test_a_stream_without_chunks_ends_empty(compiled):
    assert compiled(["abc"]).stream().finish() == ""


MISUSE = [
    (lambda stream: (stream.finish(), stream.feed("x")), RuntimeError, "has ended"),
    (lambda stream: (stream.finish(), stream.finish()), RuntimeError, "has ended"),
    (lambda stream: stream.feed(5), TypeError, "got a int; pass str or bytes"),
    (lambda stream: (stream.feed("x"), stream.feed(b"x")), TypeError, "got a bytes; pass the kind of the first chunk"),
    (lambda stream: (stream.feed(b"x"), stream.feed("x")), TypeError, "got a str; pass the kind of the first chunk"),
]


@pytest.mark.parametrize(("use", "error", "message"), MISUSE)
def test_misuse_is_refused(compiled, use, error, message):
    with pytest.raises(error, match=message):
        use(compiled(["abc"]).stream())


def test_what_cannot_be_streamed_is_refused(compiled):
    with pytest.raises(ValueError, match="compile with match='leftmost_longest'"):
        compiled(["abc"], match="overlapping").stream()
    with pytest.raises(TypeError, match="replacement: got a bytes; pass str"):
        compiled(["abc"]).stream(b"#")
    with pytest.raises(TypeError, match="these patterns are bytes"):
        compiled([b"abc"]).stream().feed("abc")
