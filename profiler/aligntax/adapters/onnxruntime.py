"""ONNX Runtime sessions: the run methods of one `InferenceSession` are timed; it stays the same object."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from aligntax.recording.recorder import Recorder
from aligntax.recording.scope import CODE_OF, ERROR_SHIFT, LAYER_SHIFT
from aligntax.recording.verdicts import VerdictMapper
from aligntax.recording.wrap import wrap
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
        self, recorder: Recorder, target: InferenceSession, layer: Layer, mapper: VerdictMapper | None
    ) -> InferenceSession:
        """Return the session itself, with its run methods timed."""
        for name in BLOCKING:
            setattr(target, name, wrap(recorder, getattr(target, name), layer, mapper))
        target.run_async = _timed_async(recorder, target.run_async, layer)
        return target


def detach(session: InferenceSession) -> None:
    """Take the timing off a session again, whoever put it there."""
    for name in (*BLOCKING, "run_async"):
        vars(session).pop(name, None)


def _timed_async(recorder: Recorder, run_async: Callable[..., Any], layer: Layer) -> Callable[..., Any]:
    """Return `run_async` timed from the call until the callback, which comes on a thread of ONNX Runtime."""
    row = recorder.ledger.layer_row(layer)

    @wraps(run_async)
    def timed(
        output_names: Any, input_feed: Any, callback: Callable[..., Any], user_data: Any, *args: Any, **kwargs: Any
    ) -> Any:
        live = recorder.current()
        bits = recorder.next_bits()
        start_ns = recorder.clock()

        def done(results: Any, data: Any, error: str) -> Any:
            code = (row << LAYER_SHIFT) | bits
            if error:
                kind = (recorder.ledger.error_row("run_async") + 1) << ERROR_SHIFT
                code |= CODE_OF[Verdict.ERROR] | kind
            recorder.record(live, start_ns, recorder.clock(), code)
            return callback(results, data, error)

        # The scope marks the call as one that does not block its thread, so that nothing is taken to be inside of it.
        recorder.scope(live, bits)
        return run_async(output_names, input_feed, done, user_data, *args, **kwargs)

    return timed
