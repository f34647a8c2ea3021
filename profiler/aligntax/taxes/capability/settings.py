"""What a user chooses about the capability tax."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aligntax.inference import CONFIDENCE
from aligntax.taxes.capability.lines import MAX_SAMPLES, Fields
from aligntax.taxes.capability.tokens import TOKENIZERS

__all__ = ["MAX_ACROSS", "MAX_PROMPTS", "Settings"]

MAX_PROMPTS = 1_000_000
MAX_ACROSS = 1_000
_FEWEST_ACROSS = 2


@dataclass(frozen=True, slots=True)
class Settings:
    """How to measure; the same for both arms.

    Attributes:
        k: how many samples of each prompt, the first ones, at least 1; None: as many as there are, which must then be
            as many for every prompt of both arms.
        max_tokens: what of a sample is measured, at least 1; its length is measured without the cap.
        tokenizer: see `tokenizer`.
        vocabulary: of EAD; None: as many different tokens as both arms have.
        embedding: of the Vendi score, a function of a list of texts or its `package.module:function`; None: TF-IDF.
        detector: of refusals; see `Detector`.
        phrases: likewise.
        prompts: how many prompts to measure at most, drawn at random; 0: all of them.
        across: how many of them, at most, to measure across prompts: the Vendi score's time grows with its third power.
        margin: which change is still none: a share of raw, and of over-refusal the difference itself. At least 0.
        seed: of all draws.
        confidence: of all intervals.
        fields: names in the files.

    Raises:
        ValueError: if one of them is out of range.
    """

    k: int | None = None
    max_tokens: int = 1024
    tokenizer: str = "word"
    vocabulary: int | None = None
    embedding: str | Callable[[list[str]], Any] | None = None
    detector: str | Callable[[str], Any] | None = None
    phrases: Path | None = None
    prompts: int = 5_000
    across: int = 500
    margin: float = 0.05
    seed: int = 0
    confidence: float = CONFIDENCE
    fields: Fields = field(default_factory=Fields)

    def __post_init__(self) -> None:
        """Find out whether they go."""
        if self.k is not None and not 1 <= self.k <= MAX_SAMPLES:
            raise ValueError(f"k={self.k} must lie between 1 and {MAX_SAMPLES}")
        if self.vocabulary is not None and self.vocabulary < 1:
            raise ValueError(
                f"vocabulary={self.vocabulary} must be at least 1; leave it out to count both arms' tokens"
            )
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens={self.max_tokens} must be at least 1")
        if self.tokenizer not in TOKENIZERS:
            raise ValueError(f"tokenizer={self.tokenizer!r} is unknown; use {' or '.join(TOKENIZERS)}")
        if not 0 <= self.prompts <= MAX_PROMPTS:
            raise ValueError(f"prompts={self.prompts} must lie between 0, for all of them, and {MAX_PROMPTS:,}")
        if not _FEWEST_ACROSS <= self.across <= MAX_ACROSS:
            raise ValueError(
                f"across={self.across} must lie between {_FEWEST_ACROSS} and {MAX_ACROSS:,}: across prompts all texts "
                "are compared with each other, which takes the memory of its square and the time of its third power"
            )
        if not self.margin >= 0:
            raise ValueError(f"margin={self.margin} must be 0 or more")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed={self.seed} must lie between 0 and 2^63 - 1")
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence={self.confidence} must lie between 0 and 1")
