"""What two results say of each other, whether one stays within a budget, and how CI and trend tools are told.

The data flows one way: a file is read into `Measured`, two of them are compared into `Compared`, one is judged against
a `Budget` into `Judged`; the writers turn these into tables, JSON, Markdown, JUnit and the rest.
"""

from __future__ import annotations

from aligntax.experiment.gate.budget import Budget, read_budget
from aligntax.experiment.gate.comparing import Compared, compare_measured
from aligntax.experiment.gate.history import Trend, store, trend
from aligntax.experiment.gate.judging import Judged, judge
from aligntax.experiment.gate.measured import Measured, Metric, Unit
from aligntax.experiment.gate.reading import read_measured

__all__ = [
    "Budget",
    "Compared",
    "Judged",
    "Measured",
    "Metric",
    "Trend",
    "Unit",
    "compare_measured",
    "judge",
    "read_budget",
    "read_measured",
    "store",
    "trend",
]
