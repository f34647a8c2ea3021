"""A limit on how long something is awaited, that costs next to nothing where there is nothing to wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from types import coroutine
from typing import Any, TypeVar

__all__ = ["within"]

T = TypeVar("T")


@coroutine
def within(awaitable: Awaitable[T], seconds: float) -> Generator[Any, Any, T]:
    """Await something for some seconds at most.

    `asyncio.timeout` sets a timer, which costs several microseconds, even around what is there already, as the bodies
    of most requests are. This takes the first step without one, and goes on with one only if that was not all.

    Raises:
        TimeoutError: if it takes longer; it is cancelled then.
        Exception: what it raises.
    """
    steps = _coroutine(awaitable)
    try:
        awaited = steps.send(None)
    except StopIteration as done:
        found: T = done.value
        return found
    return (yield from _timed(steps, awaited, seconds).__await__())


async def _coroutine(awaitable: Awaitable[T]) -> T:
    return await awaitable


async def _timed(steps: Coroutine[Any, Any, T], awaited: Any, seconds: float) -> T:
    async with asyncio.timeout(seconds):
        return await _rest(steps, awaited)


@coroutine
def _rest(steps: Coroutine[Any, Any, T], awaited: Any) -> Generator[Any, Any, T]:
    """Go on with a coroutine whose first step has led to something that is to be awaited."""
    try:
        while True:
            try:
                sent = yield awaited
            except BaseException as error:  # a cancellation above all
                awaited = steps.throw(error)
            else:
                awaited = steps.send(sent)
    except StopIteration as done:
        found: T = done.value
        return found
