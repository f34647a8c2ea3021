"""Each measure against its definition, its published values and its limits."""

from __future__ import annotations

import math
import zlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU

from aligntax.taxes.capability import (
    compression,
    distinct,
    expectation_adjusted_distinct,
    self_bleu,
    tokenizer,
    vendi,
    vendi_of_vectors,
)

SAMPLES = st.lists(st.lists(st.sampled_from("abcde"), max_size=12), min_size=1, max_size=6)


def test_vendi_of_identical_texts_is_1() -> None:
    assert vendi(np.ones((5, 5))) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_vendi_of_orthogonal_texts_is_their_number(n: int) -> None:
    assert vendi(np.eye(n)) == pytest.approx(n, abs=1e-9)


def test_vendi_as_published() -> None:
    assert f"{vendi([[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1]]):.4f}" == "2.1573"


@given(st.integers(2, 12), st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_vendi_lies_between_1_and_n_and_is_the_entropy_of_singular_values(n: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).standard_normal((n, 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = vendi_of_vectors(vectors)
    weights = np.linalg.svd(vectors, compute_uv=False) ** 2 / n
    weights = weights[weights > 1e-15]
    assert found == pytest.approx(math.exp(-float((weights * np.log(weights)).sum())), rel=1e-6)
    assert 1 - 1e-9 <= found <= min(n, 4) + 1e-9
    # Every text twice is no more variety.
    assert vendi_of_vectors(np.repeat(vectors, 2, axis=0)) == pytest.approx(found, rel=1e-6)


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        ([[1, 0.5]], "square"),
        ([[1, 0.5], [0.4, 1]], "not symmetric"),
        ([[2, 0], [0, 2]], "ones on its diagonal"),
        ([[1, math.nan], [math.nan, 1]], "not finite"),
        ([[1, 2], [2, 1]], "eigenvalue"),
    ],
)
def test_no_kernel(kernel: list[list[float]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        vendi(kernel)


def test_distinct() -> None:
    samples = [["a", "b", "a", "b"], ["a", "b"]]
    assert distinct(samples, 1) == 2 / 6
    assert distinct(samples, 2) == 2 / 4  # ab, ba, ab; ab: none of them spans two samples
    assert distinct(samples, 3) == 2 / 2
    assert distinct(samples, 5) is None
    assert distinct([[]], 1) is None


@given(SAMPLES, st.integers(1, 4))
def test_distinct_against_counting(samples: list[list[str]], n: int) -> None:
    grams = Counter(" ".join(sample[start : start + n]) for sample in samples for start in range(len(sample) - n + 1))
    expected = len(grams) / grams.total() if grams else None
    assert distinct(samples, n) == expected


def test_ead_is_1_where_tokens_repeat_as_even_draws_do() -> None:
    count, vocabulary = 1000, 500
    expected = vocabulary * (1 - ((vocabulary - 1) / vocabulary) ** count)
    tokens = [str(min(number, round(expected) - 1)) for number in range(count)]
    assert expectation_adjusted_distinct([tokens], vocabulary) == pytest.approx(1, abs=2e-3)  # a whole number of tokens


def test_ead_can_exceed_1() -> None:
    tokens = [str(number) for number in range(100)]
    found = expectation_adjusted_distinct([tokens], 100)
    assert found == pytest.approx(100 / (100 * (1 - 0.99**100)))
    assert found is not None
    assert found > 1.5


def test_ead_of_a_huge_vocabulary_is_distinct_1() -> None:
    samples = [["a", "b", "a"]]
    assert expectation_adjusted_distinct(samples, 10**12) == pytest.approx(2 / 3, rel=1e-9)


@given(SAMPLES, st.integers(1, 10**6))
def test_ead_against_its_formula(samples: list[list[str]], vocabulary: int) -> None:
    tokens = [token for sample in samples for token in sample]
    found = expectation_adjusted_distinct(samples, vocabulary)
    if not tokens:
        assert found is None
        return
    expected = len(set(tokens)) / (vocabulary * (1 - ((vocabulary - 1) / vocabulary) ** len(tokens)))
    assert found == pytest.approx(expected, rel=1e-8)


def test_ead_needs_a_vocabulary() -> None:
    with pytest.raises(ValueError, match="vocabulary=0"):
        expectation_adjusted_distinct([["a"]], 0)


def test_self_bleu_is_sacrebleus() -> None:
    texts = ["the cat sat on the mat today", "the cat sat on a mat", "dogs never sit on any mat at all"]
    bleu = BLEU(tokenize="none", effective_order=True)
    expected = [bleu.sentence_score(text, [other for other in texts if other != text]).score for text in texts]
    assert self_bleu([text.split() for text in texts]) == pytest.approx(np.mean(expected))


def test_self_bleu_of_identical_and_of_unlike_texts() -> None:
    assert self_bleu([["a", "b", "c", "d"]] * 3) == pytest.approx(100)
    assert self_bleu([["a", "b", "c", "d"], ["e", "f", "g", "h"]]) == 0
    assert self_bleu([["a"]]) is None
    assert self_bleu([["a", "b"], []]) is None  # an empty text has nothing to repeat


def test_compression() -> None:
    texts = ["abc " * 200, "abc " * 200, "Stra\u00dfe"]
    found = compression(texts)
    plain = "\n".join(texts).encode()
    assert found.plain_bytes == len(plain) == 1600 + 7 + 2
    assert found.compressed_bytes == len(zlib.compress(plain))
    assert found.ratio == len(plain) / len(zlib.compress(plain))
    assert compression([""]).ratio is None


@pytest.mark.parametrize(
    ("name", "text", "cap", "tokens", "length", "kept"),
    [
        ("word", "Don't stop, OK?", 99, ["don", "'", "t", "stop", ",", "ok", "?"], 7, "Don't stop, OK?"),
        ("word", "One two  three", 2, ["one", "two"], 3, "One two"),
        ("word", "  \n", 5, [], 0, "  \n"),
        ("character", "\u732b \u304c", 9, ["\u732b", "\u304c"], 2, "\u732b \u304c"),
        ("word", "STRA\u00dfE \u0130x", 9, ["stra\u00dfe", "i\u0307x"], 2, "STRA\u00dfE \u0130x"),
    ],
)
def test_tokens(name: str, text: str, cap: int, tokens: list[str], length: int, kept: str) -> None:
    assert tokenizer(name)(text, cap) == (tokens, length, kept)


def test_no_tokenizer() -> None:
    with pytest.raises(ValueError, match="use word or character"):
        tokenizer("gpt")
