"""Every tax over releases: does it decline?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from aligntax.inference import Estimate, fit_line

__all__ = ["CANNOT_TELL", "DECLINES", "FEWEST_RELEASES", "GROWS", "Rows", "trend"]

FEWEST_RELEASES = 4
"""Below it a slope has at most one degree of freedom for its error: whatever came out would look like a trend."""

DECLINES, GROWS, CANNOT_TELL = "declines", "grows", "cannot tell"
_DAYS_A_YEAR = 365.25

Rows = Sequence[Mapping[str, Any]]


def trend(releases: Sequence[tuple[str, datetime, Rows]]) -> list[dict[str, Any]]:
    """Return how each figure went over releases, for those that two or more of them have.

    The relative tax is followed where all releases have it, since machines and test sets differ; else the absolute
    one. The verdict is that of the slope's interval, from four releases on: least squares over time in years, or over
    the number of the release where all are of one day. A release weighs by the standard error that its interval stands
    for, at the confidence of that interval.

    Args:
        releases: the oldest first: name, date, and the figures as plain data, with their `kind`, `headline`, and the
            `confidence` of their intervals.

    Returns:
        Of each figure `kind`, `name`, `title`, `unit`, `headline` and `measure` ("relative" or "absolute"); `points`
        with `release`, `date`, `estimate`, its `confidence`, and where it is from: `source`, `formula` and `n`; `slope`
        (an estimate, or None), `per` ("year" or "release"), `verdict` ("declines", "grows", "cannot tell", or None),
        and `reason`, why there is none.
    """
    found: dict[tuple[str, str], list[tuple[str, datetime, Mapping[str, Any]]]] = {}
    for name, date, rows in releases:
        for row in rows:
            found.setdefault((row["kind"], row["name"]), []).append((name, date, row))
    figures = [_figure(points) for points in found.values()]
    return [figure for figure in figures if len(figure["points"]) > 1]


def _figure(points: Sequence[tuple[str, datetime, Mapping[str, Any]]]) -> dict[str, Any]:
    latest = points[-1][2]
    measure = "relative" if all(row["relative"] for *_, row in points) else "absolute"
    known = [(name, date, Estimate.from_dict(row[measure]), row) for name, date, row in points if row[measure]]
    slope, per, reason = _slope([(date, estimate, float(row["confidence"])) for _, date, estimate, row in known])
    return {
        **{key: latest[key] for key in ("kind", "name", "title", "unit", "headline")},
        "measure": measure,
        "points": [
            {
                "release": name,
                "date": date.date().isoformat(),
                "estimate": estimate.to_dict(),
                **{key: row[key] for key in ("confidence", "source", "formula", "n")},
            }
            for name, date, estimate, row in known
        ],
        "slope": None if slope is None else slope.to_dict(),
        "per": per,
        "verdict": None if slope is None else _verdict(slope),
        "reason": reason,
    }


def _slope(points: Sequence[tuple[datetime, Estimate, float]]) -> tuple[Estimate | None, str, str]:
    """Return the slope, what it is for each of, and why there is none."""
    if len(points) < FEWEST_RELEASES:
        return None, "", f"{len(points)} releases are too few for a trend; measure {FEWEST_RELEASES} or more"
    first = points[0][0]
    years = [(date - first).total_seconds() / 86_400 / _DAYS_A_YEAR for date, *_ in points]
    per = "year" if max(years) * _DAYS_A_YEAR >= 1 else "release"
    places = years if per == "year" else [float(number) for number in range(len(points))]
    heights = [estimate.value for _, estimate, _ in points]
    errors = [estimate.standard_error(confidence) for _, estimate, confidence in points]
    return fit_line(places, heights, errors).slope, per, ""


def _verdict(slope: Estimate) -> str:
    if slope.high is not None and slope.high < 0:
        return DECLINES
    return GROWS if slope.low is not None and slope.low > 0 else CANNOT_TELL
