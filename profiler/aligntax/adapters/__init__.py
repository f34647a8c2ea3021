"""One file per foreign thing. Each recognises it without importing it, and times the instance that it is given."""

from aligntax.adapters.onnxruntime import OnnxRuntimeAdapter
from aligntax.adapters.torch import TorchAdapter
from aligntax.profiler import Profiler


def register() -> None:
    """Make the package's own adapters known to every profiler."""
    if not Profiler.adapters:
        Profiler.adapters.extend((TorchAdapter(), OnnxRuntimeAdapter()))
