"""What a guard is called with, and what goes on from it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aligntax import Profiler, Verdict
from aligntax.guards import Judgement
from aligntax.pytest_plugin.keeping import file_name
from aligntax.pytest_plugin.tiny_pipeline import answering, is_timed, stage_of


def model(given: Any) -> Any:
    return f"model of {given}" if isinstance(given, str) else [*given, "model"]


async def model_async(given: Any) -> Any:
    return model(given)


def model_streaming(given: Any) -> Any:
    yield "model of "
    yield given


async def model_streaming_async(given: Any) -> Any:
    for chunk in model_streaming(given):
        yield chunk


def raising(given: Any) -> Any:
    error = RuntimeError("no")
    error.verdict = Verdict.BLOCK  # type: ignore[attr-defined]
    raise error


@pytest.mark.parametrize(
    ("guard", "handed_on"),
    [
        (str.upper, "A"),
        (lambda text: None, "a"),
        (lambda text: False, "a"),
        (lambda text: ("other", True, 0.5), "a"),
        (lambda text: Verdict.ALLOW, "a"),
        (lambda text: Judgement(Verdict.MODIFY, "b"), "b"),
        (lambda text: {"verdict": Verdict.ALLOW}, "a"),
        (lambda text: Verdict.BLOCK, None),
        (lambda text: {"verdict": Verdict.BLOCK}, None),
        (raising, None),
    ],
)
@pytest.mark.parametrize("waits", [False, True])
def test_what_a_guard_hands_on(guard: Any, handed_on: str | None, waits: bool) -> None:
    async def guard_async(text: Any) -> Any:
        return guard(text)

    def answered(pipeline: Any) -> Any:
        return asyncio.run(pipeline("a")) if waits else pipeline("a")

    chosen = guard_async if waits else guard
    assert answered(answering(chosen, None, "input")) == handed_on
    expected = None if handed_on is None else f"model of {handed_on}"
    assert answered(answering(chosen, model, "input")) == expected


def test_structures_go_on_unless_they_are_verdicts() -> None:
    assert answering(lambda messages: messages[:1], model, "input")(["a", "b"]) == ["a", "model"]
    table = {"role": "user"}
    assert answering(lambda given: {"verdict": Verdict.ALLOW}, None, "input")(table) is table


def test_a_mapper_says_what_is_blocked() -> None:
    pipeline = answering(lambda text: text == "good", model, "input", lambda result: "allow" if result else "block")
    assert (pipeline("good"), pipeline("bad")) == ("model of good", None)


def test_errors_are_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        answering(lambda text: 1 / 0, None, "input")("a")


@pytest.mark.parametrize("kind", [model, model_async, model_streaming, model_streaming_async])
def test_guards_behind_models_of_any_shape(kind: Any) -> None:
    seen = []
    pipeline = answering(seen.append, kind, "output")
    answer = pipeline("a")
    asyncio.run(answer) if asyncio.iscoroutine(answer) else None
    assert "".join(seen[0]) == "model of a"


@pytest.mark.parametrize("kind", [model_streaming, model_streaming_async, model])
@pytest.mark.parametrize("waits", [False, True])
def test_guards_that_filter_streams(kind: Any, waits: bool) -> None:
    def guard(chunks: Any) -> Any:
        for chunk in chunks:
            yield chunk.upper()

    async def guard_async(chunks: Any) -> Any:
        async for chunk in chunks:
            yield chunk.upper()

    chosen = guard_async if waits else guard
    answer = answering(chosen, kind, stage_of(chosen, None, with_model=True))("a")
    assert "".join(asyncio.run(answer) if asyncio.iscoroutine(answer) else answer) == "MODEL OF A"
    alone = answering(chosen, None, "stream")(["b", "c"])
    assert (asyncio.run(alone) if waits else alone) == ["B", "C"]


def test_timed_guards_are_known() -> None:
    class Plain:
        def __call__(self, text: str) -> str:
            return text

        def check(self, text: str) -> str:
            return text

    plain = Plain()
    with Profiler(drain_seconds=0) as profiler:

        class Timed:
            @profiler.guard(name="call")
            def __call__(self, text: str) -> str:
                return text

        timed = [
            profiler.guard(each, name=f"guard {n}") for n, each in enumerate((plain, plain.check, model, str.upper))
        ]
        assert all(map(is_timed, [*timed, Timed()]))
    assert not any(map(is_timed, [plain, plain.check, model, str.upper, Plain, 3]))


def test_each_test_has_a_file_name_of_its_own() -> None:
    long = "x" * 300
    tests = [
        "a/test_b.py::test_c[d/e]", "a/test_b.py::test_c[d-e]", "a/test_b.py::test_c[d e]", "a/test_b.py::test_c",
        "a/test_b.py::C::test_c", f"test_c[x{long}]", f"test_c[y{long}]",
        "test_b.py::test_c[..]", "test_b.py::test_c[é]",
    ]  # fmt: skip
    names = [file_name(test, number) for test in tests for number in (1, 2)]
    assert len(set(names)) == len(names)
    assert all(name.isascii() and len(name) < 150 and "/" not in name for name in names)
    assert file_name("a/test_b.py::test_c") == "a.test_b.py.test_c.json"
