"""Patterns that are disguised: found, and redacted in the text as it is."""

import pytest

from aligntax_kernels.fold import Folding

DISGUISES = [
    ("full width", "Ａttack", Folding()),
    ("Cyrillic", "\u0430ttack", Folding()),
    ("zero width", "a\u200bttack", Folding()),
    ("soft hyphen", "at\u00adtack", Folding()),
    ("mathematical", "𝐚𝐭𝐭𝐚𝐜𝐤", Folding()),
    ("upper case as well", "\uff21TT\u0410CK", Folding()),
    ("leet", "4tt4ck", Folding(leet=True)),
    ("everything", "4\u200bttа𝐜K", Folding(leet=True)),
]


@pytest.mark.parametrize(("disguise", "folding"), [case[1:] for case in DISGUISES], ids=[case[0] for case in DISGUISES])
def test_a_disguise_is_seen_through_and_redacted_where_it_stands(compiled, streamed, disguise, folding):
    words = compiled(["attack"], fold=folding)
    text = f"ü {disguise} ü"
    assert words.find(text) == [(2, 2 + len(disguise), 0)]
    assert words.redact(text, "#") == "ü # ü"
    assert words.redact(text.encode(), b"#") == "ü # ü".encode()
    assert words.find_batch([text, "plain", text]) == [words.find(text), [], words.find(text)]
    assert compiled(["attack"]).find(text) == []
    for cut in range(1, len(text)):
        assert streamed(words, text, [cut], "#") == "ü # ü"


def test_leet_only_when_asked_for(compiled):
    assert compiled(["attack"], fold=Folding()).find("4tt4ck") == []


def test_patterns_are_folded_like_texts(compiled):
    words = compiled(["４\u200btt４ck"], fold=Folding(leet=True))
    assert words.find("attack 4tt4ck") == [(0, 6, 0), (7, 13, 0)]
    assert compiled(["4tt4ck"], fold=Folding(leet=True)).find("attack 4tt4ck") == [(0, 6, 0), (7, 13, 0)]


def test_folding_can_keep_the_case(compiled):
    words = compiled(["Attack"], caseless=False, fold=Folding())
    assert words.find("Ａttack attack") == [(0, 6, 0)]


def test_hits_in_one_character_are_one_redaction(compiled):
    assert compiled(["s"]).redact("aßb", "#") == "a#b"
    assert compiled(["st"]).redact("aßtb", "#") == "a#b"
    assert compiled(["s"], match="overlapping").find("aßb") == [(1, 2, 0)]
    assert compiled(["xs", "sy"]).find("axßyb") == [(1, 4, 0)]
    assert compiled(["xs", "sy"]).redact("axßyb", "#") == "a#b"


def test_a_pattern_whose_shapes_depend_on_the_case_is_found_in_both(compiled):
    """The capital of the Greek nu is an N to look at, and the small letter a v."""
    words = compiled(["other", "νους", "last"], fold=Folding(), match="overlapping")
    assert [pattern for _, _, pattern in words.find("νους ΝΟΥΣ Νους")] == [1, 1, 1]
    assert words.first("x ΝΟΥΣ") == (2, 6, 1)
    for plain in ("Last", "日last"):
        assert words.find(plain) == [(len(plain) - 4, len(plain), 2)]
        assert words.first(plain) == (len(plain) - 4, len(plain), 2)
