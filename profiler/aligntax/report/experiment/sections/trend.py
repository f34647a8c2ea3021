"""The tax of one run after another: does it decline?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from aligntax.figures import MISSING
from aligntax.inference import Estimate
from aligntax.report.experiment.contents import Data, estimate
from aligntax.report.experiment.estimates import signed_duration, signed_percentage, with_interval
from aligntax.report.experiment.wording import confidence
from aligntax.report.page.parts import Picture, Section, Table
from aligntax.report.page.plots.canvas import Drawing, draw
from aligntax.report.page.plots.curves import paint_trend

__all__ = ["MAX_RUNS", "trend"]

MAX_RUNS = 200
"""Of more runs, the latest are shown."""

_HEIGHT = 270.0


class _Run(NamedTuple):
    created: datetime
    relative: Estimate
    absolute: Any
    cpu_model: str | None
    change_point: bool

    @property
    def day(self) -> str:
        return f"{self.created:%Y-%m-%d}"

    @property
    def tax(self) -> str:
        return with_interval(self.relative.to_dict(), signed_percentage)


def trend(result: Data, history: Sequence[Mapping[str, Any]]) -> Section | None:
    """Return the section on this run and the ones before it; None where there are no others.

    Args:
        result: this run.
        history: earlier runs in any order, with or without this one: results, or rows as `gate` makes them of a
            folder, `{"created", "cpu_model", "metrics": {"tax.relative": E, "tax.absolute": E}}`. A run with
            `change_point` true is one from which on the tax has moved.

    Raises:
        ValueError: for a run without a time, or with estimates that are none.
    """
    if not history:
        return None
    known = {run.created: run for run in map(_run, (result, *history)) if run is not None}
    if len(known) < 2:
        return None
    runs = [known[created] for created in sorted(known)][-MAX_RUNS:]
    changed = [position for position, run in enumerate(runs) if run.change_point]
    first, last = runs[0], runs[-1]
    drawing = draw(
        Drawing(
            "trend",
            "The relative tax of run after run",
            f"{len(runs):,} runs from {first.day} to {last.day}: first {first.tax}, last {last.tax}.",
            paint_trend([run.relative for run in runs], [run.day for run in runs], changed),
            (_HEIGHT, _HEIGHT),
        )
    )
    lead = f"From {first.tax} on {first.day} to {last.tax} on {last.day}, over {len(runs):,} runs."
    if changed:
        lead += f" It moved on {', '.join(runs[at].day for at in changed)}."
    machines = {run.cpu_model for run in runs if run.cpu_model}
    caption = "Relative, because machines differ: a slower one is slower with and without guards."
    if len(machines) > 1:
        caption += f" These runs are from {len(machines)} kinds of machines; the table says which."
    return Section("trend", "Does it decline?", lead, (Picture(drawing, caption, _table(result, runs, machines)),))


def _table(result: Data, runs: Sequence[_Run], machines: set[str]) -> Table:
    several = len(machines) > 1
    rows = [
        (
            f"{run.created:%Y-%m-%d %H:%M}",
            run.tax,
            with_interval(run.absolute, signed_duration),
            "yes" if run.change_point else "",
            *((run.cpu_model or MISSING,) if several else ()),
        )
        for run in reversed(runs)
    ]
    return Table(
        f"The newest first, with {confidence(result)} intervals. Times are UTC.",
        ("run", "relative tax", "tax", "moved", *(("machine",) if several else ())),
        rows,
        words=(0, 3, 4),
        summary="The runs as a table",
    )


def _run(run: Mapping[str, Any]) -> _Run | None:
    """Return what a trend needs of a run; None where it has no relative tax."""
    if "metrics" in run:
        relative, absolute = (run["metrics"].get(f"tax.{kind}") for kind in ("relative", "absolute"))
    elif "tax" in run:
        relative, absolute = (run["tax"].get(kind) for kind in ("relative", "seconds"))
    else:
        raise ValueError(f"a run of the history has neither 'tax' nor 'metrics', but {', '.join(run)}; pass results")
    found = estimate(relative)
    if found is None:
        return None
    machine = run.get("cpu_model") or run.get("environment", {}).get("cpu_model")
    return _Run(_when(run.get("created")), found, absolute, machine, bool(run.get("change_point")))


def _when(created: Any) -> datetime:
    try:
        when = datetime.fromisoformat(created)
    except (TypeError, ValueError) as error:
        raise ValueError(f"created={created!r:.60} is no time; write it as in 2026-03-01T12:00:00+00:00") from error
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
