"""A function of the user's as a guard like the others."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from aligntax.guards.arguments import require_text
from aligntax.guards.guard import Guard, OnError, TextGuard
from aligntax.guards.judgement import Judgement
from aligntax.trace import Stage, Verdict

__all__ = ["AsyncFunctionGuard", "FunctionGuard", "is_async"]


class FunctionGuard(TextGuard):
    """Calls a function with the text, and says in a `Judgement` what it returned.

        a str: modify if it differs from the text, else allow
        Verdict.ALLOW, SKIPPED or BLOCK: that
        a Judgement: itself; anything else is an error

    Args:
        function: takes a text, and returns at once: no coroutine function, no generator.
        name: the function's own by default.
        stage, on_error: see `Guard`.

    Raises:
        TypeError: for what is no such function.
        ValueError: for another argument that it cannot have.
    """

    def __init__(
        self,
        function: Callable[[str], Any],
        *,
        name: str | None = None,
        stage: Stage = "input",
        on_error: OnError = "closed",
    ) -> None:
        if not callable(function) or any(map(_returns_later, (function, type(function).__call__))):
            raise TypeError(
                f"function: {function!r} is no plain function; pass one that takes a text and returns at once"
            )
        super().__init__(_name_of(function, name), stage, on_error)
        self._function = function

    def _judge(self, text: str) -> Judgement:
        return _judgement(self.name, self._function(text), text)


class AsyncFunctionGuard(Guard):
    """Does the same with a coroutine function: one that asks another server, for example.

    Its calls are awaited. Nothing ends one that waits for ever but whoever awaits it.

    Args:
        function: takes a text; what it returns when awaited is as `FunctionGuard` has it.
        name: the function's own by default.
        stage, on_error: see `Guard`.

    Raises:
        TypeError: for what is no coroutine function.
        ValueError: for another argument that it cannot have.
    """

    stages: ClassVar[tuple[Stage, ...]] = TextGuard.stages

    def __init__(
        self,
        function: Callable[[str], Awaitable[Any]],
        *,
        name: str | None = None,
        stage: Stage = "input",
        on_error: OnError = "closed",
    ) -> None:
        if not is_async(function):
            raise TypeError(f"function: {function!r} is no coroutine function; pass one that takes a text")
        super().__init__(_name_of(function, name), stage, on_error)
        self._function = function

    async def __call__(self, text: str) -> Judgement:
        """Judge a text.

        Raises:
            TypeError: if `text` is no string.
            Exception: what went wrong inside, under the policy `closed`.
        """
        require_text(text, "text")
        try:
            return _judgement(self.name, await self._function(text), text)
        except Exception as error:
            return self._failed(error, text)

    async def bypass(self, text: str) -> Judgement:
        """Let a text pass unread: what experiments call instead of the guard, to tell what it costs."""
        return Judgement(Verdict.ALLOW, text)


def is_async(function: Any) -> bool:
    """Return whether what a function or a callable object returns has to be awaited."""
    return any(map(inspect.iscoroutinefunction, (function, type(function).__call__)))


def _name_of(function: Any, name: str | None) -> str:
    return name or str(getattr(function, "__name__", type(function).__name__))


def _judgement(name: str, result: Any, text: str) -> Judgement:
    """Return what a function says about a text by what it returned."""
    if isinstance(result, Judgement):
        if not isinstance(result.verdict, Verdict) or not isinstance(result.text, str):
            kinds = f"{type(result.verdict).__name__} and a {type(result.text).__name__}"
            raise TypeError(f"{name} returned a Judgement of a {kinds}; put a Verdict and a str into it")
        return result._replace(text="") if result.verdict is Verdict.BLOCK else result
    if isinstance(result, Verdict):  # which is a str as well
        return _bare(result, text)
    if isinstance(result, str):
        return Judgement(Verdict.ALLOW if result == text else Verdict.MODIFY, result)
    raise TypeError(f"{name} returned a {type(result).__name__}; return a str, a Verdict or a Judgement")


def _bare(verdict: Verdict, text: str) -> Judgement:
    if verdict is Verdict.BLOCK:
        return Judgement(verdict, "")
    if verdict in {Verdict.ALLOW, Verdict.SKIPPED}:
        return Judgement(verdict, text)
    raise ValueError(f"the verdict {verdict.value!r} alone does not say what goes on; return a Judgement, or raise")


def _returns_later(function: Any) -> bool:
    kinds = (inspect.iscoroutinefunction, inspect.isasyncgenfunction, inspect.isgeneratorfunction)
    return any(is_such(function) for is_such in kinds)
