"""What changes to the guards would save: predictions from the recorded requests, and how well they were met."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aligntax.figures import MISSING, duration
from aligntax.report.experiment.contents import Data, estimate
from aligntax.report.experiment.estimates import quantile_interval, signed_duration, signed_percentage, with_interval
from aligntax.report.page.parts import Picture, Section, Table, Warnings
from aligntax.report.page.plots.canvas import Drawing, draw
from aligntax.report.page.plots.rows import MAX_ROWS, Bar, Row, paint_rows, rows_height
from aligntax.report.page.plots.scale import unit_for

__all__ = ["whatif"]

_COMPARED = [(kind, how) for kind in ("tax", "saving") for how in ("predicted", "measured")]
_ERRORS = ("tax", "request")
_CONTRAST = ("before", "after", "difference")

Scenario = Mapping[str, Any]


def whatif(result: Data) -> Section | None:
    """Return the section with the scenarios; None where there are none."""
    scenarios = result.get("whatif") or ()
    if isinstance(scenarios, Mapping):
        scenarios = (scenarios,)
    if not scenarios:
        return None
    blocks: list[Picture | Table | Warnings] = []
    rows = [row for scenario in scenarios[:MAX_ROWS] for row in _rows(scenario)]
    if rows:
        blocks.append(_picture(scenarios, rows))
    blocks.append(_predictions(scenarios))
    blocks += [table for table in (_blocks(scenarios), _verifications(scenarios)) if table is not None]
    warned = tuple(
        f"{scenario['scenario']}: {text}"
        for scenario in scenarios
        for warned_of in (scenario, scenario.get("verification") or {})
        for text in warned_of.get("warnings") or ()
    )
    if warned:
        blocks.append(Warnings(warned))
    return Section(
        "whatif",
        "What if",
        "Predictions: the recorded requests replayed with a change. What was run for real as well stands beside them.",
        tuple(blocks),
    )


def _rows(scenario: Scenario) -> list[Row]:
    changed = scenario["tax"]["mean_seconds"]
    before, after = estimate(changed["before"]), estimate(changed["after"])
    if before is None or after is None:
        return []
    return [
        Row(
            scenario["scenario"],
            f"{signed_duration(before.value)} to {signed_duration(after.value)}",
            (Bar(0, before.value, "tax", 0.66, faint=True), Bar(0, after.value, "tax", 0.34)),
            None if after.low is None or after.high is None else (after.low, after.high),
        )
    ]


def _picture(scenarios: Any, rows: list[Row]) -> Picture:
    unit = unit_for(max(abs(bar.length) for row in rows for bar in row.bars))
    drawing = draw(
        Drawing(
            "whatif",
            "The tax before and after a change",
            "; ".join(f"{scenario['scenario']}: {_saved(scenario)}" for scenario in scenarios[:MAX_ROWS]),
            paint_rows(rows, unit, "mean tax of a request", [("tax", "after the change"), ("tax~", "before")]),
            rows_height(len(rows)),
        )
    )
    return Picture(drawing, "The mean tax of a request, as recorded and as predicted, with the prediction's interval.")


def _saved(scenario: Scenario) -> str:
    return with_interval(scenario["tax"]["mean_seconds"]["difference"], signed_duration)


def _predictions(scenarios: Any) -> Table:
    rows = []
    for scenario in scenarios:
        tax = scenario["tax"]
        rows.append(
            (
                scenario["scenario"],
                *(with_interval(tax["mean_seconds"][when], signed_duration) for when in _CONTRAST),
                *(quantile_interval(tax[f"{of}_seconds"]["difference"], signed_duration) for of in ("p50", "p99")),
                with_interval((tax.get("relative") or {}).get("after"), signed_percentage),
            )
        )
    return Table(
        "The tax of a request before and after each change. The last two differences are between quantiles of two "
        "distributions, and no request's own.",
        ("change", "mean before", "mean after", "difference", "of p50", "of p99", "tax / raw after"),
        rows,
    )


def _blocks(scenarios: Any) -> Table | None:
    """Return what becomes of blocked requests, which have no tax; None where there are none."""
    rows = [
        (
            scenario["scenario"],
            *(with_interval(blocked["mean_seconds"][when], duration) for when in ("before", "after")),
            with_interval(blocked["mean_seconds"]["difference"], signed_duration),
            f"{blocked['n']:,}",
            f"{blocked['let_through']:,}",
        )
        for scenario in scenarios
        if (blocked := scenario.get("blocked"))
    ]
    if not rows:
        return None
    return Table(
        "How long a blocked request takes until it is blocked, mean. What a change lets through is not known further.",
        ("change", "before", "after", "difference", "blocked", "let through"),
        rows,
    )


def _verifications(scenarios: Any) -> Table | None:
    rows = [
        (
            scenario["scenario"],
            *(with_interval(found[kind]["p50_seconds"][how], signed_duration) for kind, how in _COMPARED),
            *(MISSING if error is None else signed_percentage(error) for error in map(found["error"].get, _ERRORS)),
            f"{found['n']:,}",
        )
        for scenario in scenarios
        if (found := scenario.get("verification"))
    ]
    if not rows:
        return None
    return Table(
        "Predicted, and then measured with the change made: medians. An error is predicted over measured, less one.",
        (
            *("change", "tax, predicted", "tax, measured", "saving, predicted", "saving, measured"),
            *("error of the tax", "error of the request", "pairs"),
        ),
        rows,
    )
