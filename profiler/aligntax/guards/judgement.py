"""What a guard says about a text, or about logits."""

from __future__ import annotations

from typing import NamedTuple

from aligntax.trace import Verdict

__all__ = ["Judgement"]


class Judgement(NamedTuple):
    """What a guard said about one text, or one piece of a stream.

    Attributes:
        verdict: `allow`, `modify` or `block`; `error` where the guard failed and its policy lets the text pass.
        text: what goes on from here: the text as it came, or what is left of it after redaction; empty where it is
            blocked, and where logits were judged.
        hits: how many were found.
        labels: what kinds of them, in the order of their first hit: types of personal data, a classifier's label, the
            type of an error. Never anything of the text.
        score: what a classifier measured; None from guards that do not measure.
        held: of a stream, how many bytes of its text, in UTF-8, are held back after this piece.
    """

    verdict: Verdict
    text: str
    hits: int = 0
    labels: tuple[str, ...] = ()
    score: float | None = None
    held: int = 0

    def __repr__(self) -> str:
        """Say how long the text is, and not what it says: this ends up in logs."""
        return (
            f"Judgement(verdict={self.verdict.value!r}, text=<{len(self.text)} characters>, hits={self.hits}, "
            f"labels={self.labels}, score={self.score})"
        )
