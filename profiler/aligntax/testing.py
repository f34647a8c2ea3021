"""For tests, ours and yours: a clock that stands still until it is told, and guards of known length."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any


class FakeClock:
    """A clock in nanoseconds that moves only when it is told to. Callable, so it fits wherever a clock is asked for."""

    def __init__(self, now_ns: int = 0) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns

    def advance(self, by_ns: int) -> None:
        """Move on by `by_ns` nanoseconds.

        Raises:
            ValueError: if `by_ns` is negative: the clocks that this one stands for never run backwards.
        """
        if by_ns < 0:
            raise ValueError(f"by_ns={by_ns}: a monotonic clock cannot run backwards")
        self.now_ns += by_ns


def taking(clock: FakeClock, ns: int, result: Any = None) -> Callable[..., Any]:
    """Return a guard that takes `ns` on a fake clock and returns `result`, or its first argument where None."""

    def guard(*args: Any) -> Any:
        clock.advance(ns)
        return args[0] if result is None and args else result

    return guard


def spinning(seconds: float) -> Callable[[Any], Any]:
    """Return a guard that keeps its processor busy for `seconds` of real time and returns its argument."""
    length_ns = round(seconds * 1e9)

    def guard(value: Any) -> Any:
        end_ns = time.perf_counter_ns() + length_ns
        while time.perf_counter_ns() < end_ns:
            pass
        return value

    return guard


def sleeping(seconds: float) -> Callable[[Any], Any]:
    """Return a guard that waits for `seconds` of real time without using the processor, and returns its argument."""

    def guard(value: Any) -> Any:
        time.sleep(seconds)
        return value

    return guard


def sleeping_async(seconds: float) -> Callable[[Any], Any]:
    """Return the same as a coroutine function."""

    async def guard(value: Any) -> Any:
        await asyncio.sleep(seconds)
        return value

    return guard
