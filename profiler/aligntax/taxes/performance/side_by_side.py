"""One score in both arms, paired where its items allow, in the unit that it is told in."""

from __future__ import annotations

import math
from typing import NamedTuple

from aligntax.inference import Estimate
from aligntax.taxes.performance.contrast import Contrast
from aligntax.taxes.performance.matching import Match
from aligntax.taxes.performance.metrics import Scale, described
from aligntax.taxes.performance.of_pairs import of_pairs
from aligntax.taxes.performance.of_summaries import of_summaries
from aligntax.taxes.performance.pairing import Pairs, paired
from aligntax.taxes.performance.scores import Arm
from aligntax.taxes.record import Refusal

__all__ = ["POINTS", "Compared", "compared", "wholes"]

POINTS = "points"


class Compared(NamedTuple):
    """One score of both arms.

    Attributes:
        match: the scores, in the unit of their files.
        contrast: of them, in `unit`.
        unit: points of shares and percentages; the metric's name where it has a unit of its own.
        factor: what makes that unit of the file's.
        direction: 1 where more is better, -1 where less is.
        why_unpaired: in words; empty for pairs.
        below_zero: whether a share of raw means nothing, since the metric can be negative.
    """

    match: Match
    contrast: Contrast
    unit: str
    factor: float
    direction: int
    why_unpaired: str
    below_zero: bool

    @property
    def title(self) -> str:
        """The score, for people."""
        return f"{self.match.key.task}: {self.match.key.label}"

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the files that it is from."""
        return tuple(dict.fromkeys((self.match.raw.source, self.match.aligned.source)))


def compared(match: Match, raw: Arm, aligned: Arm, confidence: float, *, whole: float | None) -> Compared | Refusal:
    """Return the tax of one score, or why its samples do not go together.

    Args:
        match: the score of both arms.
        raw: with its samples.
        aligned: likewise.
        confidence: of the interval.
        whole: see `wholes`.
    """
    key, known = match.key, described(match.key.metric)
    told = match.raw.higher_is_better if match.raw.higher_is_better is not None else match.aligned.higher_is_better
    direction = 1 if told else -1
    found = paired(
        f"{key.task}: {key.label}",
        (match.raw, match.aligned),
        (raw.samples.get(key), aligned.samples.get(key)),
    )
    if isinstance(found, Refusal):
        return found
    lowest = min(match.raw.value, match.aligned.value)
    if isinstance(found, Pairs):
        why = ""
        contrast = of_pairs(found, direction, confidence)
        lowest = min(lowest, float(found.raw.min()), float(found.aligned.min()))
    else:
        why = found.why
        counted = whole if known.scale is Scale.COUNTED else None
        contrast = of_summaries(match.raw, match.aligned, direction, confidence, counted_of=counted)
    unit, factor = (key.metric, 1.0) if whole is None else (POINTS, 100 / whole)
    return Compared(match, _scaled(contrast, factor), unit, factor, direction, why, known.below_zero or lowest < 0)


def wholes(raw: Arm, aligned: Arm) -> dict[str, float | None]:
    """Return what a share of each metric is a share of, 1 or 100; None for a metric in a unit of its own.

    A share is taken to be written in percent in both files if one of its scores in either is above 1.
    """
    in_percent: dict[str, bool] = {}
    for arm in (raw, aligned):
        for key, score in arm.scores.items():
            above = score.value > 1 and math.isfinite(score.value)
            in_percent[key.metric] = above or in_percent.get(key.metric, False)
    return {metric: _whole(described(metric).scale, in_percent=found) for metric, found in in_percent.items()}


def _whole(scale: Scale, *, in_percent: bool) -> float | None:
    if scale is Scale.OWN:
        return None
    return 100.0 if in_percent or scale is Scale.PERCENT else 1.0


def _scaled(contrast: Contrast, factor: float) -> Contrast:
    """Return a contrast in another unit."""
    value, low, high = contrast.absolute
    return contrast._replace(
        absolute=Estimate(factor * value, _times(factor, low), _times(factor, high)),
        raw=factor * contrast.raw,
        aligned=factor * contrast.aligned,
        error=_times(factor, contrast.error),
        raw_error=_times(factor, contrast.raw_error),
        covariance=factor**2 * contrast.covariance,
        middle=factor * contrast.middle,
        span=_times(factor, contrast.span),
    )


def _times(factor: float, value: float | None) -> float | None:
    return None if value is None else factor * value
