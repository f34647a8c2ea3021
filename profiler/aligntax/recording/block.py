"""A part of the code, timed as a layer: `with profiler.layer(...)`."""

from __future__ import annotations

from types import TracebackType

from aligntax.recording.recorder import Recorder
from aligntax.recording.scope import CODE_OF, LAYER_SHIFT, Live
from aligntax.trace import Verdict


class LayerBlock:
    """Times its block, which may await; layers called inside are nested in it.

    CPU time is not taken: other tasks may run on the thread while the block waits.

    Attributes:
        verdict: what the block decided; to be set inside of it. `allow` otherwise.
    """

    __slots__ = ("_inner", "_live", "_recorder", "_row", "_start_ns", "verdict")

    def __init__(self, recorder: Recorder, row: int) -> None:
        self._recorder = recorder
        self._row = row
        self._live: Live | None = None
        self._inner: Live | None = None
        self._start_ns = 0
        self.verdict: Verdict | str = Verdict.ALLOW

    def __enter__(self) -> LayerBlock:
        if self._live is not None:
            raise RuntimeError("this layer block was entered before; call profiler.layer(...) anew for each block")
        self._live = self._recorder.current()
        self._inner = self._recorder.enter(self._live, self._row)
        self._start_ns = self._recorder.clock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        end_ns = self._recorder.clock()
        live, inner = self._live, self._inner
        if live is None or inner is None:
            raise RuntimeError("this layer block is not open: it was left before, or never entered")
        self._inner = None
        self._recorder.leave(live, inner)
        bits = inner.bits if inner is not live else 0
        if error is not None:
            self._recorder.fail(self._row, live, self._start_ns, end_ns, error, bits)
            return
        try:
            decided = CODE_OF[Verdict(self.verdict)]
        except ValueError as unknown:
            decided = self._recorder.unknown_verdict(unknown)
        self._recorder.record(live, self._start_ns, end_ns, (self._row << LAYER_SHIFT) | decided | bits)

    async def __aenter__(self) -> LayerBlock:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)
