"""Something else called in a guard's place: the wrapper stays, its calls are recorded, and the guard is not touched."""

from __future__ import annotations

import pytest

from aligntax import Profiler
from aligntax.recording.taps import Tap


@pytest.fixture
def profiler():
    with Profiler(drain_seconds=0) as profiler:
        yield profiler


def taps_of(profiler: Profiler, name: str) -> list[Tap]:
    row = [layer.name for layer in profiler.ledger.layers].index(name)
    return profiler.recorder.taps[row]


def test_a_diverted_guard_is_not_called_and_its_layer_is_recorded_all_the_same(profiler):
    calls = []
    guard = profiler.guard(lambda text: calls.append(text) or text.upper(), name="shout")
    (tap,) = taps_of(profiler, "shout")
    tap.divert(lambda text: text)
    with profiler.request() as request:
        assert guard("quiet") == "quiet"
    assert calls == []
    assert [span.layer.name for span in request.trace.spans] == ["shout"]
    tap.restore()
    assert guard("loud") == "LOUD"
    assert calls == ["loud"]


def test_a_metered_call_is_diverted_as_well():
    with Profiler(drain_seconds=0, cpu_share=1) as metering:
        guard = metering.guard(str.upper, name="shout")
        taps_of(metering, "shout")[0].divert(lambda text: text)
        with metering.request():
            assert guard("quiet") == "quiet"


@pytest.mark.parametrize("kind", [staticmethod, classmethod])
def test_bound_counts_the_arguments_that_are_not_the_callers(profiler, kind):
    class Guards:
        def method(self, text):
            return text

        other = kind((lambda text: text) if kind is staticmethod else (lambda cls, text: text))

    profiler.guard(Guards().method, name="method")
    profiler.guard(vars(Guards)["other"], name="other")
    assert taps_of(profiler, "method")[0].bound == 1
    assert taps_of(profiler, "other")[0].bound == (kind is classmethod)


async def test_coroutines_and_generators_are_diverted_too(profiler):
    @profiler.guard(name="async")
    async def later(text):
        return text.upper()

    @profiler.guard(name="stream")
    def chunks(items):
        for item in items:
            yield item.upper()

    @profiler.guard(name="async stream")
    async def later_chunks(items):
        for item in items:
            yield item.upper()

    async def as_it_is(text):
        return text

    async def all_of_them(items):
        for item in items:
            yield item

    taps_of(profiler, "async")[0].divert(as_it_is)
    taps_of(profiler, "stream")[0].divert(iter)
    taps_of(profiler, "async stream")[0].divert(all_of_them)
    with profiler.request():
        assert await later("quiet") == "quiet"
        assert list(chunks(["a", "b"])) == ["a", "b"]
        assert [item async for item in later_chunks(["a", "b"])] == ["a", "b"]


def test_what_stands_in_for_a_guard_is_said_when_it_is_wrapped_or_by_the_guard_itself(profiler):
    class Described:
        def __call__(self, text):
            return {"text": text}

        def bypass(self, text):
            return {"text": text, "unread": True}

    def passing(text):
        return text

    profiler.guard(str.upper, name="given", bypass=passing)
    described = Described()
    profiler.guard(described, name="described")
    assert taps_of(profiler, "given")[0].stand_in is passing
    stand_in = taps_of(profiler, "described")[0].stand_in
    assert stand_in is not None
    assert stand_in("x") == {"text": "x", "unread": True}


def test_a_bypass_that_cannot_be_called_is_refused(profiler):
    with pytest.raises(TypeError, match="bypass='no' is not callable"):
        profiler.guard(str.upper, name="shout", bypass="no")
