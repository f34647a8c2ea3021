"""The experiment in a terminal: the tax with its interval, what each guard has of it, and what stands against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from aligntax.figures import MISSING, counts, duration
from aligntax.report.experiment.compute import cold_start_rows, compute_rows, contention_words
from aligntax.report.experiment.contents import QUANTILES, checked, estimate
from aligntax.report.experiment.estimates import (
    quantile,
    quantile_interval,
    signed_duration,
    signed_percentage,
    with_interval,
)
from aligntax.report.experiment.further import further_taxes, warm_up_words
from aligntax.report.experiment.guard_columns import cost_columns, name_column, verdict_columns
from aligntax.report.experiment.terminal_load import load_in_terminal
from aligntax.report.experiment.wording import arm_name, band, by_share, counted, headline, in_order, verdict
from aligntax.report.layer_columns import TAX_STYLE, figure
from aligntax.report.tables import empty_table, fits, table_of

__all__ = ["ExperimentTable"]

_GREATEST_WIDTH = 36


class ExperimentTable:
    """Renders a result with rich: `Console().print(ExperimentTable(result))`.

    Tables that are too wide for the console come in parts, and without intervals where even those are too wide.

    Args:
        result: schema `aligntax.bench/1`.

    Raises:
        ValueError: for another schema, missing parts, or numbers that are not finite.
    """

    def __init__(self, result: Mapping[str, Any]) -> None:
        self._data = checked(result)

    @property
    def headline(self) -> Text:
        """The tax in one line, absolute and relative, with intervals."""
        tax = self._data["tax"]
        if not tax.get("n") or estimate(tax.get("seconds")) is None:
            return Text("Alignment tax: unknown, no pair of requests ran to its end", style=TAX_STYLE)
        absolute = with_interval(tax["seconds"], signed_duration)
        relative = with_interval(tax.get("relative"), signed_percentage)
        return Text(
            f"Alignment tax: {absolute} a request, {relative} of raw; {counted(tax['n'], 'pair')}", style=TAX_STYLE
        )

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield what rich prints."""
        yield self.headline
        yield Text(headline(self._data))
        for further in further_taxes(self._data):
            yield Text(f"{further.name}: {with_interval(further.seconds, signed_duration)}; {further.note}")
        yield Text(band(self._data), style="dim")
        for alternatives in (self._guard_tables(), self._latency_tables(), self._compute_tables()):
            for table in _that_fit(alternatives, console, options):
                yield Text()
                yield table
        yield from load_in_terminal(self._data)
        yield Text()
        for line in self._notes():
            yield Text(line, style="dim")
        for warning in self._data.get("warnings", ()):
            yield Text(f"Warning: {warning}", style="yellow")

    def _guard_tables(self) -> list[list[Table]]:
        guards = by_share(self._data["guards"])
        if not guards:
            return []
        name, costs, verdicts = name_column(guards), cost_columns(guards, self._data), verdict_columns(guards)
        short = [column for column in costs if "interval" not in column.title]
        table = partial(table_of, greatest_width=_GREATEST_WIDTH)
        of_verdicts = table([name, *verdicts], totals=False)
        return [
            [table([name, *costs, *verdicts], totals=True)],
            [table([name, *costs], totals=True), of_verdicts],
            [table([name, *short], totals=True), of_verdicts],
        ]

    def _latency_tables(self) -> list[list[Table]]:
        latency = self._data.get("latency", {})
        if not latency:
            return []
        alternatives = []
        for write in (quantile_interval, quantile):
            table = empty_table()
            table.add_column("a request", no_wrap=write is quantile_interval, overflow="fold")
            for title in (*QUANTILES, "mean", "n"):
                table.add_column(title, justify="right", no_wrap=True)
            for arm in in_order(latency):
                times = latency[arm]
                cells = (figure(write(times.get(name), duration)) for name in QUANTILES)
                table.add_row(Text(arm_name(arm)), *cells, duration(times.get("mean")), f"{times.get('n', 0):,}")
            alternatives.append([table])
        return alternatives

    def _compute_tables(self) -> list[list[Table]]:
        titles = ("a request", "without guards", "with guards", "tax")
        compute, cold = compute_rows(self._data), cold_start_rows(self._data)
        rows = [*compute, *((f"cold start, {name}", raw, guarded, MISSING) for name, raw, guarded in cold)]
        if not rows:
            return []
        whole, short = empty_table(), empty_table()
        for table, no_wrap in ((whole, True), (short, False)):
            for index, title in enumerate(titles):
                table.add_column(title, justify="right" if index else "left", no_wrap=no_wrap, overflow="fold")
            for row in rows:
                table.add_row(*map(Text, row))
        return [[whole], [short]]

    def _notes(self) -> Iterator[str]:
        data = self._data
        if words := contention_words(data):
            yield f"Contention: {words}"
        if words := warm_up_words(data):
            yield f"Warm-up, a request on average, which counts nowhere: {words}."
        if data.get("outcomes"):
            yield f"Requests with guards: {counts(data['outcomes'].get('guarded', {}))}."
        if data["tax"].get("distinguishable") is not None:
            yield f"The tax against the noise: {verdict(data['tax']['distinguishable'])}."
        if data["design"].get("stopped") == "interrupted":
            yield "The experiment was interrupted: the numbers are of what had run until then."


def _that_fit(alternatives: Sequence[Sequence[Table]], console: Console, options: ConsoleOptions) -> Sequence[Table]:
    """Return the first alternative of which every table fits; the last one where none does."""
    for tables in alternatives:
        if all(fits(table, console, options) for table in tables):
            return tables
    return alternatives[-1] if alternatives else ()
