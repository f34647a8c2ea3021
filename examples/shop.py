"""A pipeline to measure: a model that only takes time, and guards that got faster from release to release.

    aligntax bench examples.shop:v1_4

The model and the classifier are made up; the filter for personal data and the blocklist are aligntax's own.
"""

from __future__ import annotations

from collections.abc import Callable

from aligntax import Profiler, Verdict
from aligntax.guards import PII, Blocklist
from aligntax.testing import spinning

__all__ = ["blocklist", "classifier", "prompts", "v1_0", "v1_1", "v1_2", "v1_3", "v1_4"]

MODEL_SECONDS = 0.02
PHRASES = ["forbiddenword", "another forbidden phrase"]

prompts = [
    "Where is my parcel, and why does it take so long?",
    "My number is +1 415 555 0134, please call me back about the red shoes.",
    "Write a short poem about the sea, with seven clocks in it.",
    "I would like to return the lamp that I bought in May.",
    "Please send the bill to anna.example@example.org, and not to my office.",
]

_profilers: list[Profiler] = []


def _release(classifier_seconds: float | None, *, with_blocklist: bool = True) -> Callable[[str], str]:
    """Return a pipeline; each is timed by a profiler of its own."""
    profiler = Profiler()
    _profilers.append(profiler)  # it times its layers for as long as it is there
    redact = profiler.guard(PII(), name="pii", stage="input")
    check = profiler.guard(Blocklist(PHRASES), name="blocklist", stage="input") if with_blocklist else None
    model = profiler.model(spinning(MODEL_SECONDS), name="model")
    classify = None
    if classifier_seconds is not None:
        classify = profiler.guard(spinning(classifier_seconds), name="classifier", stage="output")

    @profiler.request()
    def answer(prompt: str) -> str:
        text = redact(prompt).text
        if check is not None and check(text).verdict is Verdict.BLOCK:
            return ""
        reply = model(text)
        return str(reply if classify is None else classify(reply))

    return answer


v1_0, v1_1, v1_2, v1_3, v1_4 = (_release(seconds) for seconds in (0.0040, 0.0034, 0.0029, 0.0023, 0.0017))
blocklist, classifier = _release(None), _release(0.0017, with_blocklist=False)
