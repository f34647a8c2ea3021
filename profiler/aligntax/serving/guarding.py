"""Guards as a server asks them: timed, on the event loop or beside it, with a time-out, failing as each one says."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Generator, Iterable, Sequence
from math import inf
from typing import Any, Protocol

from aligntax.guards.judgement import Judgement
from aligntax.profiler import Profiler
from aligntax.serving.settings import GuardSettings
from aligntax.serving.threads import GuardThreads
from aligntax.trace import Layer, Verdict

__all__ = [
    "MOST_INLINE_CHARACTERS",
    "Blocked",
    "GuardFailed",
    "Place",
    "ServedGuard",
    "first_block",
    "in_parallel",
    "in_series",
]

MOST_INLINE_CHARACTERS = 32_768
"""What a kernel reads in about 30 us; the event loop should not stand still for much longer."""

_KERNEL_GUARDS = frozenset({"Blocklist", "PII", "Secrets", "LinearClassifier"})


class Place(Protocol):
    """Where a text stands in a document; see `aligntax.serving.formats`."""

    @property
    def text(self) -> str:
        """The text."""
        ...

    def put(self, new: str) -> None:
        """Put another text in its place."""


class Blocked(Exception):  # noqa: N818 (a block is no error)
    """A guard does not let the request or its answer go on.

    Attributes:
        guard: the name of the guard.
    """

    verdict = Verdict.BLOCK

    def __init__(self, guard: str) -> None:
        super().__init__(f"blocked by guard {guard!r}")
        self.guard = guard


class GuardFailed(Exception):  # noqa: N818 (says what happened)
    """A guard could not decide, and is one that lets nothing pass then.

    Attributes:
        guard: the name of the guard.
        timed_out: whether it did not answer in time.
    """

    def __init__(self, guard: str, *, timed_out: bool) -> None:
        super().__init__(f"guard {guard!r} {'did not answer in time' if timed_out else 'failed'}")
        self.guard = guard
        self.verdict = Verdict.TIMEOUT if timed_out else Verdict.ERROR


class ServedGuard:
    """One guard of a server.

    Args:
        profiler: times it.
        settings: the guard and how it is served.
        threads: where calls run that would hold up the event loop.

    Attributes:
        name, stage: of its layer.
        row: of its layer, in the ledger.
        beside: whether its calls run on a thread, however short the text; never those of an asynchronous guard.
        timeout_seconds: see `GuardSettings`.

    Raises:
        ValueError: if it stands at the stage `stream` and has no streams.
    """

    def __init__(self, profiler: Profiler, settings: GuardSettings, threads: GuardThreads) -> None:
        guard = settings.guard
        self.name: str = guard.name
        self.stage: str = guard.stage
        if self.stage == "stream" and not inspect.isgeneratorfunction(getattr(guard, "stream", None)):
            raise ValueError(
                f"guard {self.name!r} stands at stage 'stream', but has no generator method stream(); "
                "use stage='output', for which streamed answers are kept back as a whole"
            )
        by_kernel = type(guard).__name__ in _KERNEL_GUARDS and type(guard).__module__.startswith("aligntax.")
        self._profiler = profiler
        self._guard = guard
        self._timed = profiler.guard(guard, name=self.name, stage=guard.stage)
        self.row = profiler.ledger.layer_row(Layer(self.name, "guard", guard.stage))
        self.timeout_seconds = settings.timeout_seconds
        self._open = getattr(guard, "on_error", "closed") == "open"
        self._threads = threads
        self._is_async = inspect.iscoroutinefunction(guard) or inspect.iscoroutinefunction(type(guard).__call__)
        self.beside = not self._is_async and (not by_kernel if settings.thread is None else settings.thread)
        self._longest_inline = inf if settings.thread is False else MOST_INLINE_CHARACTERS
        # A kernel's calls can neither hang nor return nonsense, so that they need nothing but their times taken.
        self._plain = by_kernel and not self.beside

    async def judge(self, text: str) -> Judgement:
        """Return what the guard says about a text.

        Raises:
            Blocked: if it blocks it.
            GuardFailed: if it raised, took too long or returned no judgement, and fails closed.
        """
        if self._plain and len(text) <= self._longest_inline:
            try:
                said: Judgement = self._timed(text)
            except Exception as error:
                return self.failed(error, text)
        else:
            try:
                with self._profiler.layer(self.name, kind="guard", stage=self._guard.stage) as block:
                    async with asyncio.timeout(self.timeout_seconds):
                        said = self.judgement(await self._later(text), text)
                    block.verdict = said.verdict
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                return self.failed(RuntimeError(f"{type(error).__name__} by the guard itself"), text)
            except Exception as error:
                return self.failed(error, text)
        if said.verdict is Verdict.BLOCK:
            raise Blocked(self.name)
        return said

    def stream(self) -> Generator[Judgement, str | None, None]:
        """Return a stream of the guard, ready to be sent the first piece."""
        stream: Generator[Judgement, str | None, None] = self._timed.stream()
        next(stream)
        return stream

    def failed(self, error: Exception, text: str) -> Judgement:
        """Return what goes on where the guard raised; to be called while `error` is being handled.

        Raises:
            Blocked: if the error is one, or means one by an attribute `verdict`.
            GuardFailed: unless the guard is one that lets everything pass then.
        """
        if getattr(error, "verdict", None) is Verdict.BLOCK:
            raise Blocked(self.name) from None
        timed_out = isinstance(error, TimeoutError)
        if self._open:
            return Judgement(Verdict.TIMEOUT if timed_out else Verdict.ERROR, text, labels=(type(error).__name__,))
        # Without its cause: a guard's own message may quote the text.
        raise GuardFailed(self.name, timed_out=timed_out) from None

    def timed_out(self, since_ns: int) -> GuardFailed:
        """Record a stream that did not return in time, and return the failure: what it holds back is lost."""
        recorder = self._profiler.recorder
        recorder.fail(self.row, recorder.current(), since_ns, recorder.clock(), TimeoutError(), 0)
        return GuardFailed(self.name, timed_out=True)

    def judgement(self, said: Any, text: str) -> Judgement:
        """Return what the guard returned about a text.

        Raises:
            TypeError: if that is no judgement, or one that its stage has no place for.
        """
        if not (isinstance(said, Judgement) and isinstance(said.verdict, Verdict) and isinstance(said.text, str)):
            raise TypeError(f"guard {self.name!r} returned a {type(said).__name__}; return a Judgement")
        if self.stage == "parallel" and said.text != text and said.verdict is not Verdict.BLOCK:
            raise TypeError(f"guard {self.name!r} changed a text that the model has already; block it, or use 'input'")
        return said

    async def _later(self, text: str) -> Any:
        if self._is_async:
            return await self._guard(text)
        if self.beside or len(text) > self._longest_inline:
            return await self._threads.run(self._guard, text)
        return self._guard(text)


async def in_series(guards: Iterable[ServedGuard], places: Sequence[Place]) -> bool:
    """Ask one guard after another about every text, put what each of them leaves of it in its place.

    Returns:
        Whether any text was changed.

    Raises:
        Blocked, GuardFailed: see `ServedGuard.judge`.
    """
    changed = False
    for guard in guards:
        for place in places:
            text = place.text
            said = await guard.judge(text)
            if said.text != text:
                place.put(said.text)
                changed = True
    return changed


async def in_parallel(guards: Sequence[ServedGuard], places: Sequence[Place]) -> bool:
    """Do the same with all guards at once, each on the texts as they came.

    Where more than one guard changes a text, those behind the first are asked again about what is left of it.
    """
    texts = [place.text for place in places]
    said = await _all(guards, texts)
    changed = False
    for index, place in enumerate(places):
        changing = [
            (guard, judgements[index].text)
            for guard, judgements in zip(guards, said, strict=True)
            if judgements[index].text != texts[index]
        ]
        if changing:
            changed = True
            place.put(changing[0][1])
            await in_series([guard for guard, _ in changing[1:]], [place])
    return changed


async def first_block(guards: Sequence[ServedGuard], texts: Sequence[str]) -> None:
    """Ask all guards at once about texts that go on as they are, and return when all have let them pass.

    Raises:
        Blocked, GuardFailed: as soon as one guard does; the others are cancelled.
    """
    await _all(guards, texts)


async def _all(guards: Sequence[ServedGuard], texts: Sequence[str]) -> list[list[Judgement]]:
    async def ask(guard: ServedGuard) -> list[Judgement]:
        return [await guard.judge(text) for text in texts]

    tasks = [asyncio.create_task(ask(guard)) for guard in guards]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
