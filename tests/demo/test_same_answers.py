"""Plain guards and built-in ones say the same, so that comparing their times is fair."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aligntax import Verdict
from aligntax.demo.kernel_guards import kernel_guards
from aligntax.demo.layers import Guards, text_of, verdict_of
from aligntax.demo.phrases import BLOCKED_PHRASES, FILTERED_PHRASES, MADE_UP, allowed_tokens, made_up_phrases
from aligntax.demo.plain_guards import plain_guards
from aligntax.demo.prompts import shipped_prompts
from aligntax.demo.tokenizer import WordTokenizer

SIZE = 1_000
TOKENIZER = WordTokenizer(shipped_prompts(), SIZE)
ALLOWED = allowed_tokens(TOKENIZER.words, SIZE)


def never(text: str) -> Verdict:
    return Verdict.ALLOW


PLAIN, BUILT_IN = plain_guards(never, ALLOWED), kernel_guards(never, ALLOWED)


def filtered(guards: Guards, chunks: list[str]) -> list[tuple[str, Verdict]]:
    stream = guards.filter()
    next(stream)
    return [(said.text, verdict_of(said)) for said in [*map(stream.send, chunks), *stream]]


@pytest.mark.parametrize("prompt", shipped_prompts())
def test_every_shipped_prompt_is_judged_alike(prompt: str) -> None:
    redacted = text_of(PLAIN.redact(prompt))
    assert text_of(BUILT_IN.redact(prompt)) == redacted
    assert verdict_of(BUILT_IN.check(redacted)) is verdict_of(PLAIN.check(redacted))
    words = [TOKENIZER.decode([token]) for token in TOKENIZER.encode(prompt)]
    assert filtered(BUILT_IN, words) == filtered(PLAIN, words)


@given(
    st.lists(st.sampled_from([*BLOCKED_PHRASES[:6], "pipe", " bomb", "RANSOM", "ware", "x", " ", "É"]), max_size=6)
    .map("".join)
    .flatmap(lambda text: st.sampled_from([text, text.upper(), text.title()]))
)
def test_every_prompt_is_blocked_by_both_or_none(text: str) -> None:
    assert verdict_of(BUILT_IN.check(text)) is verdict_of(PLAIN.check(text))


@given(st.lists(st.sampled_from([*FILTERED_PHRASES[:8], "pass", "word", " bank", "SECRET", "sal", "ary", "x"])))
def test_every_stream_is_filtered_alike_chunk_by_chunk(chunks: list[str]) -> None:
    assert filtered(BUILT_IN, chunks) == filtered(PLAIN, chunks)


def test_the_same_logits_are_banned() -> None:
    logits = torch.randn(1, SIZE, generator=torch.Generator().manual_seed(0))
    plain, built_in = logits.clone(), logits.clone()
    PLAIN.mask(plain)
    BUILT_IN.mask(built_in)
    assert torch.equal(plain, built_in)
    assert np.array_equal(np.isfinite(plain.numpy()[0]), ALLOWED)


def test_made_up_phrases_are_many_different_and_in_no_prompt() -> None:
    phrases = made_up_phrases(MADE_UP)
    assert len(set(phrases)) == len(phrases) == MADE_UP == 1_000
    assert set(phrases) < set(BLOCKED_PHRASES)
    assert set(phrases) < set(FILTERED_PHRASES)
    assert not any(word in " ".join(shipped_prompts()) for phrase in phrases for word in phrase.split())
    assert all(phrase.islower() and phrase.isascii() for phrase in phrases)
