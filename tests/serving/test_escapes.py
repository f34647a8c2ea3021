"""JSON texts as guards read them, and what is left of them as JSON again: whole, in pieces, and broken ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntax.serving.escapes import Escapes

SPELLINGS = r"""{ [ " \ u 0066 d83d de00 D800 0022 005c n q / a \n \u0066 \" \\ \ud83d\ude00 \u00e9 \/ \u000A \uD800"""
TOKENS = [*SPELLINGS.split(" "), " ", "\n", "\t", "\x00", "\ud800", "é", "😀"]
raw_texts = st.builds(
    lambda first, tokens: first + "".join(tokens),
    st.sampled_from(['{"', '["', "{", '"', "", ' \n{"']),
    st.lists(st.sampled_from(TOKENS), max_size=25),
)
strings = st.text(alphabet='ab"\\\n\t/é😀\x00', max_size=12)
documents = st.recursive(
    strings | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(strings, inner, max_size=3),
    max_leaves=8,
).filter(lambda document: isinstance(document, (dict, list, str)))


def read(raw: str) -> str:
    escapes = Escapes()
    return escapes.opened(raw) + escapes.rest()


def put(raw: str, new: str) -> str:
    escapes = Escapes(keeps_spelling=False)
    escapes.opened(raw)
    return escapes.closed(new)


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        (r'{"q": "\u0066orbidden"}', '{"q": "forbidden"}'),
        (r'{"\u0071": 1.50, "q": null}', '{"q": 1.50, "q": null}'),  # numbers and doubled keys stay what they are
        (r'["a\nb", "\/\t\u00e9\u00E9"]', '["a\nb", "/\téé"]'),
        (r'"\ud83d\ude00"', '"😀"'),
        (r'{"q": "say \"x\" in C:\\u0066"}', r'{"q": "say \"x\" in C:\\u0066"}'),
        (r'["\u0022", "\u005C"]', r'["\u0022", "\u005C"]'),  # which would end a string, or begin an escape
        (r'["\ud83d", "\ude00 \uD83Dx"]', r'["\ud83d", "\ude00 \uD83Dx"]'),
        (r'["\q", "\u00zz"]', r'["\q", "\u00zz"]'),
        (r"{\u0066: \n}", r"{\u0066: \n}"),  # not in a string
        (r"say \u0066orbidden", r"say \u0066orbidden"),  # not JSON
        (r'{"q": "\u0066orbid', '{"q": "forbid'),  # cut off by the end of an answer
        (r'{"q": "\u00', r'{"q": "\u00'),
        ("", ""),
        (" \n", " \n"),
    ],
)
def test_what_guards_read(raw: str, plain: str) -> None:
    assert read(raw) == plain
    escapes = Escapes()
    assert escapes.closed(escapes.opened(raw) + escapes.rest()) == raw


@pytest.mark.parametrize(
    ("raw", "change", "expected"),
    [
        (r'{"q": "\u0066orbidden"}', ("forbidden", "█"), {"q": "█"}),
        (r'{"q": "one\n\u0066orbidden\ttwo", "é": "\u00e9"}', ("forbidden", "█"), {"q": "one\n█\ttwo", "é": "é"}),
        (r'{"q": "\u0000\u001f \"forbidden\" \\"}', ("forbidden", "no\nword"), {"q": '\0\x1f "no\nword" \\'}),
        ('{\n\t"q": "forbidden"\n}', ("forbidden", ""), {"q": ""}),
    ],
)
def test_what_is_changed_is_json_again(raw: str, change: tuple[str, str], expected: Any) -> None:
    assert json.loads(put(raw, read(raw).replace(*change))) == expected


def test_a_text_that_is_no_json_is_put_as_it_is() -> None:
    assert put("forbidden\n", "a\nb") == "a\nb"


@given(raw_texts, st.data())
def test_pieces_make_the_same_text_and_what_is_unchanged_goes_on_as_it_came(raw: str, data: st.DataObject) -> None:
    escapes = Escapes()
    plain = kept = went = ""
    at = 0
    while at < len(raw):
        size = data.draw(st.integers(1, 6))
        given_now = escapes.opened(raw[at : at + size])
        at += size
        plain += given_now
        kept += given_now
        let_go = data.draw(st.integers(0, len(kept)))
        went += escapes.closed(kept[:let_go])
        kept = kept[let_go:]
    rest = escapes.rest()
    went += escapes.closed(kept + rest)
    assert plain + rest == read(raw)
    assert went == raw


@given(raw_texts)
def test_what_is_json_says_the_same(raw: str) -> None:
    try:
        document = json.loads(raw, strict=False)
    except ValueError:
        return
    if isinstance(document, (dict, list, str)):
        assert json.loads(read(raw), strict=False) == document
        assert json.loads(put(raw, read(raw))) == document


@given(documents, st.booleans(), st.booleans())
def test_words_are_found_however_they_are_spelled(document: Any, ascii_only: bool, spelled: bool) -> None:
    raw = json.dumps(document, ensure_ascii=ascii_only)
    spelled_out = raw.replace("a", r"\u0061").replace("é", r"\u00E9") if spelled else raw
    assert read(spelled_out) == read(json.dumps(document, ensure_ascii=False))
    without = json.loads(put(spelled_out, read(spelled_out).replace("a", "")))
    assert without == json.loads(json.dumps(document).replace("a", ""))


@given(documents, st.data())
def test_behind_a_change_it_is_json_all_the_same(document: Any, data: st.DataObject) -> None:
    raw = json.dumps(document)
    escapes = Escapes()
    pieces = []
    while raw:
        size = data.draw(st.integers(1, 6))
        pieces.append(escapes.opened(raw[:size]))
        raw = raw[size:]
    changed = ("".join(pieces) + escapes.rest()).replace("a", "bb")
    went = ""
    while changed:
        size = data.draw(st.integers(1, 6))
        went += escapes.closed(changed[:size])
        changed = changed[size:]
    assert json.loads(went) == json.loads(json.dumps(document).replace("a", "bb"))
