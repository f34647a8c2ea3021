"""Results of other load generators, read into the part `load` of a result.

Each arm of such a part has, besides what ours have, `program`, `formulas` (what its figures are, which is not always
what ours are) and, where the file holds no requests, `summary: true` and quantiles without intervals. Figures that only
that program has keep its name for them.
"""

from __future__ import annotations

from aligntax.experiment.load.foreign.arms import foreign_load, load_of, run_of
from aligntax.experiment.load.foreign.files import read_foreign
from aligntax.experiment.load.foreign.record import Foreign

__all__ = ["Foreign", "foreign_load", "load_of", "read_foreign", "run_of"]
