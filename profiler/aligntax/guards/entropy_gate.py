"""How sure a model is of its next token."""

from __future__ import annotations

from typing import Any, Literal

from aligntax.guards.arguments import chosen
from aligntax.guards.guard import Guard, OnError
from aligntax.guards.judgement import Judgement
from aligntax.trace import Stage, Verdict
from aligntax_kernels import entropy

__all__ = ["EntropyGate"]


class EntropyGate(Guard):
    """Blocks where a model is less sure of its next token, or surer, than it may be.

        entropy = -sum(p * log(p)) of each row's softmax, in nats
        block if a row's entropy > above or < below; else allow

    Compiled when it is made.

    Args:
        above: a row with more entropy than this, in nats, is a hit; None for no such bound.
        below: a row with less entropy than this, in nats, is a hit; None for no such bound.
        cuda: whether to compile for the current CUDA device as well.
        on_hit: "block"; there is nothing to redact.
        name, stage, on_error: see `Guard`.

    Raises:
        TypeError, ValueError: for bounds that are no such numbers, or none at all.
    """

    stages = ("decode",)

    def __init__(
        self,
        above: float | None = None,
        *,
        below: float | None = None,
        cuda: bool = False,
        on_hit: Literal["block"] = "block",
        name: str = "entropy_gate",
        stage: Stage = "decode",
        on_error: OnError = "closed",
    ) -> None:
        super().__init__(name, stage, on_error)
        self.on_hit = chosen("on_hit", on_hit, ("block",))
        for argument, bound in (("above", above), ("below", below)):
            if bound is not None and (isinstance(bound, bool) or not isinstance(bound, (int, float))):
                raise TypeError(f"{argument}: got {bound!r}; pass a number of nats")
            if bound is not None and not bound >= 0:
                raise ValueError(f"{argument}={bound!r}: entropy is never negative; pass 0 or more nats")
        if above is None and below is None:
            raise ValueError("above and below are missing, so that nothing would be blocked; pass one, in nats")
        self._above = float("inf") if above is None else float(above)
        self._below = float("-inf") if below is None else float(below)
        entropy.warm(cuda=cuda)

    def bypass(self, logits: Any) -> Judgement:  # noqa: ARG002 (called like the guard)
        """Leave logits as they are: what experiments call instead of the guard, to tell what it costs."""
        return Judgement(Verdict.ALLOW, "")

    def __call__(self, logits: Any) -> Judgement:
        """Judge logits; the score is the mean entropy of the rows, in nats.

        Args:
            logits: float32, float16 or bfloat16, (rows, vocabulary) or (vocabulary,); a numpy array or a torch tensor.

        Raises:
            TypeError, ValueError: as `aligntax_kernels.entropy.statistics`, for logits that are no distribution too.
                Only under the policy `closed`.
        """
        try:
            found = entropy.statistics(logits).entropy.reshape(-1)
        except Exception as error:
            return self._failed(error, "")
        over = int((found > self._above).sum())
        under = int((found < self._below).sum())
        score = float(found.mean()) if len(found) else None
        if not over + under:
            return Judgement(Verdict.ALLOW, "", score=score)
        labels = ("above",) * bool(over) + ("below",) * bool(under)
        return Judgement(Verdict.BLOCK, "", over + under, labels, score)
