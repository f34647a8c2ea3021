"""The hot path: wrappers that time a call and append four integers to the request that it belongs to."""

from aligntax.recording.recorder import Recorder
from aligntax.recording.wrap import wrap

__all__ = ["Recorder", "wrap"]
