"""Texts that a blocklist has to see through, what they fold to, and what of the original a hit would redact."""

from dataclasses import dataclass
from unicodedata import normalize

import pytest

from aligntax_kernels import fold
from aligntax_kernels.fold import Folding

BACKENDS = ("reference", "cpu", "auto")
DEFAULT = Folding()
LEET = Folding(leet=True)
CASE = Folding(compatibility=False, confusables=False, invisible=False)
NOTHING = Folding(case=False, compatibility=False, confusables=False, invisible=False)

ATTACKS = {
    "full width": "\uff21\uff34\uff34\uff21\uff23\uff2b",
    "Cyrillic": "\u0430tt\u0430\u0441k",
    "Greek capitals": "\u0391\u03a4\u03a4\u0391C\u039a",
    "Cherokee": "\u13aa\u13a2\u13a2\u13aa\u13df\u13e6",
    "Lisu": "\ua4ee\ua4d4\ua4d4\ua4ee\ua4da\ua4d7",
    "small capitals": "\u1d00\u1d1b\u1d1b\u1d00\u1d04\u1d0b",
    "mathematical": "\U0001d41a\U0001d565\U0001d4c9\U0001d586\U0001d520\U0001d5c4",
    "in circles": "\u24d0\u24e3\u24e3\u24d0\u24d2\u24da",
    "white on black": "\U0001f170\U0001f183\U0001f183\U0001f170\U0001f172\U0001f17a",
    "flags": "\U0001f1e6\U0001f1f9\U0001f1f9\U0001f1e6\U0001f1e8\U0001f1f0",
    "raised": "\u1d43\u1d57\u1d57\u1d43\u1d9c\u1d4f",
    "zero-width space": "a\u200bttack",
    "joiners": "a\u200dt\u200ct\u2060a\u034fc\ufeffk",
    "soft hyphens": "at\u00adtack",
    "variation selectors": "a\ufe0ft\U000e0100tack",
    "bidirectional controls": "\u202ea\u2066ttack\u202c",
    "tags": "at\U000e0041tack",
    "capitals": "ATTACK",
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("text", ATTACKS.values(), ids=ATTACKS)
def test_disguises_are_seen_through(text, backend):
    assert fold.fold(text.encode(), Folding(), backend=backend).data == b"attack"
    assert fold.fold_text(text, Folding()) == "attack"


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("4tt4ck", "attack"),
        ("@TT@CK", "attack"),
        ("k1ll", "klll"),
        ("KILL", "klll"),
        ("$h!t", "shlt"),
        ("5h|7", "shlt"),
    ],
)
def test_leet_is_seen_through_when_asked_for(text, folded):
    assert fold.fold_text(text, LEET) == folded
    assert fold.fold_text(folded, LEET) == folded
    assert fold.fold_text(text, Folding()) == text.lower()


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    text: str
    folded: str
    spans: list  # for each character of the folded text
    folding: Folding = DEFAULT


