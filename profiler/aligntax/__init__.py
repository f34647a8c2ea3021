"""aligntax measures the alignment tax: what the safety layers around a model cost, one by one."""

from aligntax import adapters
from aligntax.attribution import attribute
from aligntax.profiler import Profiler
from aligntax.summary import Report
from aligntax.tax import Tax
from aligntax.trace import Layer, Outcome, Span, Trace, Verdict

adapters.register()

__version__ = "0.1.0"

__all__ = ["Layer", "Outcome", "Profiler", "Report", "Span", "Tax", "Trace", "Verdict", "attribute"]
