"""What classifiers of texts have in common: a probability, and a threshold from which on it blocks."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

from aligntax.guards.arguments import chosen, required_share
from aligntax.guards.guard import OnError, TextGuard
from aligntax.guards.judgement import Judgement
from aligntax.trace import Stage, Verdict

__all__ = ["Classifier"]


class Classifier(TextGuard):
    """Blocks a text whose probability reaches the threshold; the score of its judgement is the probability.

    Args:
        threshold: probability from which on a text is blocked, 0 to 1.
        on_hit: "block"; there is nothing to redact.
        name, stage, on_error: see `Guard`.

    Raises:
        TypeError, ValueError: for an argument that it cannot have.
    """

    _labels: tuple[str]

    def __init__(self, threshold: float, on_hit: Literal["block"], name: str, stage: Stage, on_error: OnError) -> None:
        super().__init__(name, stage, on_error)
        self.on_hit = chosen("on_hit", on_hit, ("block",))
        self._threshold = required_share("threshold", threshold)

    @abstractmethod
    def probability(self, text: str) -> float:
        """Return how probable it is, from 0 to 1, that a text is to be blocked; raise where that cannot be told."""

    def _judge(self, text: str) -> Judgement:
        probability = self.probability(text)
        if probability < self._threshold:
            return Judgement(Verdict.ALLOW, text, score=probability)
        return Judgement(Verdict.BLOCK, "", 1, self._labels, probability)
