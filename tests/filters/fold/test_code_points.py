"""Every code point there is, against `unicodedata` and `str.casefold`."""

import itertools
import sys
from unicodedata import category, combining, decomposition, name, normalize

import pytest

from aligntax_kernels import fold
from aligntax_kernels.fold import Folding, tables
from aligntax_kernels.fold.composition import can_follow, pairs
from aligntax_kernels.fold.confusables import CONFUSABLES
from aligntax_kernels.fold.invisible import INVISIBLE
from aligntax_kernels.fold.leet import LEET

CASE = Folding(compatibility=False, confusables=False, invisible=False)
NFKC = Folding(case=False, confusables=False, invisible=False)
CASELESS = Folding(confusables=False, invisible=False)
NFKC_CASEFOLD = Folding(confusables=False)
FOLDINGS = [Folding(*steps) for steps in itertools.product([False, True], repeat=5)]

APART = "\n"  # no step changes it, and nothing is composed with it
CODE_POINTS = [c for c in map(chr, range(sys.maxunicode + 1)) if not "\ud800" <= c < "\ue000" and c != APART]
ALL = APART.join(CODE_POINTS).encode()
CHANGING = [chr(code) for code in tables._changing()]
OTHERS = "".join(sorted(set(CODE_POINTS).difference(CHANGING)))


def folded(characters, folding, backend="auto"):
    """The folded form of each character, standing alone."""
    return fold.fold_bytes(APART.join(characters).encode(), folding, backend=backend).decode().split(APART)


def caseless(text, removed=frozenset()):
    """Unicode's definitions D145 and D146, and the NFKC_Casefold of section 3.13, repeated until nothing changes."""
    while True:
        before = text
        text = normalize(
            "NFKD", "".join(character for character in normalize("NFKD", text) if character not in removed)
        )
        text = normalize("NFKD", text.casefold())
        if text == before:
            return normalize("NFC", text)


def differences(characters, ours, expected):
    return [(ascii(c), ascii(a), ascii(b)) for c, a, b in zip(characters, ours, expected, strict=True) if a != b][:10]


def test_case_alone_is_casefold():
    assert differences(CODE_POINTS, folded(CODE_POINTS, CASE), [c.casefold() for c in CODE_POINTS]) == []


def test_compatibility_alone_is_nfkc():
    assert differences(CODE_POINTS, folded(CODE_POINTS, NFKC), [normalize("NFKC", c) for c in CODE_POINTS]) == []


def test_both_are_the_caseless_form():
    assert differences(CODE_POINTS, folded(CODE_POINTS, CASELESS), map(caseless, CODE_POINTS)) == []


def test_with_the_invisible_removed_it_is_nfkc_casefold():
    expected = [caseless(character, INVISIBLE) for character in CODE_POINTS]
    assert differences(CODE_POINTS, folded(CODE_POINTS, NFKC_CASEFOLD), expected) == []


@pytest.mark.parametrize("folding", [CASE, NFKC, CASELESS, NFKC_CASEFOLD, Folding(), Folding(leet=True)], ids=str)
def test_the_reference_agrees_on_all_that_change(folding):
    assert differences(CHANGING, folded(CHANGING, folding), folded(CHANGING, folding, "reference")) == []


@pytest.mark.parametrize("folding", FOLDINGS, ids=str)
def test_no_code_point_changes_when_folded_again(folding):
    once = fold.fold_bytes(ALL, folding)
    assert fold.fold_bytes(once, folding) == once


@pytest.mark.parametrize("folding", [f for f in FOLDINGS if f.compatibility], ids=str)
def test_normal_forms_make_no_difference(folding):
    characters = [c for c in CODE_POINTS if len({normalize(form, c) for form in ("NFC", "NFD")}) > 1]
    given = folded(characters, folding)
    for form in ("NFC", "NFD"):
        assert differences(characters, folded([normalize(form, c) for c in characters], folding), given) == []


@pytest.mark.parametrize("folding", FOLDINGS, ids=str)
def test_a_plain_character_is_folded_to_its_small_form_or_itself(folding):
    others = OTHERS.encode()
    assert fold.is_plain(others, folding)
    assert fold.fold_bytes(others, folding) == (others.lower() if folding.case else others)
    plain = [c for c in CHANGING if fold.is_plain(c.encode(), folding)]
    assert plain == [c for c in CHANGING if fold.is_plain(c.encode(), folding, backend="reference")]
    lower = [c.encode().lower().decode() if folding.case else c for c in plain]
    assert differences(plain, folded(plain, folding), lower) == []


def test_all_pairs_that_compose_are_known():
    composites = [c for c in CODE_POINTS if len(normalize("NFD", c)) > 1 and normalize("NFC", c) == c]
    hangul = [c for c in composites if 0xAC00 <= ord(c) < 0xD7A4]
    assert len(hangul) == 11_172
    assert sorted(both for both in pairs().values() if both) == sorted(set(composites) - set(hangul))
    for (first, second), both in pairs().items():
        assert normalize("NFC", first + second) == (both or first + second)


def test_what_can_follow_is_what_nfc_looks_back_for():
    starters = [second for _, second in pairs() if not combining(second)]
    jamo = [chr(code) for code in (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))]
    assert {c for c in CODE_POINTS if can_follow(c) and not combining(c)} == {*starters, *jamo}


def test_look_alikes_are_single_characters_of_other_scripts():
    for code, letter in CONFUSABLES.items():
        assert code > 127
        assert letter.isascii()
        assert letter.isalnum()
        assert len(letter) == 1
        assert name(chr(code))
        assert not combining(chr(code))


def test_no_look_alike_has_a_canonical_decomposition():
    parts = {hex(code): decomposition(chr(code)) for code in CONFUSABLES}
    assert [code for code, of_it in parts.items() if of_it and not of_it.startswith("<")] == []


def test_no_look_alike_is_entered_that_nfkc_knows():
    known = [hex(code) for code, letter in CONFUSABLES.items() if normalize("NFKC", chr(code)) == letter]
    assert known == []


def test_the_case_of_a_look_alike_matters_only_where_it_says_so():
    by_case = {c for c in map(chr, CONFUSABLES) if len(set(folded([c, c.lower(), c.upper()], Folding()))) > 1}
    # nu, upsilon, and the micro sign, whose capital is that of mu
    assert by_case == {"\u039d", "\u03bd", "\u03a5", "\u03c5", "\u00b5"}


def test_what_leet_makes_is_left_alone_by_leet():
    assert all(letter.islower() and ord(letter) not in LEET for letter in LEET.values())
    assert all(letter.isascii() for letter in LEET.values())


def test_the_invisible_are_formats_fillers_selectors_and_reserved():
    assert {category(c) for c in INVISIBLE} == {"Cf", "Cn", "Lo", "Mn"}
    assert {name(c, "") for c in INVISIBLE if category(c) == "Lo"} == {
        "HANGUL CHOSEONG FILLER",
        "HANGUL JUNGSEONG FILLER",
        "HANGUL FILLER",
        "HALFWIDTH HANGUL FILLER",
    }
    shown = {c for c in CODE_POINTS if category(c) == "Cf" and c not in INVISIBLE}
    # Signs over numbers, and the quadrats of hieroglyphs: format characters that show.
    blocks = ("ARABIC", "SYRIAC", "KAITHI", "EGYPTIAN HIEROGLYPH")
    assert {c for c in shown if not name(c).startswith(blocks)} == set()
