"""The columns of the terminal's table of guards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from aligntax.figures import MISSING, counts, duration, share
from aligntax.report.experiment.contents import Data, estimate
from aligntax.report.experiment.estimates import interval, signed_duration, value
from aligntax.report.experiment.wording import confidence
from aligntax.report.layer_columns import TAX_STYLE, Column, figure

__all__ = ["cost_columns", "name_column", "verdict_columns"]

Guard = Mapping[str, Any]


def name_column(guards: Sequence[Guard]) -> Column:
    """Return the column that says which guard a line is about."""
    return Column("guard", tuple(Text(guard["name"]) for guard in guards), "all guards", "left", shrinks=True)


def cost_columns(guards: Sequence[Guard], result: Data) -> list[Column]:
    """Return the columns on what each guard costs a request: the four ways, and how sure the share is."""
    replayed = (result.get("contention") or {}).get("replayed_seconds")
    known = estimate(replayed) is not None
    return [
        *(
            Column(way, tuple(figure(value(guard.get(f"{way}_seconds"), duration)) for guard in guards))
            for way in ("busy", "critical", "drag")
        ),
        Column(
            "share",
            tuple(Text(value(guard.get("share_seconds"), signed_duration), style=TAX_STYLE) for guard in guards),
            value(replayed, signed_duration) if known else "",
        ),
        Column(
            f"{confidence(result)} interval",
            tuple(figure(interval(guard.get("share_seconds"), signed_duration)) for guard in guards),
            interval(replayed, signed_duration) if known else "",
        ),
        Column("of tax", tuple(figure(share(guard.get("share_of_tax"))) for guard in guards)),
        Column("noise", tuple(map(_against_noise, guards)), align="left"),
    ]


def verdict_columns(guards: Sequence[Guard]) -> list[Column]:
    """Return the columns on the calls of each guard and what they said."""
    return [
        Column("stage", tuple(Text(guard.get("stage") or MISSING, style="dim") for guard in guards), align="left"),
        Column("calls compared", tuple(Text(f"{guard.get('calls', 0):,}") for guard in guards)),
        Column(
            "verdicts, all calls",
            tuple(figure(counts(guard.get("verdicts") or {})) for guard in guards),
            "",
            "left",
            shrinks=True,
        ),
    ]


def _against_noise(guard: Guard) -> Text:
    stands_out = guard.get("distinguishable")
    if stands_out is None:
        return figure(MISSING)
    return Text("above" if stands_out else "within", style="" if stands_out else "dim")
