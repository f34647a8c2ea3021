"""What other guards would have cost: recorded requests replayed with guards dropped, sped up, moved or reordered."""

from __future__ import annotations

from aligntax.experiment.whatif.changes import Change, Drop, Faster, Parallel, Reorder
from aligntax.experiment.whatif.prediction import Prediction, predict
from aligntax.experiment.whatif.reading import Recorded, read_traces, trace_of
from aligntax.experiment.whatif.scenario import Scenario, changed
from aligntax.experiment.whatif.variants import verify_target
from aligntax.experiment.whatif.verification import Measure, Verification, verify

__all__ = [
    "Change",
    "Drop",
    "Faster",
    "Measure",
    "Parallel",
    "Prediction",
    "Recorded",
    "Reorder",
    "Scenario",
    "Verification",
    "changed",
    "predict",
    "read_traces",
    "trace_of",
    "verify",
    "verify_target",
]
