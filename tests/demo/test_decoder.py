"""The decoder is a transformer as it should be: its cache changes what it costs, never what it says."""

from __future__ import annotations

import pytest
import torch

from aligntax.demo.decoder import Decoder, DecoderConfig, KeyValueCache, sample

TOKENS = torch.tensor([3, 1, 4, 1, 5, 9, 2, 6])


def logits(decoder: Decoder, *parts: torch.Tensor) -> torch.Tensor:
    """Read the parts one after the other, and return the last logits."""
    cache = KeyValueCache(decoder.config)
    found: torch.Tensor = [decoder(part, cache) for part in parts][-1]
    return found


@pytest.mark.parametrize("cuts", [(1, 2, 3, 4, 5, 6, 7), (5,), (3, 6)], ids=["one by one", "prompt", "three chunks"])
def test_reading_in_parts_says_the_same_as_reading_at_once(tiny: DecoderConfig, cuts: tuple[int, ...]) -> None:
    decoder = Decoder(tiny)
    torch.testing.assert_close(
        logits(decoder, *torch.tensor_split(TOKENS, cuts)), logits(decoder, TOKENS), rtol=1e-4, atol=1e-5
    )


def test_what_comes_later_changes_nothing_before_it_and_what_came_before_changes_what_follows(
    tiny: DecoderConfig,
) -> None:
    decoder = Decoder(tiny)
    cache = KeyValueCache(tiny)
    early = decoder(TOKENS[:4], cache).clone()
    decoder(TOKENS[4:], cache)
    assert torch.equal(early, logits(decoder, TOKENS[:4]))
    changed = torch.cat([torch.tensor([7]), TOKENS[1:]])
    assert not torch.allclose(logits(decoder, changed), logits(decoder, TOKENS))


def test_logits_have_one_row_of_float32_for_the_vocabulary_and_need_no_gradient(tiny: DecoderConfig) -> None:
    found = logits(Decoder(tiny), TOKENS)
    assert found.shape == (1, tiny.vocabulary)
    assert found.dtype == torch.float32
    assert not found.requires_grad
    assert found.isfinite().all()


def test_the_seed_chooses_the_weights_and_leaves_the_global_random_state_alone(tiny: DecoderConfig) -> None:
    before = torch.random.get_rng_state()
    first, again, other = (logits(Decoder(tiny, seed), TOKENS) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_default_decoder_has_tens_of_millions_of_parameters() -> None:
    config = DecoderConfig()
    in_blocks = config.layers * (12 * config.width**2 + 2 * config.width)
    embedded = (config.vocabulary + config.context + 1) * config.width
    assert Decoder(config).parameter_count == in_blocks + embedded
    assert 20_000_000 < in_blocks + embedded < 100_000_000


def test_sampling_follows_the_logits_and_never_takes_a_banned_token() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.full((1, 8), -torch.inf)
    scores[0, 2] = scores[0, 5] = 1.0
    assert {sample(scores, generator) for _ in range(64)} == {2, 5}


def test_a_full_context_is_refused_with_what_would_fit(tiny: DecoderConfig) -> None:
    decoder, cache = Decoder(tiny), KeyValueCache(tiny)
    decoder(torch.zeros(tiny.context - 1, dtype=torch.int64), cache)
    with pytest.raises(ValueError, match=r"2 tokens given where 1 to 1 fit"):
        decoder(torch.tensor([0, 0]), cache)
    with pytest.raises(ValueError, match=r"0 tokens given"):
        decoder(torch.tensor([], dtype=torch.int64), cache)
    assert cache.room == 1


@pytest.mark.parametrize("name", ["layers", "width", "heads", "vocabulary", "context"])
def test_a_shape_without_substance_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name}=0 is too small"):
        DecoderConfig(**{name: 0})


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(ValueError, match=r"width=30 is not a multiple of heads=4"):
        DecoderConfig(width=30, heads=4)
