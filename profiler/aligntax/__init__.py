"""aligntax measures the alignment tax: what the safety layers around a model cost, one by one."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aligntax.attribution import attribute
    from aligntax.profiler import Profiler
    from aligntax.summary import Report
    from aligntax.tax import Tax
    from aligntax.trace import Layer, Outcome, Span, Trace, Verdict

__version__ = "0.1.0"

__all__ = ["Layer", "Outcome", "Profiler", "Report", "Span", "Tax", "Trace", "Verdict", "attribute"]

# Names are looked up on first use: importing the package then costs a server's start-up next to nothing, and numpy is
# loaded only by what works with arrays.
_HOMES = {
    "Layer": "trace",
    "Outcome": "trace",
    "Profiler": "profiler",
    "Report": "summary",
    "Span": "trace",
    "Tax": "tax",
    "Trace": "trace",
    "Verdict": "trace",
    "attribute": "attribution",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'aligntax' has no attribute {name!r}; its names are {', '.join(__all__)}")
    value = globals()[name] = getattr(import_module(f"aligntax.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
