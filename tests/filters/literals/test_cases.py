"""literals.find and its kin: a case table through the reference and both engines."""

from typing import NamedTuple

import pytest

from aligntax_kernels import literals

LEFTMOST, ALL = "leftmost_longest", "overlapping"


class Case(NamedTuple):
    name: str
    patterns: list
    text: str | bytes
    hits: list  # leftmost-longest
    every: list | None = None  # overlapping, where they differ
    options: dict = {}  # noqa: RUF012 (never changed)


CASES = [
    Case("nothing in nothing", [], "", []),
    Case("no pattern", [], "any text", []),
    Case("empty text", ["a", "abcd"], "", []),
    Case("one byte", ["a"], "banana", [(1, 2, 0), (3, 4, 0), (5, 6, 0)]),
    Case("the whole text", ["abcd"], "abcd", [(0, 4, 0)]),
    Case("longer than the text", ["abcde"], "abcd", []),
    Case("at both ends", ["abcd"], "abcd-abcd", [(0, 4, 0), (5, 9, 0)]),
    Case("both cases", ["AbCd"], "abcdABCD", [(0, 4, 0), (4, 8, 0)]),
    Case("case matters", ["AbCd"], "abcdAbCd", [(4, 8, 0)], options={"caseless": False}),
    Case("what only looks like a case is none", ["a@b[c"], "a`b{c A@B[C", [(6, 11, 0)]),
    Case("overlapping itself", ["abab"], "abababab", [(0, 4, 0), (4, 8, 0)], [(0, 4, 0), (2, 6, 0), (4, 8, 0)]),
    Case("nested", ["abcdef", "cd", "bcde"], "abcdef", [(0, 6, 0)], [(0, 6, 0), (1, 5, 2), (2, 4, 1)]),
    Case(
        "longest of a beginning",
        ["ab", "abcd", "abc"],
        "abcx abcd",
        [(0, 3, 2), (5, 9, 1)],
        [(0, 2, 0), (0, 3, 2), (5, 7, 0), (5, 8, 2), (5, 9, 1)],
    ),
    Case("leftmost before longest", ["bcdefgh", "abcd"], "abcdefgh", [(0, 4, 1)], [(0, 4, 1), (1, 8, 0)]),
    Case(
        "a shorter one once the longer fails",
        ["abcdefgh", "cdef", "fgx"],
        "abcdefgx",
        [(2, 6, 1)],
        [(2, 6, 1), (5, 8, 2)],
    ),
    Case("equal patterns", ["abcd", "ABCD", "abcd"], "abcd", [(0, 4, 0)], [(0, 4, 0), (0, 4, 1), (0, 4, 2)]),
    Case("NUL", ["\x00\x00ab"], "\x00\x00\x00ab", [(1, 5, 0)]),
    Case("spaces and signs", ["a b", "$%&/"], "xa b$%&/", [(1, 4, 0), (4, 8, 1)]),
    Case("code points of a str", ["wörter", "日本語"], "ä Wörter 日本語", [(2, 8, 0), (9, 12, 1)]),
    Case("bytes of the same", ["wörter", "日本語"], "ä Wörter 日本語".encode(), [(3, 10, 0), (11, 20, 1)]),
    Case("four-byte code points", ["😀😁"], "😁😀😁😀", [(1, 3, 0)]),
    Case("combining marks stay apart", ["e\u0301"], "é e\u0301", [(2, 4, 0)]),
    Case("right to left", ["שלום"], "אמר שלום לכם", [(4, 8, 0)]),
    Case("Unicode has cases, too", ["ПРИВЕТ", "straße"], "привет STRASSE", [(0, 6, 0), (7, 14, 1)]),
    Case("folded letters in ASCII patterns", ["kelvin", "ss"], "\u212aelvin ß", [(0, 6, 0), (7, 8, 1)]),
    Case("lone surrogates", ["\ud83dab"], "x\ud83dab", [(1, 4, 0)]),
    Case("bytes", [b"\xff\xfe\xfd", b"ab"], b"AB\xff\xfe\xfd\x00", [(0, 2, 1), (2, 5, 0)]),
    Case("bytes that are no UTF-8", ["abcd"], b"\xc3abcd\xe2\x82", [(1, 5, 0)]),
    Case(
        "whole words",
        ["cat", "cats"],
        "cat cats concat cat_ cat, (cat) cat",
        [(0, 3, 0), (4, 8, 1), (21, 24, 0), (27, 30, 0), (32, 35, 0)],
        options={"whole_words": True},
    ),
    Case(
        "whole words of other scripts",
        ["мир", "cat"],
        "мир мира cat\u0301 écat caté cat日 ́cat",
        [(0, 3, 0), (9, 12, 1), (30, 33, 1)],
        options={"whole_words": True},
    ),
    Case(
        "whole words beside broken UTF-8",
        ["cat"],
        b"\x80cat\xc3 \xc3\xa9cat \xa9cat\xf0",
        [(1, 4, 0), (13, 16, 0)],
        options={"whole_words": True},
    ),
    Case(
        "whole words beside letters of four bytes",
        ["cat"],
        "\U00010428cat cat\U00010428 😀cat😀",
        [(11, 14, 0)],
        options={"whole_words": True},
    ),
    Case(
        "whole words before a letter and stray bytes",
        ["cat"],
        b"cata\x80 cat\xc3\xa9\x80 cat\xe6\x97\xa5\x80\x80 cat-\x80 cat\xe2\x82a",
        [(22, 25, 0), (28, 31, 0)],
        options={"whole_words": True},
    ),
    Case(
        "a shorter word where the longer one is none",
        ["cat food", "cat"],
        "cat foods",
        [(0, 3, 1)],
        options={"whole_words": True},
    ),
]


