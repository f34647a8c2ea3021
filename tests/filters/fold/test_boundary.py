"""How much of a stream can be folded now: as much as can, and never less than all but a bounded rest."""

import pytest

from aligntax_kernels import fold
from aligntax_kernels.fold import Folding
from aligntax_kernels.fold.chain import LONGEST_GAP, MOST_MARKS

BACKENDS = ("reference", "cpu")
CASE = Folding(compatibility=False, confusables=False, invisible=False)
ACUTE, BELOW = "\u0301", "\u0316"

HELD = [
    ("nothing", "", 0),
    ("a letter that takes accents", "ab", 1),
    ("a letter that takes none", "aq", 0),
    ("a full stop", "ab.", 0),
    ("a space", "ab ", 0),
    ("a line feed", "ab\n", 0),
    ("a digit", "a1", 0),
    ("a sign that a stroke can cross", "a=", 1),
    ("an accented letter", "b\u00e9", 2),
    ("a letter with an accent", "be\u0301", 3),
    ("a mark that composes with nothing", "bq" + BELOW, 2),
    ("marks without a base", "b\n" + BELOW + ACUTE, 4),
    ("a Cyrillic letter that looks like one", "b\u0430", 2),
    ("an ideograph", "b\u4e2d", 0),
    ("a kana that can be voiced", "b\u304b", 3),
    ("an emoji", "b\U0001f600", 0),
    ("a Hangul syllable without a trailing consonant", "b\uac00", 3),
    ("a full Hangul syllable", "b\uac01", 0),
    ("a Hangul letter", "b\u1100", 3),
    ("two Hangul letters", "b\u1100\u1161", 6),
    ("three Hangul letters", "b\u1100\u1161\u11a8", 0),
    ("Hangul vowels", "b" + "\u1161" * 9, 3),
    ("two vowel signs that compose to one", "b\u0cc6\u0cc2", 6),
    ("a removed character behind a letter", "ab\u200b", 4),
    ("a removed character behind a full stop", "a.\u200b", 0),
    ("removed characters alone", "\u200b\u200b", 0),
    ("more of them than are composed across", "b" + "\u00ad" * (LONGEST_GAP // 2 + 1), 0),
    ("as many as are composed across", "b" + "\u00ad" * (LONGEST_GAP // 2), LONGEST_GAP + 1),
    ("a compatibility character", "b\ufb01", 3),
    ("a mark that is a letter by itself", "b\u30ab\uff9e", 6),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("text", "held"), [case[1:] for case in HELD], ids=[case[0] for case in HELD])
def test_what_is_held_back(text, held, backend):
    assert fold.boundary(text.encode(), Folding(), backend=backend) == len(text.encode()) - held


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("folding", [Folding(), CASE], ids=str)
@pytest.mark.parametrize(
    ("tail", "held"),
    [
        (b"\xc3", 1),
        (b"\xe2", 1),
        (b"\xe2\x82", 2),
        (b"\xf0", 1),
        (b"\xf0\x9f", 2),
        (b"\xf0\x9f\x92", 3),
        (b"\xe0\xa0", 2),
        (b"\xed\x9f", 2),
        (b"\xf4\x8f", 2),
        # No continuation makes these a character.
        (b"\x80", 0),
        (b"\xc0", 0),
        (b"\xc1", 0),
        (b"\xe0\x80", 0),
        (b"\xed\xa0", 0),
        (b"\xed\xa0\x80", 0),
        (b"\xf0\x80", 0),
        (b"\xf4\x90", 0),
        (b"\xf5", 0),
        (b"\xff", 0),
        (b"\xe2\x82(", 0),
        (b"\xc3\xff", 0),
    ],
)
def test_incomplete_utf8_is_held_back(tail, held, folding, backend):
    for text in (tail, b"." + tail, "\u4e2d".encode() + tail):
        assert fold.boundary(text, folding, backend=backend) == len(text) - held


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_letter_before_an_incomplete_mark_is_held_back_with_it(backend):
    assert fold.boundary(b"be\xcc", Folding(), backend=backend) == 1
    assert fold.boundary(b"be\xcc", CASE, backend=backend) == 2


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("mark", [ACUTE, BELOW, "\u0345", "\u0344", "\u200b" + ACUTE], ids=ascii)
@pytest.mark.parametrize("base", ["", "a", "q", "\uac00"])
def test_marks_are_not_held_back_for_ever(base, mark, backend):
    most = len((base + mark * 2 * (MOST_MARKS + 1)).encode())
    for count in (*range(1, 70, 1 if backend == "cpu" else 30), 100):
        data = ("." + base + mark * count).encode()
        assert len(data) - fold.boundary(data, Folding(), backend=backend) <= most


@pytest.mark.parametrize("mark", [ACUTE, "\u0345", "\u0344"], ids=ascii)
def test_a_stream_of_marks_folds_to_what_the_whole_does(mark):
    text = ("a" + mark * 300 + "b" + BELOW + ACUTE + ".").encode()
    for size in range(1, 12):
        folded, held = b"", b""
        for at in range(0, len(text), size):
            held += text[at : at + size]
            cut = fold.boundary(held, Folding())
            folded += fold.fold_bytes(held[:cut], Folding())
            held = held[cut:]
        assert folded + fold.fold_bytes(held, Folding()) == fold.fold_bytes(text, Folding())