CASES = [
    Case("empty", "", "", []),
    Case("ASCII", "aB.", "ab.", [(0, 1), (1, 2), (2, 3)]),
    Case("NUL is a character", "a\0b", "a\0b", [(0, 1), (1, 2), (2, 3)]),
    Case("two bytes for one", "\u0430b", "ab", [(0, 2), (2, 3)]),
    Case("removed characters belong to nobody", "\ufeffa\u200bb\u200b", "ab", [(3, 4), (7, 8)]),
    Case("nothing but removed", "\u200b\u00ad", "", []),
    Case("one for several", "\ufb03", "ffi", [(0, 3)] * 3),
    Case("sharp s", "\u00dfx", "ssx", [(0, 2), (0, 2), (2, 3)]),
    Case("composed", "e\u0301x", "\u00e9x", [(0, 3), (3, 4)]),
    Case("composed around a removed one", "e\u200d\u0301x", "\u00e9x", [(0, 6), (6, 7)]),
    Case("composed past a mark", "a\u0316\u0301", "\u00e1\u0316", [(0, 5), (1, 5)]),
    Case("composed out of order", "a\u0301\u0323", "\u1ea1\u0301", [(0, 5), (1, 5)]),
    Case("reordered", "q\u0301\u0316", "q\u0316\u0301", [(0, 1), (1, 5), (1, 5)]),
    Case("in order", "q\u0316\u0301", "q\u0316\u0301", [(0, 1), (1, 3), (3, 5)]),
    Case("equal classes keep their order", "q\u0301\u0300", "q\u0301\u0300", [(0, 1), (1, 3), (3, 5)]),
    Case("marks without a base", "\u0301\u0316x", "\u0316\u0301x", [(0, 4), (0, 4), (4, 5)]),
    Case("a mark that becomes two", "q\u0344", "q\u0308\u0301", [(0, 1), (1, 3), (1, 3)]),
    Case("marks behind a ligature", "\ufb01\u0301", "f\u00ed", [(0, 3), (0, 5)]),
    Case("iota under", "\u1fb3x", "aix", [(0, 3), (0, 3), (3, 4)]),
    Case("iota under, before the accent", "\u03b1\u0345\u0301x", "\u00e1ix", [(0, 6), (2, 6), (6, 7)]),
    Case("Hangul letters", "\u1100\u1161\u11a8x", "\uac01x", [(0, 9), (9, 10)]),
    Case("Hangul syllable and letter", "\uac00\u11a8", "\uac01", [(0, 6)]),
    Case("Hangul syllable that is full", "\uac01\u11a8", "\uac01\u11a8", [(0, 3), (3, 6)]),
    Case("Hangul vowels alone", "\u1161\u1161", "\u1161\u1161", [(0, 3), (3, 6)]),
    Case("three starters", "\u0cc6\u0cc2\u0cd5", "\u0ccb", [(0, 9)]),
    Case("excluded from composition", "\u0958", "\u0915\u093c", [(0, 3), (0, 3)]),
    Case("a letter behind a marked one", "\u05d1\u0483\u0438\u0306", "\u05d1\u0483\u0439", [(0, 2), (2, 4), (4, 8)]),
    Case("right to left", "\u05d0\u05b7\u05d1", "\u05d0\u05b7\u05d1", [(0, 2), (2, 4), (4, 6)]),
    Case("four bytes", "\U0001f468\u200d\U0001f469", "\U0001f468\U0001f469", [(0, 4), (7, 11)]),
    Case("digits of another script", "\u0661\u0966", "\u06610", [(0, 2), (2, 5)]),
    Case("an accent is kept", "\u03ac", "\u00e1", [(0, 2)]),
    Case("a stroke is kept", "\u00d8", "\u00f8", [(0, 2)]),
    Case("lunate sigma is a c", "\u03f2", "c", [(0, 2)]),
    Case("capitals by shape", "\u0397\u039d\u03a5", "hny", [(0, 2), (2, 4), (4, 6)]),
    Case("small letters by shape", "\u03b7\u03bd\u03c5", "hvu", [(0, 2), (2, 4), (4, 6)]),
    Case("case alone leaves marks alone", "e\u0301\u00c9", "e\u0301\u00e9", [(0, 1), (1, 3), (3, 5)], CASE),
    Case("no step at all", "E\u0301\u200b\u0410\uff21", "E\u0301\u200b\u0410\uff21",
         [(0, 1), (1, 3), (3, 6), (6, 8), (8, 11)], NOTHING),
]  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("padding", [0, 5, 64])
def test_case_table(case, padding, backend):
    """With text around it, so that it does not only stand where the last bytes are handled."""
    around = b"." * padding
    data, starts, ends = fold.fold(around + case.text.encode() + around, case.folding, backend=backend)
    assert data == around + case.folded.encode() + around
    spans = [span for character, span in zip(case.folded, case.spans, strict=True) for _ in character.encode()]
    until = len(data) - padding
    assert list(zip(starts[padding:until] - padding, ends[padding:until] - padding, strict=True)) == spans
    assert starts[until:].tolist() == [len(around) + len(case.text.encode()) + index for index in range(padding)]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("folding", [Folding(), CASE, LEET, NOTHING], ids=str)
