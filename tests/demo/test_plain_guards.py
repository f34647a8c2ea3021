"""What the demo's plain guards let through, change and refuse."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aligntax import Verdict
from aligntax.demo.phrases import BLOCKED_PHRASES, FILTERED_PHRASES, REMOVED, allowed_tokens
from aligntax.demo.plain_guards import Chunk, PhraseFilter, check_phrases, redact_personal_data, token_mask

PERSONAL = {
    "write to jo.doe+x@mail.example.com today": "write to [email] today",
    "card 4111 1111 1111 1111.": "card [card].",
    "card 4111-1111-1111-1111": "card [card]",
    "card 378282246310005": "card [card]",
    "ssn 078-05-1120!": "ssn [ssn]!",
    "call +1 202 555 0143 now": "call [phone] now",
    "call (202) 555-0143 now": "call [phone] now",
    "call 202.555.0143": "call [phone]",
    "a@example.org, 078-05-1120, 2025550143": "[email], [ssn], [phone]",
}
HARMLESS = ["", "version 1.2.3 of 2024-05-06", "12345", "x@y", "order 78-05-1120-33", "1 2 3 4 5 6 7 8 9"]


@pytest.mark.parametrize(("text", "redacted"), PERSONAL.items())
def test_personal_data_is_replaced_by_its_kind(text: str, redacted: str) -> None:
    assert redact_personal_data(text) == redacted


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_personal_data_stays(text: str) -> None:
    assert redact_personal_data(text) == text


@pytest.mark.parametrize("unit", ["a", "1", "1 ", "a.", "a@", "+1 ", "("])
def test_long_texts_of_one_kind_do_not_make_the_patterns_backtrack(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    assert len(redact_personal_data(text)) <= len(text)


@pytest.mark.parametrize("phrase", [*BLOCKED_PHRASES[:5], BLOCKED_PHRASES[-1]])
def test_a_blocked_phrase_is_found_in_any_case_and_inside_of_words(phrase: str) -> None:
    assert check_phrases(f"xx{phrase.upper()}yy") is Verdict.BLOCK
    assert check_phrases(phrase[:-1]) is Verdict.ALLOW


def test_the_mask_allows_separate_words_only_and_none_of_a_blocked_phrase() -> None:
    words = {" cat": 256, "cat": 257, " Pipe": 258, " r2d2": 259, " dog": 270}
    logits = torch.zeros(1, 300)
    token_mask(allowed_tokens(words, 300))(logits)
    assert [number for number in range(300) if logits[0, number] == 0.0] == [256, 270]
    assert logits[0, 257] == -torch.inf


def run(phrases: PhraseFilter, chunks: list[str]) -> list[Chunk]:
    """Send all chunks, and return what came out for each, and at the end."""
    stream = phrases.stream()
    assert next(stream) == Chunk("", Verdict.ALLOW)
    return [*map(stream.send, chunks), *stream]


def without_phrases(text: str, phrases: list[str]) -> str:
    """The specification, one character after the other: the longest phrase that begins here goes."""
    out, position = "", 0
    while position < len(text):
        here = [len(phrase) for phrase in phrases if text[position:].lower().startswith(phrase.lower())]
        out += REMOVED if here else text[position]
        position += max(here, default=1)
    return out


@given(
    phrases=st.lists(st.text("abC", min_size=1, max_size=4), min_size=1, max_size=4),
    chunks=st.lists(st.text("aBc", max_size=5), max_size=12),
)
def test_cutting_the_text_into_chunks_changes_nothing(phrases: list[str], chunks: list[str]) -> None:
    released = run(PhraseFilter(phrases), chunks)
    assert "".join(chunk.text for chunk in released) == without_phrases("".join(chunks), phrases)
    assert any(chunk.verdict is Verdict.MODIFY for chunk in released) == any(REMOVED in c.text for c in released)


@given(
    phrases=st.lists(st.text("ab", min_size=3, max_size=3), min_size=1, max_size=3),
    text=st.text("abx", max_size=20),
)
def test_no_more_is_held_back_than_what_may_begin_a_phrase(phrases: list[str], text: str) -> None:
    *_, rest = run(PhraseFilter(phrases), list(text))
    assert len(rest.text) < 3
    assert any(phrase.startswith(rest.text) for phrase in phrases)


def test_a_phrase_split_over_chunks_is_taken_out_when_it_is_complete() -> None:
    assert run(PhraseFilter(), ["my pass", "word", " is x"]) == [
        Chunk("my ", Verdict.ALLOW),
        Chunk(REMOVED, Verdict.MODIFY),
        Chunk(" is x", Verdict.ALLOW),
        Chunk("", Verdict.ALLOW),
    ]


def test_the_beginning_of_a_phrase_that_does_not_go_on_is_released() -> None:
    assert [chunk.text for chunk in run(PhraseFilter(), ["bank", " holiday", " sal"])] == [
        "",
        "bank holiday",
        " ",
        "sal",
    ]


def test_the_shipped_phrases_are_what_is_filtered_by_default() -> None:
    assert run(PhraseFilter(), list(FILTERED_PHRASES[0].upper()))[-2].text == REMOVED


@pytest.mark.parametrize("phrases", [[], ["", "a"]])
def test_a_filter_without_phrases_is_refused(phrases: list[str]) -> None:
    with pytest.raises(ValueError, match="at least one, and none of them empty"):
        PhraseFilter(phrases)
