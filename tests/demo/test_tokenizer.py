"""Words and bytes: what goes in comes out, and every number is in range."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntax.demo.tokenizer import WordTokenizer

TEXTS = ["the cat and the hat", "über dem Café, the end"]
SIZE = 300


@given(st.text() | st.lists(st.sampled_from(["the", "cat", "Café", " ", ",", "\n", "\x00"])).map("".join))
def test_decoding_gives_back_what_was_encoded(text: str) -> None:
    tokenizer = WordTokenizer(TEXTS, SIZE)
    tokens = tokenizer.encode(text)
    assert tokenizer.decode(tokens) == text
    assert all(0 <= token < tokenizer.used <= tokenizer.size for token in tokens)


def test_a_known_word_is_one_token_with_its_space_and_an_unknown_one_is_its_bytes() -> None:
    tokenizer = WordTokenizer(TEXTS, SIZE)
    assert tokenizer.encode("the cat") == [tokenizer.words["the"], tokenizer.words[" cat"]]
    assert tokenizer.encode("dog") == list(b"dog")


def test_the_most_frequent_words_are_kept_where_there_is_no_room_for_all() -> None:
    tokenizer = WordTokenizer(["rare common common"], 257)
    assert tokenizer.words == {" common": 256}


def test_padding_decodes_to_nothing() -> None:
    tokenizer = WordTokenizer(TEXTS, SIZE)
    assert tokenizer.used < SIZE
    assert tokenizer.decode([tokenizer.used, SIZE - 1]) == ""


def test_a_lone_surrogate_and_a_part_of_a_character_are_no_errors() -> None:
    tokenizer = WordTokenizer(TEXTS, SIZE)
    assert tokenizer.encode("\ud800") == [0xED, 0xA0, 0x80]
    assert tokenizer.decode([0xC3]) == "�"


def test_a_vocabulary_without_room_for_words_is_refused() -> None:
    with pytest.raises(ValueError, match=r"size=256 .* at least 257"):
        WordTokenizer(TEXTS, 256)