@pytest.mark.parametrize("match", [LEFTMOST, ALL])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case_table(case, match, compiled):
    words = compiled(case.patterns, match=match, **case.options)
    expected = case.hits if match == LEFTMOST or case.every is None else case.every
    assert words.find(case.text) == expected
    assert words.contains(case.text) is bool(expected)
    assert words.first(case.text) == (case.hits[0] if case.hits else None)
    assert words.find_batch([case.text, case.text[:0], case.text]) == [expected, [], expected]


@pytest.mark.parametrize("match", [LEFTMOST, ALL])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_redaction_replaces_every_hit_and_nothing_else(case, match, compiled):
    words = compiled(case.patterns, match=match, **case.options)
    mark = "[x]" if isinstance(case.text, str) else b"[x]"
    covered, expected = [], case.text[:0]
    for start, end, _ in words.find(case.text):
        covered += range(start, end)
    for index in range(len(case.text)):
        if index not in covered:
            expected += case.text[index : index + 1]
    assert words.redact(case.text, mark).replace(mark, mark[:0]) == expected
    assert words.redact(case.text, mark[:0]) == expected


def test_adjacent_hits_are_replaced_one_by_one_and_overlapping_ones_together(compiled):
    assert compiled(["abc", "def"]).redact("abcdefabc") == "███"
    assert compiled(["abc", "cde"], match=ALL).redact("abcde abc") == "█ █"


def test_the_default_mark_is_encoded_for_bytes(compiled):
    assert compiled(["abc"]).redact(b"xabcx") == "x█x".encode()


def test_a_batch_may_hold_whatever_a_text_may(compiled):
    words = compiled(["ab\x00cd", "xy"])
    assert words.find_batch(["ab", "cd", "x", "y", "ab\x00cd", "\x1e"]) == [[], [], [], [], [(0, 5, 0)], []]


def test_a_batch_may_be_any_iterable(compiled):
    words = compiled(["abc"])
    assert words.find_batch(iter(["abc", "", "xabc"])) == [[(0, 3, 0)], [], [(1, 4, 0)]]
    assert words.find_batch(()) == words.find_batch(iter(())) == []


def test_a_batch_without_a_separator_to_spare(compiled):
    words = compiled(["\x00", "\x1e", "\x1f", "\x1d", "\x1c", "\x01", "\x02", "\x03"])
    assert words.find_batch(["a\x01", "\x00", ""]) == [[(1, 2, 5)], [(0, 1, 0)], []]


def test_a_set_tells_its_size_and_engine_but_no_pattern():
    words = literals.compile(["ransomware", "bomb"])
    assert len(words) == 2
    assert "ransomware" not in repr(words)
    assert words.reason in repr(words)
