"""Layers inside of classes: decorated methods, and timed callables kept as class attributes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from aligntax import Profiler, Verdict
from aligntax.testing import FakeClock

from .reading import spans


def test_decorated_methods_bind_as_before(profiler: Profiler, clock: FakeClock) -> None:
    class Pipeline:
        suffix = "!"

        @profiler.guard
        def plain(self, text: str) -> str:
            clock.advance(1)
            return text + self.suffix

        @profiler.guard(name="with arguments", stage="output")
        def named(self, text: str) -> str:
            clock.advance(2)
            return text + self.suffix

        @classmethod
        @profiler.guard
        def of_class(cls, text: str) -> str:
            clock.advance(4)
            return text + cls.suffix

        @staticmethod
        @profiler.guard
        def of_nobody(text: str) -> str:
            clock.advance(8)
            return text

    class Louder(Pipeline):
        suffix = "!!"

        def plain(self, text: str) -> str:
            return super().plain(text)

    pipeline = Louder()
    with profiler.request() as request:
        assert pipeline.plain("a") == "a!!"
        assert pipeline.named("a") == "a!!"
        assert pipeline.of_class("a") == Louder.of_class("a") == "a!!"
        assert pipeline.of_nobody("a") == Pipeline.of_nobody("a") == "a"
    assert [(name, end - start) for name, start, end, _ in spans(request.trace)] == [
        ("plain", 1),
        ("with arguments", 2),
        ("of_class", 4),
        ("of_class", 4),
        ("of_nobody", 8),
        ("of_nobody", 8),
    ]


def test_guards_around_static_and_class_methods_stay_such_methods(profiler: Profiler) -> None:
    class Pipeline:
        @profiler.guard(name="static")
        @staticmethod
        def of_nobody(text: str) -> str:
            return text + "?"

        @profiler.guard(name="class")
        @classmethod
        def of_class(cls, text: str) -> str:
            return text + cls.__name__

    with profiler.request() as request:
        assert Pipeline().of_nobody("a") == Pipeline.of_nobody("a") == "a?"
        assert Pipeline().of_class("a") == Pipeline.of_class("a") == "aPipeline"
    assert isinstance(vars(Pipeline)["of_nobody"], staticmethod)
    assert isinstance(vars(Pipeline)["of_class"], classmethod)
    assert [name for name, *_ in spans(request.trace)] == ["static", "static", "class", "class"]


def test_asynchronous_and_streaming_methods(profiler: Profiler, clock: FakeClock) -> None:
    class Pipeline:
        @profiler.guard
        async def waits(self, text: str) -> str:
            return text

        @profiler.guard(stage="stream")
        def streams(self, text: str) -> Any:
            yield from text

        @profiler.guard(stage="stream")
        async def streams_slowly(self, text: str) -> Any:
            for character in text:
                yield character

    pipeline = Pipeline()
    assert inspect.iscoroutinefunction(pipeline.waits)
    assert inspect.isgeneratorfunction(pipeline.streams)
    assert inspect.isasyncgenfunction(pipeline.streams_slowly)
    with profiler.request():
        assert list(pipeline.streams("ab")) == ["a", "b"]
    assert "self" not in inspect.signature(pipeline.waits).parameters


class Redactor:
    def __init__(self) -> None:
        self.seen: list[str] = []

    def redact(self, text: str) -> str:
        self.seen.append(text)
        return text.replace("x", "_")

    def __call__(self, text: str) -> str:
        return self.redact(text)


@pytest.mark.parametrize(
    "kind",
    [lambda it: it.redact, lambda it: it, lambda it: functools.partial(it.redact)],
    ids=["bound method", "callable object", "partial"],
)
def test_timed_callables_kept_as_class_attributes_do_not_bind(
    kind: Callable[[Redactor], Callable[[str], str]], profiler: Profiler
) -> None:
    redactor = Redactor()
    untimed = kind(redactor)

    class Untimed:
        guard = untimed

    class Pipeline:
        guard = profiler.guard(untimed, name="pii")

    assert Untimed().guard("x") == "_"
    with profiler.request() as request:
        assert Pipeline().guard("x") == Pipeline.guard("x") == "_"
    assert redactor.seen == ["x"] * 3
    assert [verdict for *_, verdict in spans(request.trace)] == [Verdict.MODIFY] * 2


def test_a_timed_bound_method_is_a_bound_method(profiler: Profiler) -> None:
    redactor = Redactor()
    timed = profiler.guard(redactor.redact)
    assert inspect.ismethod(timed)
    assert timed.__self__ is redactor
    assert timed.__name__ == "redact"
    assert inspect.signature(timed) == inspect.signature(redactor.redact)


def test_a_cached_function_keeps_its_cache_and_binds(profiler: Profiler) -> None:
    calls = []

    class Pipeline:
        @profiler.guard
        @functools.lru_cache(maxsize=8)  # noqa: B019 (the point of the test)
        def scan(self, text: str) -> str:
            calls.append(text)
            return text

    pipeline = Pipeline()
    with profiler.request() as request:
        assert [pipeline.scan("a"), pipeline.scan("a"), Pipeline.scan(pipeline, "b")] == ["a", "a", "b"]
    assert calls == ["a", "b"]
    assert Pipeline.scan.cache_info().hits == 1
    Pipeline.scan.cache_clear()
    assert Pipeline.scan.cache_info().currsize == 0
    assert len(request.trace.spans) == 3
