"""Calls in progress: hung threads, suspended coroutines and open streams, each under its own layer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from aligntax import Profiler


class Hang:
    """A guard that hangs in a thread of its own until it is released."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self._release = threading.Event()
        self._threads: list[threading.Thread] = []

    def __call__(self, text: str) -> str:
        self.entered.set()
        assert self._release.wait(10)
        return text

    def start(self, call: Callable[[], object]) -> None:
        self.entered.clear()
        self._threads.append(threading.Thread(target=call))
        self._threads[-1].start()
        assert self.entered.wait(10)

    def release(self) -> None:
        self._release.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def hang() -> Iterator[Hang]:
    hang = Hang()
    yield hang
    hang.release()


@pytest.mark.parametrize("cpu_share", [0.0, 1.0])
@pytest.mark.parametrize("kind", ["function", "object", "method"])
def test_a_call_that_hangs_is_seen_while_it_hangs(
    kind: str, cpu_share: float, hang: Hang, make_profiler: Callable[..., Profiler]
) -> None:
    profiler = make_profiler(cpu_share=cpu_share)
    wrapped = {"function": lambda text: hang(text), "object": hang, "method": hang.__call__}[kind]
    guard = profiler.guard(wrapped, name="hangs")
    profiler.guard(len, name="idle")

    def serve() -> None:
        with profiler.request():
            guard("x")

    hang.start(serve)
    assert profiler.in_progress() == {"hangs": 1, "idle": 0}
    hang.start(lambda: guard("outside of any request"))
    assert profiler.in_progress() == {"hangs": 2, "idle": 0}
    hang.release()
    assert profiler.in_progress() == {"hangs": 0, "idle": 0}


@pytest.mark.parametrize("mapper", [None, lambda _: "allow"], ids=["no mapper", "mapper"])
def test_equal_guards_are_told_apart(
    mapper: Callable[[object], str] | None, hang: Hang, make_profiler: Callable[..., Profiler]
) -> None:
    profiler, other = make_profiler(), make_profiler()
    first = profiler.guard(lambda text: hang(text), name="first", verdict=mapper)
    second = profiler.guard(lambda text: hang(text), name="second", verdict=mapper)
    elsewhere = other.guard(lambda text: hang(text), name="elsewhere", verdict=mapper)
    hang.start(lambda: second("x"))
    assert profiler.in_progress() == {"first": 0, "second": 1}
    assert other.in_progress() == {"elsewhere": 0}
    hang.start(lambda: elsewhere("x"))
    assert other.in_progress() == {"elsewhere": 1}
    assert profiler.in_progress() == {"first": 0, "second": 1}
    hang.start(lambda: first("x"))
    assert profiler.in_progress() == {"first": 1, "second": 1}


def test_nested_and_recursive_calls_are_each_in_progress(hang: Hang, profiler: Profiler) -> None:
    @profiler.guard
    def walk(depth: int) -> str:
        return walk(depth - 1) if depth else hang("x")

    outer = profiler.guard(lambda: walk(2), name="outer")
    hang.start(outer)
    assert profiler.in_progress() == {"walk": 3, "outer": 1}


@pytest.mark.parametrize("cpu_share", [0.0, 1.0])
async def test_suspended_guards_blocks_and_streams(cpu_share: float, make_profiler: Callable[..., Profiler]) -> None:
    profiler = make_profiler(cpu_share=cpu_share)
    release = asyncio.Event()

    @profiler.guard
    async def waits() -> None:
        await release.wait()

    @profiler.guard(stage="stream")
    def stream() -> Iterator[int]:
        yield from range(2)

    @profiler.guard(stage="stream")
    async def later() -> AsyncIterator[int]:
        for number in range(2):
            yield number

    nothing = {"waits": 0, "stream": 0, "later": 0}
    async with profiler.request():
        tasks = [asyncio.create_task(waits()) for _ in range(3)]
        await asyncio.sleep(0)
        assert profiler.in_progress() == {**nothing, "waits": 3}
        release.set()
        await asyncio.gather(*tasks)
        items, more = stream(), later()
        assert profiler.in_progress() == nothing
        assert (next(items), await anext(more)) == (0, 0)
        assert profiler.in_progress() == {**nothing, "stream": 1, "later": 1}
        assert (list(items), [number async for number in more]) == ([1], [1])
        assert profiler.in_progress() == nothing
        with profiler.layer("block"):
            assert profiler.in_progress() == {**nothing, "block": 1}
        left_open = stream()
        assert next(left_open) == 0
    assert profiler.in_progress() == {**nothing, "block": 0}  # its request is over


def test_failed_calls_are_over(profiler: Profiler) -> None:
    @profiler.guard(stage="stream")
    def stream() -> Iterator[int]:
        yield 1
        raise ValueError("no")

    with profiler.request():
        with pytest.raises(ValueError, match="no"):
            list(stream())
        assert profiler.in_progress() == {"stream": 0}
