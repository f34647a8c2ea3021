"""A typical request: which of its layers ran when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aligntax.figures import MISSING, duration
from aligntax.report.experiment.contents import Data
from aligntax.report.experiment.estimates import signed_duration
from aligntax.report.experiment.typical import LayerTimes, TypicalRequest, typical_request
from aligntax.report.page.parts import Picture, Section, Table
from aligntax.report.page.plots.canvas import Drawing, draw
from aligntax.report.page.plots.rows import MAX_ROWS, Bar, Row, paint_rows, rows_height
from aligntax.report.page.plots.scale import unit_for

__all__ = ["request"]

_MAX_LINES = 200
_ENDS = {
    "blocked_input": "was blocked before the model",
    "blocked_output": "had its answer blocked",
    "modified": "was changed by a guard",
    "allowed": "passed all guards",
}


def request(result: Data) -> Section | None:
    """Return the section with the waterfall of the request whose tax is nearest the median; None without traces."""
    typical = typical_request(result.get("traces", ()))
    if typical is None:
        return None
    shown = _shown(typical)
    rows = [
        Row("whole request", duration(typical.seconds), (Bar(0, typical.seconds, "guarded", 0.36),), strong=True),
        *map(_row, shown),
        Row(
            "without its guards",
            duration(typical.raw_seconds),
            (Bar(0, typical.raw_seconds, "raw", 0.36),),
            strong=True,
        ),
    ]
    legend = [("guarded", "request"), ("tax", "guard"), ("raw", "model and raw time")]
    unit = unit_for(typical.seconds)
    drawing = draw(
        Drawing(
            "waterfall",
            "A typical request",
            f"Bars from start to end of each layer's calls. The request took {duration(typical.seconds)}, and would "
            f"have taken {duration(typical.raw_seconds)} without its guards.",
            paint_rows(rows, unit, "time since the request began", legend),
            rows_height(len(rows)),
        )
    )
    left_out = len(typical.layers) - len(shown)
    return Section(
        "request",
        "A typical request",
        _lead(typical),
        (
            Picture(
                drawing,
                "Bars one below another that overlap ran at the same time: a guard that runs beside the model costs "
                "only what it outlasts it by."
                + (f" {left_out} layers that cost least are left out here." if left_out else ""),
                _table(typical),
            ),
        ),
    )


def _lead(typical: TypicalRequest) -> str:
    ended = _ENDS.get(typical.outcome, f"ended with {typical.outcome.replace('_', ' ')}")
    if not typical.comparable:
        return (
            f"None of the {typical.chosen_from:,} recorded requests ran to its end. This one, whose tax is nearest "
            f"their median, {ended} after {duration(typical.seconds)}."
        )
    return (
        f"Of {typical.chosen_from:,} recorded requests, the one whose tax is nearest the median. It {ended} and took "
        f"{duration(typical.seconds)}, of which {duration(typical.tax_seconds)} are due to its guards."
    )


def _shown(typical: TypicalRequest) -> tuple[LayerTimes, ...]:
    """Return as many layers as a picture has room for: the models, and the guards that cost most."""
    room = MAX_ROWS - 2
    dearest = sorted(
        typical.layers,
        key=lambda layer: (layer.share_seconds is not None, -(layer.share_seconds or 0.0), -layer.busy_seconds),
    )
    kept = set(dearest[:room])
    return tuple(layer for layer in typical.layers if layer in kept)


def _row(layer: LayerTimes) -> Row:
    guard = layer.kind == "guard"
    text = duration(layer.busy_seconds)
    if layer.share_seconds is not None:
        text += f", tax {signed_duration(layer.share_seconds)}"
    if layer.verdicts:
        text += f", {'/'.join(layer.verdicts)}"
    return Row(layer.name, text, tuple(Bar(*stretch, "tax" if guard else "raw") for stretch in layer.stretches))


def _table(typical: TypicalRequest) -> Table:
    spans = typical.spans[:_MAX_LINES]
    missing = len(typical.spans) - len(spans) + typical.spans_left_out
    return Table(
        "The calls in the order of their starts." + (f" {missing:,} more are not shown." if missing else ""),
        ("layer", "stage", "start", "took", "CPU", "verdict"),
        tuple(tuple(_cells(span)) for span in spans),
        words=(0, 1, 5),
        summary="The calls as a table",
    )


def _cells(span: Mapping[str, Any]) -> Iterator[str]:
    yield span["layer"]
    yield span["stage"]
    yield duration(span["offset_ns"] / 1e9)
    yield duration(span["duration_ns"] / 1e9)
    yield MISSING if span["cpu_ns"] is None else duration(span["cpu_ns"] / 1e9)
    yield (span["verdict"] or "goes on") if span["kind"] == "guard" else MISSING
