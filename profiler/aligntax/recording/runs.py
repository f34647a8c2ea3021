"""The model call of an application that does not mark one: everything the application does, but for its pauses."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from aligntax.recording.recorder import Recorder
from aligntax.recording.scope import CALL_SHIFT, CODE_OF, FIELDS, GOES_ON, LAYER_MASK, LAYER_SHIFT, Live, Recording
from aligntax.trace import Verdict

logger = logging.getLogger("aligntax")

_SAID = "implied_model_said"


class ImpliedModel:
    """Times an application as the model, unless it turns out to have called a model that is a layer of its own.

    The application is paused while whoever called it works on what it has sent, and while a client is slow to take
    it: neither is the model's time. What the application records meanwhile is nested in this call, and stands at the
    top of the request if the call is dropped for a real one.

    Args:
        recorder: of the profiler.
        row: of the layer that the application stands for.
        apart: whether others work for the request at the same time, on the same thread: then what the application
            records is gathered in a scope of its own, to be told from what they do. Else it is told by its time.
    """

    __slots__ = ("_bits", "_ended", "_inner", "_live", "_recorder", "_row", "_runs", "_start_ns")

    def __init__(self, recorder: Recorder, row: int, *, apart: bool) -> None:
        self._recorder = recorder
        self._row = row
        self._live = live = recorder.current()
        self._inner = live
        self._ended = False
        if apart:
            self._inner = recorder.enter(live, row)
            self._bits = self._inner.bits if self._inner is not live else 0
        else:
            self._bits = 0  # a plain call, unless it is interrupted: the request stays simple, and cheap to fold
            if live.recording is not None:
                live.recording.open_calls[0] = row
        # Start and end of each run, one after the other; the last one has no end while it goes on.
        self._runs: list[int] = []
        self._start_ns = recorder.clock()

    def pause(self) -> tuple[Live, int]:
        """End a run, make the request's own scope current, and return what was current, and when it was left."""
        recorder = self._recorder
        now_ns = recorder.clock()
        self._end_run(now_ns)
        current = recorder.current()
        recorder.variable.set(self._live)
        return current, now_ns

    def resume(self, current: Live) -> int:
        """Begin the next run, in the scope that `pause` returned, and return when."""
        self._recorder.variable.set(current)
        self._start_ns = now_ns = self._recorder.clock()
        return now_ns

    def leave_out(self, start_ns: int, end_ns: int) -> None:
        """Take an interval out of the run that goes on, in which the application only waited."""
        self._end_run(start_ns)
        self._start_ns = end_ns

    @property
    def running_since_ns(self) -> int:
        """When the run began that goes on."""
        return self._start_ns

    def answered(self, at_ns: int | None = None) -> None:
        """End the call: whatever the application goes on with is for nobody who waits.

        Args:
            at_ns: when it has answered, in the run that goes on; None: when it was paused.
        """
        if self._ended:
            return
        if at_ns is None:
            self._start_ns, at_ns = self._runs[-2:]
            del self._runs[-2:]
        self._end(at_ns, None)

    def end(self, error: BaseException | None = None) -> None:
        """End the call, which raised `error` or returned, and record it if it was the only model's.

        To be called where the call began, even if it has been answered before.
        """
        end_ns = self._recorder.clock()
        self._recorder.restore(self._live, self._inner)
        if not self._ended:
            self._end(end_ns, error)

    def _end(self, end_ns: int, error: BaseException | None) -> None:
        self._ended = True
        recorder, live, inner, bits = self._recorder, self._live, self._inner, self._bits
        recording = live.recording
        if recording is None:
            return
        if inner is live:
            recording.open_calls.pop(0, None)
        else:
            recording.open_calls.pop(bits, None)
            recording.closed_ints += len(inner)
        if (recording.root or recording.scopes) and self._model_was_called(recording):
            return
        if _SAID not in recorder.kept:
            recorder.kept[_SAID] = True
            name = recorder.ledger.layers[self._row].name
            logger.info("no model call is marked in a request: all that the application does counts as model %r", name)
        code = self._row << LAYER_SHIFT | bits
        if self._runs:
            for start_ns, run_end_ns in zip(self._runs[::2], self._runs[1::2], strict=True):
                recorder.record(live, start_ns, run_end_ns, code | GOES_ON)
        if error is not None:
            recorder.fail(self._row, live, self._start_ns, end_ns, error, bits)
        else:
            recorder.record(live, self._start_ns, end_ns, code | CODE_OF[Verdict.ALLOW])

    def _end_run(self, now_ns: int) -> None:
        if not self._bits:
            self._bits = self._recorder.next_bits()
        if len(self._runs) < 2 * self._recorder.max_spans:
            self._runs += (self._start_ns, now_ns)
        else:
            self._recorder.drops.count("trace_full")

    def _model_was_called(self, recording: Recording) -> bool:
        """Return whether the application has called a model, however deep; a guard beside it may have one, too."""
        models = {row for row, layer in enumerate(self._recorder.ledger.layers) if layer.kind == "model"}
        found: Sequence[Live] = (recording.root, *recording.scopes)
        if self._inner is not self._live:
            found = _scopes_in(recording, self._inner.bits)
        return any(
            code >> LAYER_SHIFT & LAYER_MASK in models for scope in found for code in scope[FIELDS - 1 :: FIELDS]
        )


def _scopes_in(recording: Recording, bits: int) -> list[Live]:
    """Return the scopes that a call has opened, and those of the calls in them."""
    by_call: dict[int, list[Live]] = {}
    for scope in list(recording.scopes):
        by_call.setdefault(scope.bits, []).append(scope)
    found = by_call.pop(bits, [])
    for scope in found:
        for code in scope[FIELDS - 1 :: FIELDS]:
            if code >> CALL_SHIFT:
                found += by_call.pop(code >> CALL_SHIFT << CALL_SHIFT, ())
    return found
