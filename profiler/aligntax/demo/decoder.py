"""A decoder-only transformer with a key-value cache, built from a configuration.

Its weights are random. That does not matter for time: a forward pass does the same multiplications on the same
amount of memory whatever the values are. It matters for the text, which is a salad of words.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

_WEIGHT_DEVIATION = 0.02


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """The shape of a decoder; the default one has 30 million parameters, and as many tokens as GPT-2.

    Attributes:
        layers, width, heads: transformer blocks, size of the residual stream, attention heads per block.
        vocabulary: how many tokens there are.
        context: how many tokens fit, the prompt's and the answer's together.

    Raises:
        ValueError: if a number is below 1, or `heads` does not divide `width`.
    """

    layers: int = 6
    width: int = 384
    heads: int = 6
    vocabulary: int = 50_257
    context: int = 512

    def __post_init__(self) -> None:
        for name in ("layers", "width", "heads", "vocabulary", "context"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"{name}={value} is too small; use at least 1")
        if self.width % self.heads:
            raise ValueError(f"width={self.width} is not a multiple of heads={self.heads}; change one of them")


class KeyValueCache:
    """What attention has seen so far of one sequence: keys and values, (layers, heads, context, width / heads) each."""

    def __init__(self, config: DecoderConfig) -> None:
        shape = (config.layers, config.heads, config.context, config.width // config.heads)
        self._keys = torch.empty(shape)
        self._values = torch.empty(shape)
        self.length = 0

    @property
    def room(self) -> int:
        """How many tokens still fit."""
        return self._keys.shape[2] - self.length

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Store the newest tokens of one layer, (heads, tokens, width / heads), and return those of all tokens."""
        end = self.length + keys.shape[1]
        self._keys[layer, :, self.length : end] = keys
        self._values[layer, :, self.length : end] = values
        return self._keys[layer, :, :end], self._values[layer, :, :end]


class Block(nn.Module):
    """Attention and a feed-forward network, each normalised before and added to the residual stream."""

    def __init__(self, config: DecoderConfig, layer: int) -> None:
        super().__init__()
        self._layer = layer
        self._heads = config.heads
        self.attention_norm = nn.RMSNorm(config.width)
        self.projection = nn.Linear(config.width, 3 * config.width, bias=False)
        self.attention_out = nn.Linear(config.width, config.width, bias=False)
        self.feed_forward_norm = nn.RMSNorm(config.width)
        self.feed_forward = nn.Sequential(
            nn.Linear(config.width, 4 * config.width, bias=False),
            nn.GELU(),
            nn.Linear(4 * config.width, config.width, bias=False),
        )

    def forward(self, stream: Tensor, cache: KeyValueCache, mask: Tensor | None) -> Tensor:
        """Return the residual stream, (tokens, width), after this block."""
        tokens, width = stream.shape
        projected = self.projection(self.attention_norm(stream))
        queries, keys, values = projected.view(tokens, 3, self._heads, -1).permute(1, 2, 0, 3)
        keys, values = cache.extend(self._layer, keys, values)
        attended = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
        stream = stream + self.attention_out(attended.transpose(0, 1).reshape(tokens, width))
        return stream + self.feed_forward(self.feed_forward_norm(stream))  # type: ignore[no-any-return]


class Decoder(nn.Module):
    """A decoder-only transformer of a given shape, with random weights.

    Args:
        config: its shape.
        seed: chooses the weights, which are reproducible and leave torch's global random state alone.
    """

    def __init__(self, config: DecoderConfig, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        with torch.random.fork_rng(devices=()):  # modules initialise themselves from the global state
            self.embedding = nn.Embedding(config.vocabulary, config.width)
            self.positions = nn.Embedding(config.context, config.width)
            self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.layers))
            self.norm = nn.RMSNorm(config.width)
        self.requires_grad_(False)
        generator = torch.Generator().manual_seed(seed)
        for parameter in self.parameters():
            if parameter.ndim == 1:
                parameter.fill_(1.0)
            else:
                parameter.normal_(0.0, _WEIGHT_DEVIATION, generator=generator)

    @property
    def parameter_count(self) -> int:
        """How many weights there are; the embedding is also the output layer, and counts once."""
        return sum(parameter.numel() for parameter in self.parameters())

    @torch.no_grad()
    def forward(self, tokens: Tensor, cache: KeyValueCache) -> Tensor:
        """Read the next tokens of a sequence and return the logits of the one that follows.

        Args:
            tokens: int64, (tokens,): the prompt first, later the newest token alone.
            cache: what was read before; the new tokens are added to it.

        Returns:
            float32 logits, (1, vocabulary).

        Raises:
            ValueError: if there is no token, or if the context cannot hold them all.
        """
        count = len(tokens)
        if not 0 < count <= cache.room:
            raise ValueError(f"{count} tokens given where 1 to {cache.room} fit; use a larger DecoderConfig.context")
        end = cache.length + count
        stream = self.embedding(tokens) + self.positions.weight[cache.length : end]
        mask = torch.ones(count, end, dtype=torch.bool).tril(cache.length) if count > 1 else None
        for block in self.blocks:
            stream = block(stream, cache, mask)
        cache.length = end
        return functional.linear(self.norm(stream[-1:]), self.embedding.weight)


@torch.no_grad()
def sample(logits: Tensor, generator: torch.Generator) -> int:
    """Return a token drawn with the probabilities that `logits`, (1, vocabulary), stand for.

    One random number is enough; `torch.multinomial` draws one for each token, which takes milliseconds.
    """
    reached = logits[0].softmax(-1, dtype=torch.float64).cumsum(-1)
    drawn = 1 - torch.rand(1, dtype=torch.float64, generator=generator)  # above 0, so that no banned token is reached
    return int(torch.searchsorted(reached, drawn * reached[-1]))
