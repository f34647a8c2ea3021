"""ONNX Runtime sessions: the run methods of one `InferenceSession` are timed; it stays the same object."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import copy_context
from functools import partial, wraps
from threading import Thread
from typing import TYPE_CHECKING, Any

from aligntax.recording.recorder import Recorder
from aligntax.recording.scope import CODE_OF, LAYER_SHIFT
from aligntax.recording.taps import WRAPPED, Bypass, Tap
from aligntax.recording.verdicts import VerdictMapper
from aligntax.recording.wrap import judging, wrap
from aligntax.trace import Layer, Verdict

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

BLOCKING = ("run", "run_with_iobinding", "run_with_ort_values")


class OnnxRuntimeAdapter:
    """Times `run`, `run_with_iobinding`, `run_with_ort_values` and `run_async` of an `InferenceSession`."""

    def accepts(self, target: Any) -> bool:
        """Return whether `target` is a session."""
        onnxruntime = sys.modules.get("onnxruntime")
        return onnxruntime is not None and isinstance(target, onnxruntime.InferenceSession)

    def attach(
        self,
        recorder: Recorder,
        target: InferenceSession,
        layer: Layer,
        mapper: VerdictMapper | None,
        bypass: Bypass | None,
    ) -> InferenceSession:
        """Return the session itself, with its run methods timed.

        What stands in for `run_async` is called as `run` is, and the callback gets what it returns: the same function
        can stand in for both.
        """
        if bypass is None and callable(getattr(target, "bypass", None)):
            bypass = target.bypass
        run = target.run
        for name in BLOCKING:
            setattr(target, name, wrap(recorder, getattr(target, name), layer, mapper, bypass=bypass))
        target.run_async = _timed_async(recorder, target.run_async, run, layer, mapper, bypass)
        return target


def detach(session: InferenceSession) -> None:
    """Take the timing off a session again, whoever put it there."""
    for name in (*BLOCKING, "run_async"):
        vars(session).pop(name, None)


def _timed_async(
    recorder: Recorder,
    run_async: Callable[..., Any],
    run: Callable[..., Any],
    layer: Layer,
    mapper: VerdictMapper | None,
    bypass: Bypass | None,
) -> Callable[..., Any]:
    """Return `run_async` timed from the call until the callback, which comes on a thread of ONNX Runtime.

    Its tap holds `run`, the same work by a call that returns the results. As long as nothing is called in its place,
    `run_async` itself does the work.
    """
    row = recorder.ledger.layer_row(layer)
    here: dict[str, Any] = {WRAPPED: run}
    recorder.taps.setdefault(row, []).append(Tap(run, 0, mapper, bypass, [here]))
    judge = judging(recorder, row, mapper)
    allowed, failed = (row << LAYER_SHIFT | CODE_OF[verdict] for verdict in (Verdict.ALLOW, Verdict.ERROR))

    @wraps(run_async)
    def timed(
        output_names: Any, input_feed: Any, callback: Callable[..., Any], user_data: Any, *args: Any, **kwargs: Any
    ) -> Any:
        live = recorder.current()
        bits = recorder.next_bits()
        open_calls = {} if live.recording is None else live.recording.open_calls
        start_ns = recorder.clock()

        def done(results: Any, data: Any, error: str) -> Any:
            end_ns = recorder.clock()
            open_calls.pop(bits, None)
            if error:
                code = failed | recorder.error_bits("run_async")
            elif layer.kind == "model" and mapper is None:
                code = allowed
            else:
                code = judge(results, ())
            recorder.record(live, start_ns, end_ns, code | bits)
            return callback(results, data, error)

        # The scope marks the call as one that does not block its thread, so that nothing is taken to be inside of it.
        recorder.scope(live, bits)
        open_calls[bits] = row
        try:
            called = here[WRAPPED]
            if called is run:
                return run_async(output_names, input_feed, done, user_data, *args, **kwargs)
            answer = partial(called, output_names, input_feed, *args, **kwargs)
            # On another thread, as from ONNX Runtime: the caller may hold a lock that its callback takes. The thread of
            # a pool would begin sooner, but in a forked child never.
            Thread(target=copy_context().run, args=(_answer, answer, done, user_data), daemon=True).start()
            return None
        except BaseException as error:
            open_calls.pop(bits, None)
            recorder.fail(row, live, start_ns, recorder.clock(), error, bits)
            raise

    return timed


def _answer(answer: Callable[[], Any], done: Callable[[Any, Any, str], Any], user_data: Any) -> None:
    """Hand the callback what `answer` returns, or why it failed, as ONNX Runtime does."""
    try:
        results = answer()
    except Exception as error:
        done([], user_data, str(error) or type(error).__name__)
    else:
        done(results, user_data, "")
