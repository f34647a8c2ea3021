"""How the tax grows: sweeps over a parameter, and the exponent of the power law through their points."""

from __future__ import annotations

from aligntax.experiment.scaling.fitting import Fit, Point, fit_exponent
from aligntax.experiment.scaling.sweep import SCHEMA, Scaling, Sweep, check_values
from aligntax.experiment.scaling.targets import sweep_target

__all__ = ["SCHEMA", "Fit", "Point", "Scaling", "Sweep", "check_values", "fit_exponent", "sweep_target"]
