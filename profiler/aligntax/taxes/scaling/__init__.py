"""The scaling tax: whether a tax grows with the size of the model. Figures and points as one record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aligntax.inference import CONFIDENCE
from aligntax.taxes.by_interval import verdict_by_interval
from aligntax.taxes.record import Figure, Refusal, TaxRecord
from aligntax.taxes.scaling.points import Point, point_of_record, read_points, written_size
from aligntax.taxes.scaling.slope import FEWEST_SIZES, FORMULA, PER_TENFOLD, Slope, fit_slope

__all__ = ["FEWEST_SIZES", "Point", "Slope", "fit_slope", "point_of_record", "read_points", "scaling_tax"]

AS_GIVEN = "relative tax, as the file gives it"


def scaling_tax(
    points: Sequence[Point], *, confidence: float = CONFIDENCE, sources: Sequence[Mapping[str, Any]] = ()
) -> TaxRecord:
    """Return how a relative tax changes with the size of the model, as a record.

    Args:
        points: of one family of models and one figure, each size once. With fewer than `FEWEST_SIZES` there is no
            slope, nor verdict.
        confidence: of the intervals, between 0 and 1.
        sources: what they were read from.

    Raises:
        ValueError: if there is no point, a size comes twice, or they are of several families or figures.
    """
    ordered = sorted(points, key=lambda point: point.size)
    found = fit_slope(ordered, confidence)
    figures, refusals = [_figure(point, confidence) for point in ordered], []
    if isinstance(found, Slope):
        figures.insert(0, _headline(found, ordered))
    else:
        refusals.append(Refusal("slope", "too_few_sizes", found))
    return TaxRecord(
        "scaling",
        "Scaling tax: does it grow with the model?",
        figures,
        refusals,
        {
            "confidence": confidence,
            "family": ordered[0].family,
            "figure": ordered[0].figure,
            "fewest_sizes": FEWEST_SIZES,
        },
        sources,
        more={
            "points": [{"size": point.size, "relative": point.estimate(confidence).to_dict()} for point in ordered],
            "fit": found.to_dict() if isinstance(found, Slope) else None,
        },
    )


def _headline(slope: Slope, points: Sequence[Point]) -> Figure:
    return Figure(
        "slope",
        f"{_titled(points[0])}, for every tenfold size: {slope.direction}",
        slope.per_tenfold,
        PER_TENFOLD,
        n=len(points),
        formula=FORMULA,
        sources=tuple(dict.fromkeys(point.source for point in points)),
        more={"direction": slope.direction, "intercept": slope.intercept, "weighted": slope.weighted},
    )


def _figure(point: Point, confidence: float) -> Figure:
    found = point.estimate(confidence)
    return Figure(
        f"size.{point.size:.12g}",
        f"{_titled(point)} at size {written_size(point.size)}",
        None,
        "share",
        found,
        raw=point.raw,
        verdict=verdict_by_interval(found),
        n=point.n,
        formula="(raw - aligned) / raw" if point.raw is not None else AS_GIVEN,
        sources=(point.source,),
        marks=() if point.error is not None else ("no standard error given",),
    )


def _titled(point: Point) -> str:
    return f"Relative tax of {point.figure}" if point.figure else "Relative tax"
