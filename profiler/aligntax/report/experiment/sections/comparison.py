"""With and without the guards: how the times of all requests are spread, and how far pairs of them lie apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aligntax.figures import counts, duration
from aligntax.report.experiment.contents import ARM_NAMES, QUANTILES, Data, comparable_pairs, estimate
from aligntax.report.experiment.estimates import quantile_interval, signed_duration, with_interval
from aligntax.report.experiment.further import warmed_up
from aligntax.report.experiment.plots.distribution import paint_differences, paint_distributions
from aligntax.report.experiment.wording import arm_name, band, confidence, counted, in_order
from aligntax.report.page.parts import Picture, Section, Table
from aligntax.report.page.plots.canvas import Drawing, draw
from aligntax.report.page.plots.scale import unit_for

__all__ = ["comparison"]

_HEIGHTS = (290.0, 320.0)

Values = np.ndarray[Any, np.dtype[np.float64]]


def comparison(result: Data) -> Section:
    """Return the section with the distributions, the differences, and the quantiles of all arms."""
    pairs = comparable_pairs(result)
    seconds = result["samples"].get("seconds", {})
    arms = {arm: [values[index] for index in pairs] for arm, values in seconds.items() if arm in ARM_NAMES}
    blocks: list[Picture | Table] = []
    if pairs:
        blocks += [_distributions(arms), _differences(result, arms)]
    blocks.append(
        _times(
            f"How long requests take, by arm, with {confidence(result)} intervals. Quantiles of two arms must not be "
            "subtracted from each other: their difference is not the tax of any request.",
            result.get("latency", {}),
        )
    )
    if warm := warmed_up(result):
        caption = "How long the first requests of each arm took, which warmed it up; they count nowhere else."
        blocks.append(_times(caption, warm, summary="The warm-up as a table"))
    blocks.append(_outcomes(result))
    if pairs:
        lead = (
            f"{counted(len(pairs), 'pair')} of the same request, once with and once without its guards, of which both "
            "ran to their end. The further the two curves lie apart, the more the guards cost."
        )
    else:
        lead = "No request ran to its end both with and without its guards, so there is nothing to compare."
    return Section("comparison", "With and without guards", lead, tuple(blocks))


def _distributions(arms: dict[str, list[float]]) -> Picture:
    every = np.concatenate([np.asarray(values) for values in arms.values()])
    medians = ", ".join(
        f"{arm_name(arm)} half of them in {duration(float(np.median(arms[arm])))}" for arm in ("raw", "guarded")
    )
    drawing = draw(
        Drawing(
            "distribution",
            "How long requests take",
            f"The part of the requests that is done after a time: {medians}.",
            paint_distributions(arms, unit_for(float(np.quantile(every, 0.9)))),
            _HEIGHTS,
        )
    )
    return Picture(
        drawing,
        "How many of the requests are done after a time. The slowest 1 % may lie outside of the picture; the table of "
        "quantiles has them.",
    )


def _differences(result: Data, arms: dict[str, list[float]]) -> Picture:
    tax = np.subtract(arms["guarded"], arms["raw"])
    null = np.subtract(arms["null"], arms["raw"]) if "null" in arms else np.empty(0)
    found = estimate(result["tax"].get("seconds"))
    known = None if found is None or found.low is None or found.high is None else (found.low, found.high)
    median = float(np.median(tax)) if found is None else found.value
    drawing = draw(
        Drawing(
            "differences",
            "What the guards add to each request",
            f"With guards minus without: median {with_interval(result['tax'].get('seconds'), signed_duration)}. "
            f"{band(result)}",
            paint_differences(
                tax.tolist(), null.tolist(), median, known, unit_for(float(np.quantile(np.abs(tax), 0.9)))
            ),
            _HEIGHTS,
        )
    )
    return Picture(
        drawing,
        "The difference of each pair: what the guards added to that request. The line shows how far two requests "
        "lie apart that both ran without guards: where the two shapes cover each other, there is nothing but noise."
        if len(null)
        else "The difference of each pair: what the guards added to that request.",
        _quantiles(tax, null),
    )


def _quantiles(tax: Values, null: Values) -> Table:
    head = ("part of the pairs", "tax at most", *(("A/A at most",) if len(null) else ()))
    parts = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
    columns = [_at_most(values, parts) for values in (tax, null) if len(values)]
    rows = tuple(
        (f"{part:.0%}".replace("%", " %"), *(signed_duration(float(column[index])) for column in columns))
        for index, part in enumerate(parts)
    )
    return Table("Quantiles of the differences of the pairs.", head, rows, summary="The differences as a table")


def _at_most(values: Values, parts: Sequence[float]) -> Values:
    """Return quantiles that were seen; in the middle the median, as the headline has it."""
    found = np.quantile(values, parts, method="inverted_cdf")
    found[parts.index(0.5)] = np.median(values)
    return found


def _times(caption: str, latency: Mapping[str, Any], summary: str = "") -> Table:
    rows = []
    for arm in in_order(latency):
        times = latency[arm]
        cells = (quantile_interval(times.get(name)) for name in QUANTILES)
        rows.append((arm_name(arm), *cells, duration(times.get("mean")), f"{times.get('n', 0):,}"))
    return Table(caption, ("arm", *QUANTILES, "mean", "n"), tuple(rows), summary=summary)


def _outcomes(result: Data) -> Table:
    rows = tuple((arm_name(arm), counts(found)) for arm, found in result.get("outcomes", {}).items())
    return Table("How the requests of each arm ended.", ("arm", "outcomes"), rows, words=(0, 1))
