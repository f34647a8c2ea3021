"""Every tax over releases: does it decline?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from aligntax.figures import MISSING
from aligntax.report.experiment.contents import estimate
from aligntax.report.experiment.wording import counted
from aligntax.report.page.parts import Block, Noted, Paragraph, Picture, Section, Table
from aligntax.report.page.plots.canvas import Drawing, draw
from aligntax.report.page.plots.curves import paint_trend
from aligntax.report.page.plots.scale import Unit, unit_for
from aligntax.report.whole.contents import Data
from aligntax.report.whole.wording import count, kind_name, of_trend, short, written

__all__ = ["MAX_PICTURES", "MAX_ROWS", "trend"]

MAX_PICTURES = 8
MAX_ROWS = 500
_HEIGHT = 230.0


def trend(whole: Data) -> Section | None:
    """Return the section on releases; None where there are none to follow."""
    figures = whole["trend"]
    if not figures:
        return None
    headline = [figure for figure in figures if figure["headline"]]
    first = headline or figures[:MAX_PICTURES]
    blocks: list[Block] = [_verdicts(whole, first)]
    blocks += [_picture(whole, number, figure) for number, figure in enumerate(headline[:MAX_PICTURES])]
    others = [figure for figure in figures if figure not in first]
    if others:
        blocks.append(_verdicts(whole, others, summary=f"All other figures over releases: {len(others):,}"))
    blocks.append(
        Paragraph(
            "A line is fitted over time by least squares; a release weighs by the width of its interval. The verdict "
            "is that of the slope's 95 % interval, which follows from how far the releases lie from the line: a tax "
            "declines where all of it is below 0, and grows where all of it is above. A bonus that shrinks is a tax "
            "that grows. Each figure is judged alone: of twenty that do not move, one may seem to.",
            "Slope",
        )
    )
    return Section("trend", "Does it decline?", _reading(whole, first), tuple(blocks))


def _reading(whole: Data, figures: list[Data]) -> str:
    releases = whole["releases"]
    span = f"{len(releases):,} releases from {releases[0]['date']} to {releases[-1]['date']}."
    if all(figure["verdict"] is None for figure in figures):
        return f"{span} {figures[0]['reason'].capitalize()}."
    said = [f"{kind_name(figure['kind'])}: {figure['verdict']}" for figure in figures if figure["verdict"] is not None]
    return f"{span} {'; '.join(said)}."


def _verdicts(whole: Data, figures: list[Data], summary: str = "") -> Table:
    rows = [
        (
            Noted(f"{kind_name(figure['kind'])}: {figure['title']}", _from(figure)),
            "of raw" if figure["measure"] == "relative" else "absolute",
            *(of_trend(whole, figure, figure["points"][end]["estimate"]) for end in (0, -1)),
            _slope(figure),
            figure["verdict"] or figure["reason"] or MISSING,
        )
        for figure in figures[:MAX_ROWS]
    ]
    more = f" {len(figures) - MAX_ROWS:,} more are in the JSON." if len(figures) > MAX_ROWS else ""
    return Table(
        f"Each tax from the first release to the latest one, and how fast it moves.{more}",
        ("tax, and its formula", "measured", "first", "latest", "slope", "does it decline?"),
        rows,
        words=(0, 1, 5),
        summary=summary,
    )


def _formula(figure: Data) -> str:
    return str(figure["points"][-1].get("formula", ""))


def _from(figure: Data) -> str:
    return "; ".join(part for part in (_formula(figure), counted(len(figure["points"]), "release")) if part)


def _slope(figure: Data) -> str:
    if figure["slope"] is None:
        return MISSING
    text = written(figure["slope"], "share" if figure["measure"] == "relative" else figure["unit"], signed=True)
    value, bracket, interval = text.partition(" (")
    return f"{value} a {figure['per']}{bracket}{interval}"


def _picture(whole: Data, number: int, figure: Data) -> Picture:
    points = figure["points"]
    estimates = [found for point in points if (found := estimate(point["estimate"])) is not None]
    unit = _axis(figure, max(abs(found.value) for found in estimates))
    verdict = figure["verdict"] or figure["reason"]
    title = f"{kind_name(figure['kind'])}: {figure['title']}"
    write = partial(of_trend, whole, figure)
    drawing = draw(
        Drawing(
            f"trend-{number}",
            f"{title}, over releases",
            f"{len(points):,} releases, first {write(points[0]['estimate'])}, latest {write(points[-1]['estimate'])}: "
            f"{verdict}.",
            paint_trend(
                estimates,
                [point["date"] for point in points],
                name=kind_name(figure["kind"]),
                up=unit.name,
                factor=unit.factor,
            ),
            (_HEIGHT, _HEIGHT),
        )
    )
    sums = {one["file"]: str(one["sha256"]) for release in whole["releases"] for one in release.get("sources", ())}
    rows = [(point["release"], point["date"], write(point["estimate"]), *_origin(point, sums)) for point in points]
    table = Table(
        f"The releases. Each tax by: {_formula(figure)}." if _formula(figure) else "The releases.",
        ("release", "date", "tax", "n", "file, and its SHA-256"),
        rows,
        words=(0, 1, 4),
        summary="The releases as a table",
    )
    return Picture(drawing, f"{title}: {verdict}.", table)


def _origin(point: Data, sums: Mapping[str, str]) -> tuple[str | Noted, ...]:
    file = str(point.get("source", MISSING))
    return MISSING if point.get("n") is None else count(point), Noted(file, short(sums.get(file, "")))


def _axis(figure: Data, greatest: float) -> Unit:
    if figure["measure"] == "relative":
        return Unit(100.0, "tax / raw, %")
    if figure["unit"] == "seconds":
        unit = unit_for(greatest)
        return Unit(unit.factor, f"tax, {unit.name}")
    if figure["unit"].partition(" ")[0] == "share":
        return Unit(100.0, f"tax, points{figure['unit'].removeprefix('share')}")
    return Unit(1.0, f"tax, {figure['unit']}")
