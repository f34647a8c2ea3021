"""The fixture's object: measures a guard, or a pipeline, by the paired experiment."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from aligntax.pytest_plugin.keeping import Keeping
from aligntax.pytest_plugin.measurement import TaxMeasurement
from aligntax.pytest_plugin.settings import Settings
from aligntax.pytest_plugin.summary import Row, empty_row

if TYPE_CHECKING:
    from aligntax.experiment.result import Result
    from aligntax.recording.taps import Bypass
    from aligntax.recording.verdicts import VerdictMapper
    from aligntax.trace import Stage

__all__ = ["TaxBenchmark"]

MAX_PROMPTS = 10_000


class TaxBenchmark:
    """Measures what guards cost. Has a guard's calls, or a pipeline's, to itself: one process, one call at a time.

    Args:
        test: the test's identifier.
        settings: how long it measures, and more.
        keeping: keeps the results.
        rows: of the summary; each measurement adds one.
        model: what guards guard where a test does not say; None for nothing.
    """

    def __init__(
        self,
        test: str,
        settings: Settings,
        keeping: Keeping,
        rows: list[Row],
        model: Callable[..., Any] | None = None,
    ) -> None:
        self._model = model
        self._test = test
        self._settings = settings
        self._keeping = keeping
        self._rows = rows

    def __call__(
        self,
        guard: Callable[..., Any],
        prompts: Iterable[Any],
        *,
        model: Callable[..., Any] | None = None,
        name: str | None = None,
        stage: Stage | None = None,
        verdict: VerdictMapper | None = None,
        bypass: Bypass | None = None,
    ) -> TaxMeasurement:
        """Measure what a guard costs, against its bypass: what lets everything pass, and is called in its stead.

        Args:
            guard: anything that `Profiler.guard` takes, asynchronous or not. It is called with a prompt, or with the
                model's answer if its stage is `output` or `stream`; a generator gets an iterator over the chunks of it.
            prompts: what to call it with, at most 10,000; the time of one that it blocks counts for nothing.
            model: what it guards; by default what the fixture `tax_benchmark_model` returns. Without one, no limit can
                be relative. A guard of stage `parallel` or `decode` is measured alone.
            name: as for `Profiler.guard`, as are the next three. A guard that a profiler times already is measured by
                that one, which was told these; only `stage` can be said here, for where the model stands.
            stage: where the guard stands.
            verdict: maps what it returned to a `Verdict`.
            bypass: what is called in its stead.

        Raises:
            ModuleNotFoundError: if the extra `bench` is not installed.
            RuntimeError: if an event loop runs, as in an asynchronous test.
            TypeError, ValueError: for what cannot be measured, such as prompts of which every one is blocked; the
                message says why.
            Exception: what the guard or the model raised.
        """
        from aligntax.profiler import Profiler
        from aligntax.pytest_plugin.tiny_pipeline import BESIDE_MODEL, answering, is_timed, stage_of
        from aligntax.recording.described import says

        __tracebackhide__ = True
        own_name, own_stage = says(guard)
        called = name or own_name or getattr(guard, "__name__", None) or type(guard).__name__
        chosen = _chosen(prompts)
        place = stage_of(guard, stage or own_stage, with_model=model is not None)
        if model is None and place not in BESIDE_MODEL:
            model = self._model
        raw_known = model is not None
        if is_timed(guard):
            if (name, verdict, bypass) != (None, None, None):
                raise ValueError(f"a profiler times {guard!r} already; tell it name=, verdict= and bypass= there")
            return self._measure(called, answering(guard, model, place), chosen, raw_known=raw_known)
        # Adapters change the very object, and it is the user's; what they know of its devices is not needed here.
        with Profiler(drain_seconds=0, adapters=()) as profiler:
            timed: Any = profiler.guard(guard, name=called, stage=place, verdict=verdict, bypass=bypass)
            if model is not None:
                model = profiler.model(model, name="model" if called != "model" else "the model")
            pipeline: Any = answering(timed, model, place, verdict)
            pipeline.profiler = profiler  # and no other, whatever else times what the guard calls
            return self._measure(called, pipeline, chosen, raw_known=raw_known)

    def pipeline(self, target: str | Callable[..., Any], prompts: Iterable[Any] | None = None) -> TaxMeasurement:
        """Measure what the guards of a pipeline cost: as it is, against the same without them.

        Args:
            target: a function that answers a prompt and whose guards a `Profiler` times, or its name, written
                `package.module:function`.
            prompts: what to ask it; by default what it, or its module, has as `prompts`.

        Raises:
            ModuleNotFoundError: if the extra `bench` is not installed.
            RuntimeError: if an event loop runs, as in an asynchronous test.
            ValueError: for what cannot be measured; the message says why.
            Exception: what the pipeline raised.
        """
        from aligntax.experiment.loading import load, prompts_for

        __tracebackhide__ = True
        if isinstance(target, str):
            name, found = target, load(target)
        else:
            called = getattr(target, "__qualname__", type(target).__qualname__)
            name, found = f"{getattr(target, '__module__', None)}:{called}", target
        chosen = _chosen(prompts_for(name, found, None) if prompts is None else prompts)
        return self._measure(name, found, chosen, raw_known=True)

    def _measure(
        self, name: str, pipeline: Callable[..., Any], prompts: Sequence[Any], *, raw_known: bool
    ) -> TaxMeasurement:
        from aligntax.experiment.call import Caller
        from aligntax.experiment.target_errors import raised_by_target

        __tracebackhide__ = True
        _require_no_loop()
        if self._settings.disabled:
            for prompt in prompts:
                Caller.plain(pipeline, prompt)
            return TaxMeasurement(None, self._settings, empty_row(self._test), raw_known=raw_known)
        path = self._keeping.reserve(self._test)
        try:
            with _untraced():
                result = _measured(name, pipeline, prompts, self._settings, raw_known=raw_known)
        except ValueError as error:
            if raised_by_target(error):
                raise
            raise error.with_traceback(None) from None  # its message says all, where a guard's needs its traceback
        self._keeping.keep(result, path)
        self._rows.append(empty_row(self._test))
        return TaxMeasurement(result, self._settings, self._rows[-1], raw_known=raw_known)


def _measured(
    name: str, pipeline: Callable[..., Any], prompts: Sequence[Any], settings: Settings, *, raw_known: bool
) -> Result:
    from aligntax.experiment.bench import measure
    from aligntax.experiment.paired import Design

    design = Design(width=settings.width, budget_seconds=settings.budget_seconds, relative=raw_known)
    return measure(name, pipeline, prompts, design=design, compute=False, progress=_go_on)


def _go_on(stage: str, done: float, detail: str) -> bool:  # noqa: ARG001 (pytest shows no progress within a test)
    return True


def _chosen(prompts: Iterable[Any]) -> Sequence[Any]:
    """Return the prompts as a list.

    Raises:
        TypeError: if they are one string, or nothing that can be iterated over.
        ValueError: if there are none, or too many.
    """
    if isinstance(prompts, (str, bytes)) or not isinstance(prompts, Iterable):
        raise TypeError(f"prompts is a {type(prompts).__name__}; pass a list of prompts")
    found = list(prompts)
    if not 1 <= len(found) <= MAX_PROMPTS:
        raise ValueError(f"{len(found):,} prompts; pass 1 to {MAX_PROMPTS:,}")
    return found


def _require_no_loop() -> None:
    """Raise where an event loop runs, as in an asynchronous test: the experiment has one of its own."""
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(
        "tax_benchmark was called where an event loop runs; make the test a plain 'def', it may measure asynchronous "
        "guards all the same"
    )


@contextmanager
def _untraced() -> Iterator[None]:
    """Keep coverage and debuggers, which slow down every line, off what is measured."""
    tracer, profiler = sys.gettrace(), sys.getprofile()
    sys.settrace(None)
    sys.setprofile(None)
    try:
        yield
    finally:
        sys.settrace(tracer)
        sys.setprofile(profiler)
