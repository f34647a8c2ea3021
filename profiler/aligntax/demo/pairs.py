"""Each prompt through two pipelines, in random order, so that whatever the machine does meanwhile meets both alike."""

from __future__ import annotations

import random
from typing import Any

from aligntax.demo.pipeline import Pipeline
from aligntax.demo.refund import Refund
from aligntax.profiler import Profiler

__all__ = ["Pairs"]

BEFORE, AFTER = "plain Python guards", "the built-in ones"


class Pairs:
    """The same model twice: behind plain guards, and behind the built-in ones.

    Args:
        pipeline: the model behind the built-in guards, not measured yet.
        seed: chooses which of the two comes first each time.

    Attributes:
        before, after: the two pipelines.
    """

    def __init__(self, pipeline: Pipeline, seed: int = 0) -> None:
        self.after = pipeline
        self.before = pipeline.behind_plain_guards()
        self._order = random.Random(seed)  # noqa: S311 (chooses an order, and hides nothing)
        self._refund = Refund()
        self._measured = False

    def measure(self, before: Profiler, after: Profiler) -> None:
        """Have every request timed from now on, each pipeline's by a profiler of its own.

        Raises:
            RuntimeError: if they are timed already.
        """
        self.before.measure(before)
        self.after.measure(after)
        self._measured = True

    def answer(self, prompt: str) -> None:
        """Have `prompt` answered by both, one after the other."""
        arms = [self.before, self.after]
        first = self._order.randrange(2)
        if not self._measured:
            for arm in (first, 1 - first):
                arms[arm].answer(prompt)
            return
        requests = {arm: arms[arm].request(prompt) for arm in (first, 1 - first)}
        if all(request.outcome.comparable for request in requests.values()):
            self._refund.add(requests[0].tax, requests[1].tax)

    def refund(self) -> dict[str, Any]:
        """Return what the built-in guards save, as plain data; see `Refund.to_dict`."""
        return {"before": BEFORE, "after": AFTER, **self._refund.to_dict()}

    def close(self) -> None:
        """Stop the classifier's thread, which both share."""
        self.after.close()
