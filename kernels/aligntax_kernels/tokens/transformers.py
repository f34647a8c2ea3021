"""Bans as logits processors of Hugging Face transformers, to be put where its own ones are; needs `transformers`.

    from aligntax_kernels.tokens.transformers import NoBadWordsLogitsProcessor
    model.generate(..., logits_processor=[NoBadWordsLogitsProcessor(bad_words_ids, eos_token_id, in_place=True)])

Each gives the bits that transformers' processor of the same name gives, on scores that are finite or minus infinity.
Theirs adds a bias of minus infinity, so that a banned score of infinity or NaN becomes NaN, and can be sampled; ours is
minus infinity whatever it was.

A processor of transformers returns new scores, and these do too by default, so that nothing a caller kept is changed.
The copy then takes nearly all of the time. With `in_place=True` the given scores are changed and returned: safe in
`generate`, which passes a copy of the model's output, unless it was asked for the raw logits (`output_logits=True`),
which are that same copy and would show the bans.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import index
from typing import Any

from aligntax_kernels.tokens.bans import TokenBans
from aligntax_kernels.tokens.rules import MOST_TOKENS, token_sequence

try:
    import torch
    from transformers import LogitsProcessor
except ModuleNotFoundError as error:
    raise ImportError(
        f"the logits processors need {error.name}; install it with: pip install 'aligntax[transformers]'"
    ) from error

__all__ = ["BansLogitsProcessor", "NoBadWordsLogitsProcessor", "SuppressTokensLogitsProcessor"]


class BansLogitsProcessor(LogitsProcessor):
    """Applies any `TokenBans`, such as one made by `TokenBans.from_bytes`, which holds in every tokenization.

    It keeps no state between calls, because a beam search reorders the rows without saying so: where each row stands is
    found from its last tokens, which costs less than telling whether a kept state still holds.
    """

    def __init__(self, bans: TokenBans, *, in_place: bool = False) -> None:
        """Wrap bans.

        Args:
            bans: what is banned.
            in_place: change the given scores instead of copying them; see the module.
        """
        self.bans = bans
        self.in_place = in_place
        # transformers' continuous batching does not pass what was said before, on which longer bans depend. Its own
        # processors leave this unknown, and then miss them.
        self.supports_continuous_batching = bans.longest <= 1

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """Return scores in which what must not follow is minus infinity.

        Args:
            input_ids: int64, (rows, length): all that each row has read.
            scores: float32, float16 or bfloat16, (rows, vocabulary), on the same device.

        Raises:
            ValueError: for scores narrower than the vocabulary of the bans.
        """
        banned = scores if self.in_place else self._copied(scores)
        self.bans.apply_after(banned, input_ids)
        return banned

    def _copied(self, scores: Any) -> Any:
        return scores.clone(memory_format=torch.contiguous_format)


class NoBadWordsLogitsProcessor(BansLogitsProcessor):
    """Bans sequences of tokens, as transformers' processor of this name does, at a small part of its cost."""

    def __init__(
        self,
        bad_words_ids: Sequence[Sequence[int]],
        eos_token_id: int | Sequence[int] | torch.Tensor | None = None,
        *,
        in_place: bool = False,
    ) -> None:
        """Compile the bans.

        Args:
            bad_words_ids: token ids, each sequence with one at least.
            eos_token_id: the end of the sequence: a sequence of only this token, or of only one of these, is not
                banned, because nothing would end.
            in_place: change the given scores instead of copying them; see the module. An allowed -0.0 then stays one,
                which transformers turns into 0.0.

        Raises:
            TypeError: where something is no integer.
            ValueError: for an empty sequence, a negative token, and where nothing is left to ban.
        """
        ends = _ends(eos_token_id)
        sequences = [_sequence(f"bad_words_ids[{place}]", given) for place, given in enumerate(bad_words_ids)]
        kept = [sequence for sequence in sequences if not (len(sequence) == 1 and sequence[0] in ends)]
        if not kept:
            raise ValueError(
                f"bad_words_ids: nothing is left to ban of {len(sequences)} sequences, without those that are only "
                "an end of the sequence; leave the processor out"
            )
        super().__init__(_bans(kept), in_place=in_place)

    def _copied(self, scores: Any) -> Any:
        # Theirs adds a bias of 0.0 to what is allowed, which makes 0.0 of -0.0. It costs no more than a copy.
        return (scores + 0.0).contiguous()


class SuppressTokensLogitsProcessor(BansLogitsProcessor):
    """Bans single tokens everywhere, as transformers' processor of this name does, at a small part of its cost."""

    def __init__(
        self,
        suppress_tokens: Iterable[int],
        device: str = "cpu",  # noqa: ARG002 (theirs has it)
        *,
        in_place: bool = False,
    ) -> None:
        """Compile the bans.

        Args:
            suppress_tokens: token ids; none at all bans nothing.
            device: ignored: bans follow the scores. transformers' processor takes it.
            in_place: change the given scores instead of copying them; see the module.

        Raises:
            TypeError: where something is no integer.
            ValueError: for a negative token.
        """
        sequences = [_sequence(f"suppress_tokens[{place}]", [token]) for place, token in enumerate(suppress_tokens)]
        super().__init__(_bans(sequences), in_place=in_place)


def _ends(given: Any) -> frozenset[int]:
    if given is None:
        return frozenset()
    if isinstance(given, torch.Tensor):
        given = given.tolist()
    return frozenset(map(index, given if isinstance(given, Iterable) else [given]))


def _sequence(name: str, given: Sequence[int]) -> tuple[int, ...]:
    # How wide the logits are is not known yet; they are refused where they lack a banned token.
    return token_sequence(name, given, MOST_TOKENS)


def _bans(sequences: Sequence[Sequence[int]]) -> TokenBans:
    largest = max((token for sequence in sequences for token in sequence), default=0)
    return TokenBans(sequences, largest + 1)