@pytest.mark.parametrize(
    "broken",
    [b"\x80", b"\xbf\xbf", b"\xc0\xaf", b"\xc1\x81", b"\xe0\x81\x81", b"\xc3(", b"\xe2\x82", b"\xe0\x80\x80",
     b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf0\x9f\x92", b"\xf0\x80\x80\x80", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80",
     b"\xf8\x88\x80\x80", b"\xfe\xff"],
)  # fmt: skip
def test_bytes_that_are_not_utf8_stay_where_they_are(broken, folding, backend):
    letter = "\u00e9".encode()
    for before, times, after in ((b"", 1, b""), (b"", 9, b""), (b"q", 1, b"q"), (letter, 1, letter + b".......")):
        text = before + broken * times + after
        data, starts, ends = fold.fold(text, folding, backend=backend)
        assert data == text
        spans = [(at, at + 1) for at in range(len(text))]
        for at in range(len(text)):
            if text.startswith(letter, at):
                spans[at : at + 2] = [(at, at + 2)] * 2
        assert list(zip(starts.tolist(), ends.tolist(), strict=True)) == spans
        assert fold.is_plain(text, folding, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_mark_does_not_combine_with_a_byte_that_is_not_utf8(backend):
    text = b"e\xcc" + "\u0301\u0316".encode()
    assert fold.fold(text, Folding(), backend=backend).data == b"e\xcc" + "\u0316\u0301".encode()


def test_lone_surrogates_stay_in_patterns():
    assert fold.fold_text("A\ud800\udc00B", Folding()) == "a\ud800\udc00b"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("", True),
        ("Plain ASCII.", True),
        ("It\u2019s a \u201cquote\u201d \u2014 plain", True),
        ("\u00e9t\u00e9", True),
        ("\u4e2d\u6587\u3042\ud55c\uad6d", True),
        ("\u05d0\u05d1", True),
        ("\U0001f600", True),
        ("\U0001109a", True),
        ("\u00c9t\u00e9", False),
        ("e\u0301", False),
        ("\u0430", False),
        ("\uff41", False),
        ("a\u200b", False),
        ("\u1161", False),
        ("\u05d0\u05b7", False),
    ],
)
@pytest.mark.parametrize("padding", [0, 3, 40])
@pytest.mark.parametrize("backend", BACKENDS)
def test_plain_texts(text, plain, padding, backend):
    data = b" " * padding + text.encode() + b" " * padding
    assert fold.is_plain(data, Folding(), backend=backend) == plain


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_plain_depends_on_the_steps(backend):
    def plain(text, **steps):
        folding = Folding(**{"case": False, "compatibility": False, "confusables": False, "invisible": False} | steps)
        return fold.is_plain(text.encode(), folding, backend=backend)

    assert plain("E\u0301 \u00c9 \u0430 \u200b 4")
    assert not plain("\u00c9", case=True)
    assert not plain("E\u0301", compatibility=True)
    assert not plain("\u0430", confusables=True)
    assert not plain("\u200b", invisible=True)
    assert not plain("4", leet=True)
    assert not plain("I", leet=True)
    assert not plain("\u4e2d4" + "\u4e2d" * 9, leet=True)
    assert plain("ABC", leet=True)
    assert plain("ABC", leet=True, case=True)


def test_the_normal_forms_of_a_sentence_fold_alike():
    text = "Ti\u1ebfng Vi\u1ec7t, \u0395\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac, \ud55c\uad6d\uc5b4, fran\u00e7ais"
    forms = {fold.fold_text(normalize(form, text), Folding()) for form in ("NFC", "NFD", "NFKC", "NFKD")}
    assert len(forms) == 1


@pytest.mark.parametrize(
    ("pattern", "forms"),
    [
        ("attack", ("attack",)),
        ("\u0441\u043b\u043e\u0432\u043e", ("c\u043bobo",)),
        ("\u03bc\u03b1\u03c2", ("ma\u03c3",)),
        ("\u03bd\u03b5\u03bf\u03c5", ("veou", "neoy", "neou")),
        ("\u039d\u0395\u039f\u03a5", ("neoy", "veou", "neou")),
    ],
)
def test_a_pattern_has_a_form_for_each_look_of_its_case(pattern, forms):
    assert fold.spellings(pattern, Folding()) == forms
    for spelling in (pattern, pattern.lower(), pattern.upper(), pattern.title()):
        assert fold.fold_text(spelling, Folding()) in forms


def test_without_look_alikes_every_pattern_has_one_form():
    assert fold.spellings("\u03bd\u03b5\u03bf\u03c5", Folding(confusables=False)) == ("\u03bd\u03b5\u03bf\u03c5",)
    assert fold.spellings("\u03bd", Folding(case=False)) == ("v",)
