"""ONNX Runtime sessions: the run methods of one `InferenceSession` are timed; it stays the same object."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from aligntax.recording.recorder import Recorder
from aligntax.recording.scope import CODE_OF, LAYER_SHIFT
from aligntax.recording.taps import Bypass
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
        """Return the session itself, with its run methods timed."""
        for name in BLOCKING:
            setattr(target, name, wrap(recorder, getattr(target, name), layer, mapper, bypass=bypass))
        target.run_async = _timed_async(recorder, target.run_async, layer, mapper)
        return target


def detach(session: InferenceSession) -> None:
    """Take the timing off a session again, whoever put it there."""
    for name in (*BLOCKING, "run_async"):
        vars(session).pop(name, None)


def _timed_async(
    recorder: Recorder, run_async: Callable[..., Any], layer: Layer, mapper: VerdictMapper | None
) -> Callable[..., Any]:
    """Return `run_async` timed from the call until the callback, which comes on a thread of ONNX Runtime."""
    row = recorder.ledger.layer_row(layer)
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
            return run_async(output_names, input_feed, done, user_data, *args, **kwargs)
        except BaseException as error:
            open_calls.pop(bits, None)
            recorder.fail(row, live, start_ns, recorder.clock(), error, bits)
            raise

    return timed
