"""The layers of a profiler: who is called what, and how each is timed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aligntax.adapters import Adapter
from aligntax.ledger import Ledger
from aligntax.recording import Recorder, wrap
from aligntax.recording.block import LayerBlock
from aligntax.recording.described import says, with_timed_streams
from aligntax.recording.proxy import CallableProxy
from aligntax.recording.taps import Bypass
from aligntax.recording.verdicts import VerdictMapper
from aligntax.trace import Kind, Layer, Stage

__all__ = ["Layers"]


class Layers:
    """Wraps guards and models, and keeps every name for one of them. `Profiler` says what the arguments mean.

    Args:
        recorder: takes the times.
        ledger: gives each layer its row.
        adapters: know how to time objects that are not plain callables.
    """

    def __init__(self, recorder: Recorder, ledger: Ledger, adapters: Sequence[Adapter]) -> None:
        self._recorder = recorder
        self._ledger = ledger
        self._adapters = tuple(adapters)
        self._by_name: dict[str, Layer] = {}
        self._block_rows: dict[tuple[str, Kind, Stage | None], int] = {}

    def guard(
        self, guard: Any, name: str | None, stage: Stage | None, verdict: VerdictMapper | None, bypass: Bypass | None
    ) -> Any:
        """Return a guard, timed, with its streams if it has any."""
        own_name, own_stage = says(guard)
        name = own_name if name is None else name
        stage = own_stage if stage is None else stage
        timed = self._timed(guard, "guard", name, stage, verdict, bypass)
        if own_name is None or not isinstance(timed, CallableProxy):
            return timed
        return with_timed_streams(self._recorder, timed, self._by_name[name or own_name], verdict)

    def model(self, model: Any, name: str | None) -> Any:
        """Return a model, timed."""
        return self._timed(model, "model", name)

    def block(self, name: str, kind: Kind, stage: Stage | None) -> LayerBlock:
        """Return a context manager that times its block."""
        if not isinstance(name, str):
            Layer(name, kind, stage)  # raises, and says what a name is; here it might not even be hashable
        row = self._block_rows.get((name, kind, stage))
        if row is None:
            layer = self._by_name.get(name)
            if layer is None or layer.kind != kind or (stage is not None and layer.stage != stage):
                layer = Layer(name, kind, stage)
            row = self._block_rows[name, kind, stage] = self._ledger.layer_row(layer)
            self._by_name[name] = layer
        return LayerBlock(self._recorder, row)

    def _timed(
        self,
        target: Any,
        kind: Kind,
        name: str | None,
        stage: Stage | None = None,
        verdict: VerdictMapper | None = None,
        bypass: Bypass | None = None,
    ) -> Any:
        adapter = next((adapter for adapter in self._adapters if adapter.accepts(target)), None)
        if adapter is None and not (callable(target) or isinstance(target, classmethod)):
            raise TypeError(f"{target!r} is not callable; pass a function, a bound method or an object with __call__")
        if verdict is not None and not callable(verdict):
            raise TypeError(f"verdict={verdict!r} is not callable; pass a function from a result to a Verdict")
        if bypass is not None and not callable(bypass):
            raise TypeError(f"bypass={bypass!r} is not callable; pass a function that is called like the guard")
        if name is None:
            name = getattr(target, "__name__", None) or type(target).__name__
        layer = Layer(name, kind, stage)
        if name in self._by_name:
            raise ValueError(
                f"layer name {name!r} is taken; wrap each guard once, when the program starts, and give every "
                "guard a name of its own with name='...'"
            )
        if adapter is None:
            timed = wrap(self._recorder, target, layer, verdict, bypass=bypass)
        else:
            timed = adapter.attach(self._recorder, target, layer, verdict, bypass)
        self._by_name[name] = layer
        return timed
