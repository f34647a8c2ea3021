"""What a stream said: the gravest of what its items said."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator

import pytest

from aligntax import Outcome, Profiler, Verdict

from .reading import dropped


@pytest.mark.parametrize(
    ("items", "result", "verdict"),
    [
        (["a"], None, Verdict.ALLOW),
        ([Verdict.MODIFY, "a"], None, Verdict.MODIFY),
        ([Verdict.MODIFY, Verdict.BLOCK, Verdict.ERROR], None, Verdict.BLOCK),
        (["a"], Verdict.BLOCK, Verdict.BLOCK),
        ([("text", Verdict.MODIFY)], Verdict.ALLOW, Verdict.MODIFY),
        ([], None, Verdict.ALLOW),
    ],
)
def test_the_gravest_verdict_of_its_items_is_a_streams(
    items: list[object], result: object, verdict: Verdict, profiler: Profiler
) -> None:
    @profiler.guard(stage="stream")
    def guard() -> Generator[object, None, object]:
        yield from items
        return result

    with profiler.request() as request:
        assert list(guard()) == items
    assert [span.verdict for span in request.trace.spans] == [*[None] * len(items), verdict]


def test_a_mapper_judges_every_item_and_nothing_else(profiler: Profiler) -> None:
    judged = []

    def mapper(chunk: str) -> str:
        judged.append(chunk)
        return "block" if "bad" in chunk else "allow"

    @profiler.guard(stage="stream", verdict=mapper)
    def guard() -> Iterator[str]:
        yield "good"
        yield "bad"

    with profiler.request() as request:
        list(guard())
    assert judged == ["good", "bad"]
    assert request.outcome is Outcome.BLOCKED_OUTPUT
    assert dropped(profiler) == {}


@pytest.mark.parametrize(
    ("items", "verdict"),
    [(["a"], Verdict.ALLOW), ([Verdict.MODIFY, "a"], Verdict.MODIFY), ([Verdict.BLOCK, "a"], Verdict.BLOCK)],
)
async def test_the_gravest_verdict_of_its_items_is_an_asynchronous_streams(
    items: list[object], verdict: Verdict, profiler: Profiler
) -> None:
    @profiler.guard(stage="stream")
    async def guard() -> AsyncIterator[object]:
        for item in items:
            yield item

    async with profiler.request() as request:
        assert [item async for item in guard()] == items
    assert request.trace.spans[-1].verdict is verdict


async def test_a_mapper_that_raises_on_an_item_makes_an_error_and_no_exception(profiler: Profiler) -> None:
    def mapper(item: int) -> str:
        return {0: "allow", 1: "modify"}[item]

    @profiler.guard(stage="stream", verdict=mapper)
    async def guard() -> AsyncIterator[int]:
        for number in range(3):
            yield number

    async with profiler.request() as request:
        assert [number async for number in guard()] == [0, 1, 2]
    assert request.trace.spans[-1].verdict is Verdict.ERROR
    assert dropped(profiler) == {"verdict_mapper": 1}
