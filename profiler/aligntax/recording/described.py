"""Guards that say themselves who they are, and that have streams beside their calls."""

from __future__ import annotations

from typing import Any

from aligntax.recording.proxy import CallableProxy
from aligntax.recording.recorder import Recorder
from aligntax.recording.verdicts import VerdictMapper
from aligntax.recording.wrap import Shape, shape_of, wrap
from aligntax.trace import Layer


def says(guard: Any) -> tuple[str | None, Any]:
    """Return the name and the stage that a guard has for itself; None, None where it does not say both."""
    name, stage = getattr(guard, "name", None), getattr(guard, "stage", None)
    return (name, stage) if isinstance(name, str) and isinstance(stage, str) else (None, None)


def with_timed_streams(
    recorder: Recorder, timed: CallableProxy, layer: Layer, verdict: VerdictMapper | None
) -> CallableProxy:
    """Return the proxy of a guard such that its streams, if it has any, are timed as its calls are."""
    stream = getattr(timed, "stream", None)
    if stream is None or shape_of(stream) not in {Shape.GENERATOR, Shape.ASYNC_GENERATOR}:
        return timed
    kind = type(timed)
    namespace = {"__slots__": ("stream",), "__doc__": vars(kind)["__doc__"]}
    streaming: Any = type(kind.__name__, (kind,), namespace)
    guard: CallableProxy = streaming(timed.__wrapped__, timed._aligntax_call)
    # Beside the wrapped guard and not on it, where all other attributes go: it stays untimed.
    object.__setattr__(guard, "stream", wrap(recorder, stream, layer, verdict))
    return guard
