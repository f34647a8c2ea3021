"""One file per foreign thing. Each recognises it without importing it, and times the instance that it is given."""

from __future__ import annotations

from typing import Any, Protocol

from aligntax.adapters.onnxruntime import OnnxRuntimeAdapter
from aligntax.adapters.torch import TorchAdapter
from aligntax.recording import Recorder
from aligntax.recording.taps import Bypass
from aligntax.recording.verdicts import VerdictMapper
from aligntax.trace import Layer


class Adapter(Protocol):
    """Knows one kind of foreign object. Duck-typed: it must not import what it adapts before it has met one."""

    def accepts(self, target: Any) -> bool:
        """Return whether `target` is of the kind."""
        ...

    def attach(
        self, recorder: Recorder, target: Any, layer: Layer, mapper: VerdictMapper | None, bypass: Bypass | None
    ) -> Any:
        """Return `target` such that its calls are timed as `layer`; `bypass` can stand in for them."""
        ...


ADAPTERS: tuple[Adapter, ...] = (TorchAdapter(), OnnxRuntimeAdapter())
