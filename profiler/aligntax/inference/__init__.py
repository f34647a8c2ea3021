"""What two samples say about each other: intervals, tests, verdicts, power. Pure functions; needs the extra `bench`."""

from __future__ import annotations

try:
    import scipy.stats  # noqa: F401 (what the modules of this package work with)
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"experiments need {error.name}, which is not installed; run: pip install 'aligntax[bench]'", name=error.name
    ) from error

from aligntax.inference.clusters import cluster_bootstrap, clustered_covariance, clustered_mean
from aligntax.inference.equivalence import equivalence_p
from aligntax.inference.estimate import CONFIDENCE, Estimate
from aligntax.inference.fieller import fieller
from aligntax.inference.line import FittedLine, fit_line
from aligntax.inference.location import (
    difference_of_medians,
    mean,
    mean_of_differences,
    median,
    median_of_differences,
    quantile,
)
from aligntax.inference.mcnemar import McNemar, mcnemar
from aligntax.inference.multiplicity import holm
from aligntax.inference.permutation import RESAMPLES, Statistic, permutation_p
from aligntax.inference.power import Detectable, detectable_effect, power_table, rounds_needed
from aligntax.inference.proportions import newcombe, wilson
from aligntax.inference.rank_equivalence import equivalence_by_ranks
from aligntax.inference.ratio import ratio_of_means, relative_difference
from aligntax.inference.verdict import Comparison, Verdict, compare, decide

__all__ = [
    "CONFIDENCE",
    "RESAMPLES",
    "Comparison",
    "Detectable",
    "Estimate",
    "FittedLine",
    "McNemar",
    "Statistic",
    "Verdict",
    "cluster_bootstrap",
    "clustered_covariance",
    "clustered_mean",
    "compare",
    "decide",
    "detectable_effect",
    "difference_of_medians",
    "equivalence_by_ranks",
    "equivalence_p",
    "fieller",
    "fit_line",
    "holm",
    "mcnemar",
    "mean",
    "mean_of_differences",
    "median",
    "median_of_differences",
    "newcombe",
    "permutation_p",
    "power_table",
    "quantile",
    "ratio_of_means",
    "relative_difference",
    "rounds_needed",
    "wilson",
]
