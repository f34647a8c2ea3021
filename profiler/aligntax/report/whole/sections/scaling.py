"""Whether a tax grows with the size of the model."""

from __future__ import annotations

import math

from aligntax.figures import MISSING
from aligntax.report.experiment.contents import estimate
from aligntax.report.page.parts import Picture, Section
from aligntax.report.page.plots.canvas import Drawing, draw
from aligntax.report.page.plots.curves import Line, Series, paint_curve
from aligntax.report.whole.contents import Data
from aligntax.report.whole.wording import written

__all__ = ["scaling"]

_HEIGHTS = (300.0, 300.0)
_SUFFIXES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def scaling(whole: Data) -> Section | None:
    """Return the section with a curve for each record of scaling; None where there is none with points."""
    blocks = tuple(
        _picture(number, detail)
        for number, detail in enumerate(whole["details"])
        if detail["kind"] == "scaling" and detail["more"].get("points")
    )
    if not blocks:
        return None
    return Section(
        "scaling",
        "Does it grow with the model?",
        "The relative tax of models of one family, over their size. With fewer than four sizes there are points, and "
        "no verdict.",
        blocks,
    )


def _picture(number: int, detail: Data) -> Picture:
    points, fit = detail["more"]["points"], detail["more"].get("fit")
    sizes = [float(point["size"]) for point in points]
    found = [one for point in points if (one := estimate(point["relative"])) is not None]
    said = "too few sizes for a verdict"
    if fit is not None:
        said = f"{fit['direction']}: {written(fit['per_tenfold'], 'share per tenfold size', signed=True)}"
    drawing = draw(
        Drawing(
            f"scaling-{number}",
            "Relative tax over the size of the model",
            f"{len(points)} sizes from {_size(min(sizes))} to {_size(max(sizes))}: {said}.",
            paint_curve(
                [Series("tax", "relative tax", sizes, found, joined=fit is None)],
                across="size of the model",
                up="tax / raw, %",
                factor=100.0,
                fitted=None if fit is None else _line(fit, sizes),
                place=_size,
            ),
            _HEIGHTS,
        )
    )
    return Picture(drawing, f"The tax over size: {said}. n = {len(points)} sizes, from {detail['source']}.")


def _line(fit: Data, sizes: list[float]) -> Line:
    ends = [min(sizes), max(sizes)]
    heights = [fit["intercept"] + fit["per_tenfold"]["value"] * math.log10(size) for size in ends]
    return Line("fitted: a + b log(size)", ends, heights)


def _size(size: float) -> str:
    factor, suffix = next((pair for pair in _SUFFIXES if size >= pair[0]), (1.0, ""))
    return f"{size / factor:.4g}{suffix}" if size else MISSING
