"""Pattern sets on every backend, and on both engines whatever the planner would choose."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from aligntax_kernels import literals

ENGINES = ("reference", "chosen", "sieve", "automaton")


@contextmanager
def engine(name: str) -> Iterator[str]:
    """Yield the backend for an engine, with the planner made to choose it wherever it can."""
    from aligntax_kernels.literals import plan

    with pytest.MonkeyPatch.context() as patch:
        cost = {"sieve": float("inf"), "automaton": 1e-9}.get(name)
        if cost is not None:
            patch.setattr(plan, "_AUTOMATON_COST", cost)
            patch.setattr(plan, "_LARGE_AUTOMATON_COST", cost)
        yield "reference" if name == "reference" else "cpu"


@pytest.fixture(params=ENGINES)
def compiled(request: pytest.FixtureRequest):
    """`literals.compile`, on one engine."""

    def make(patterns, **options):
        with engine(request.param) as backend:
            return literals.compile(patterns, **options, backend=backend)

    make.engine = request.param
    return make


@pytest.fixture
def on_every_engine():
    """`literals.compile` on all engines: for property tests, which make many sets."""

    def make(patterns, **options):
        sets = {}
        for name in ENGINES:
            with engine(name) as backend:
                sets[name] = literals.compile(patterns, **options, backend=backend)
        return sets

    return make


@pytest.fixture
def streamed():
    """Feed a text to a new stream, cut at the given places, and return what came out."""

    def feed(words, text, cuts, replacement="█"):
        stream = words.stream(replacement)
        output = text[:0]
        for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
            output += stream.feed(text[begin:end])
        return output + stream.finish() if text else stream.finish()

    return feed
