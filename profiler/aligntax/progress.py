"""Which calls are running now, found without a trace of cost to the calls that block their thread."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import FrameType

from aligntax.recording import Recorder
from aligntax.recording.scope import Recording


def in_progress(recorder: Recorder, running: Iterable[Recording]) -> dict[str, int]:
    """Return how many calls of each layer are running now.

    Calls that can be suspended have registered themselves with their request. Those that block their thread are on its
    stack, where their wrappers are recognised by their code.
    """
    layers = recorder.ledger.layers
    counts = dict.fromkeys((layer.name for layer in layers), 0)
    for recording in list(running):
        for row in list(recording.open_calls.values()):
            counts[layers[row].name] += 1
    for top in list(sys._current_frames().values()):
        frame: FrameType | None = top
        while frame is not None:
            found = recorder.blocking.get(id(frame.f_code))
            # A wrapper that has handed its call on for metering has not started the clock itself.
            if found is not None and "__start" in frame.f_locals:
                counts[layers[found[0]].name] += 1
            frame = frame.f_back
    return counts
