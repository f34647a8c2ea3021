"""The tax by guard: a picture of the shares, and the four numbers of each guard."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aligntax.figures import MISSING, counts, duration, share
from aligntax.report.experiment.contents import Data, estimate
from aligntax.report.experiment.estimates import signed_duration, value, with_interval
from aligntax.report.experiment.wording import above_noise, by_share, confidence, share_of
from aligntax.report.page.parts import Paragraph, Picture, Section, Table
from aligntax.report.page.plots.canvas import Drawing, draw
from aligntax.report.page.plots.rows import MAX_ROWS, Bar, Row, paint_rows, rows_height
from aligntax.report.page.plots.scale import unit_for

__all__ = ["guards"]

Guard = Mapping[str, Any]
_COUNTED = (
    "The calls of each guard, and what else was measured of it. Calls are those of requests that are compared; "
    "verdicts are those of all requests, blocked ones as well."
)


def guards(result: Data) -> Section | None:
    """Return the section with the tax of each guard; None where there are no guards."""
    found = by_share(result["guards"])
    if not found:
        return None
    known = [guard for guard in found if estimate(guard.get("share_seconds")) is not None]
    blocks: list[Picture | Table | Paragraph] = [_four_ways(result, found)]
    if known:
        blocks.insert(0, _picture(known))
    blocks.append(_calls(result, found))
    lead = _dearest(known)
    return Section("guards", "Tax by guard", lead, tuple(blocks))


def _dearest(known: Sequence[Guard]) -> str:
    real = [guard for guard in known if guard.get("distinguishable") and share_of(guard) > 0]
    ending = "The shares add up to the tax that the recorded requests show."
    if not real:
        return f"No guard's share stands out from the noise. {ending}"
    first = real[0]
    part = first.get("share_of_tax")
    of_tax = "" if part is None else f", {share(part)} of the tax"
    return f"Dearest is {first['name']}: {value(first['share_seconds'], signed_duration)} a request{of_tax}. {ending}"


def _picture(known: Sequence[Guard]) -> Picture:
    shown = known[:MAX_ROWS]
    rows = [_row(guard) for guard in shown]
    greatest = max(abs(bar.length) for row in rows for bar in row.bars)
    drawing = draw(
        Drawing(
            "shares",
            "Tax by guard",
            "; ".join(f"{guard['name']} {with_interval(guard['share_seconds'], signed_duration)}" for guard in shown),
            paint_rows(
                rows, unit_for(greatest), "mean of a request", [("tax", "its share of the tax"), ("raw~", "busy time")]
            ),
            rows_height(len(rows)),
        )
    )
    left_out = len(known) - len(shown)
    return Picture(
        drawing,
        "What each guard adds to a request, with its interval as a thin line, before how long it works. Where the "
        "bar behind is longer, the guard works while something else has to be waited for anyway."
        + (f" The {left_out} guards that cost least are only in the table." if left_out else ""),
    )


def _row(guard: Guard) -> Row:
    found = estimate(guard["share_seconds"])
    busy = estimate(guard.get("busy_seconds"))
    assert found is not None  # noqa: S101 (only guards that have one come here)
    bars = [Bar(0, found.value, "tax", 0.34)]
    if busy is not None:
        bars.insert(0, Bar(0, busy.value, "raw", 0.66, faint=True))
    part = guard.get("share_of_tax")
    text = value(guard["share_seconds"], signed_duration) + ("" if part is None else f", {share(part)}")
    return Row(guard["name"], text, bars, None if found.low is None or found.high is None else (found.low, found.high))


def _four_ways(result: Data, found: Sequence[Guard]) -> Table:
    rows = [
        (
            guard["name"],
            *(value(guard.get(f"{way}_seconds"), duration) for way in ("busy", "critical", "drag")),
            with_interval(guard.get("share_seconds"), signed_duration),
            share(guard.get("share_of_tax")),
            above_noise(guard.get("distinguishable")),
        )
        for guard in found
    ]
    replayed = (result.get("contention") or {}).get("replayed_seconds")
    if estimate(replayed) is not None:
        rows.append(("all guards", *[MISSING] * 3, with_interval(replayed, signed_duration), MISSING, MISSING))
    return Table(
        "Means of a request. Busy: in its calls. Critical: on the path that the request waited for. Drag: what "
        "removing this guard alone would save. Share: its part of the tax, the one of the four that adds up, with "
        f"its {confidence(result)} interval.",
        ("guard", "busy", "critical", "drag", "share", "of the tax", "above noise"),
        tuple(rows),
        words=(0, 6),
    )


def _calls(result: Data, found: Sequence[Guard]) -> Table:
    first = (result.get("cold_start") or {}).get("guards") or {}
    columns: list[tuple[str, Callable[[Guard], str]]] = [
        ("guard", lambda guard: str(guard["name"])),
        ("stage", lambda guard: str(guard.get("stage") or MISSING)),
        ("verdicts", lambda guard: counts(guard.get("verdicts") or {})),
        ("calls", lambda guard: f"{guard.get('calls', 0):,}"),
        ("first call", lambda guard: value(guard.get("first_call_seconds", first.get(guard["name"])), duration)),
        ("CPU", _mean("cpu_seconds")),
        ("GPU", _mean("gpu_seconds")),
        ("alone", _mean("alone_seconds")),
        ("left out", _mean("left_out_seconds")),
    ]
    always = 4
    kept = [
        column
        for position, column in enumerate(columns)
        if position < always or any(column[1](guard) != MISSING for guard in found)
    ]
    names = {name for name, _ in kept}
    notes = [
        text
        for name, text in (
            ("alone", "Alone: the tax measured with this guard and no other."),
            ("left out", "Left out: what was saved by running all guards but this one."),
        )
        if name in names
    ]
    return Table(
        " ".join([_COUNTED, *notes]),
        tuple(name for name, _ in kept),
        tuple(tuple(write(guard) for _, write in kept) for guard in found),
        words=(0, 1, 2),
    )


def _mean(name: str) -> Callable[[Guard], str]:
    return lambda guard: value(guard.get(name), duration)
