"""The report in a terminal: the headline, what each layer took and cost, and where a request's time went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from aligntax.figures import counts, duration, percentage, quantile, ratio_quantile
from aligntax.report.layer_columns import TAX_STYLE, figure, name_column, tax_columns, time_columns
from aligntax.report.refund import refund_line, refund_table
from aligntax.report.tables import empty_table, fits, table_of
from aligntax.summary import QUANTILES, Report

_BAR_WIDTHS = (24, 16, 12, 8, 6)


class TerminalReport:
    """Renders a report with rich: `Console().print(TerminalReport(report))`.

    The layers come as one table where the console is wide enough for it, and as two where it is not.

    Args:
        report: what `Profiler.report` returns, with a "refund" beside it where guards were compared.
    """

    def __init__(self, report: Report) -> None:
        self._data = report.to_dict()

    @property
    def headline(self) -> Text:
        """The tax in one line: absolute and relative, over the requests that ran to their end."""
        request = self._data["request"]
        n = request["tax_seconds"]["n"]
        if not n:
            return Text("Alignment tax: unknown, no request has run to its end yet", style=TAX_STYLE)
        tax = duration(request["tax_seconds"]["mean"], signed=True)
        raw = duration(request["raw_seconds"]["mean"])
        ratio = request["tax_ratio"]["of_sums"]
        relative = f"{percentage(ratio, signed=True)} of " if ratio is not None else ""
        return Text(f"Alignment tax: {tax} a request, {relative}{raw} raw (mean of {n:,})", style=TAX_STYLE)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield what rich prints."""
        yield self.headline
        refund = self._data.get("refund")
        if refund is not None:
            yield refund_line(refund)
        for table in (*self._layer_tables(console, options), self._request_table()):
            yield Text()
            yield table
        if refund is not None:
            yield Text()
            yield refund_table(refund, options.max_width)
        yield Text()
        for line in self._notes():
            yield Text(line, style="dim")

    def _layer_tables(self, console: Console, options: ConsoleOptions) -> list[Table]:
        """Return the layers' table, whole or in two parts, with the longest bars that there is room for."""
        layers = self._data["layers"]
        request_tax = self._data["request"]["tax_seconds"]
        name, times = name_column(layers), time_columns(layers)
        taxes = [tax_columns(layers, request_tax, width, ascii_only=options.ascii_only) for width in _BAR_WIDTHS]
        one = (table_of([name, *times, *columns], totals=True) for columns in taxes)
        of_two = (table_of([name, *columns], totals=True) for columns in taxes)

        def first_that_fits(tables: Iterator[Table]) -> Table | None:
            return next((table for table in tables if fits(table, console, options)), None)

        whole = first_that_fits(one)
        if whole is not None:
            return [whole]
        second = first_that_fits(of_two) or table_of([name, *taxes[-1]], totals=True)
        return [table_of([name, *times], totals=False), second]

    def _request_table(self) -> Table:
        request = self._data["request"]
        table = empty_table()
        table.add_column(f"a request (n = {request['tax_seconds']['n']:,})", no_wrap=True)
        for title in (*QUANTILES, "mean"):
            table.add_column(title, justify="right", no_wrap=True)

        def add_times(title: str, key: str, *, signed: bool = False) -> None:
            times = request[key]
            cells = (figure(quantile(times, name, signed=signed)) for name in QUANTILES)
            table.add_row(title, *cells, duration(times["mean"], signed=signed), style=TAX_STYLE if signed else "")

        add_times("guarded", "duration_seconds")
        add_times("raw", "raw_seconds")
        add_times("tax", "tax_seconds", signed=True)
        ratio = request["tax_ratio"]
        cells = (figure(ratio_quantile(ratio, name)) for name in QUANTILES)
        table.add_row("tax / raw", *cells, percentage(ratio["mean"], signed=True), style=TAX_STYLE)
        add_times("unattributed", "unattributed_seconds")
        return table

    def _notes(self) -> Iterator[str]:
        """Yield what the numbers cover, and what they cost."""
        data, own = self._data, self._data["self"]
        yield f"Requests: {counts(data['outcomes'])}; the tax covers {data['request']['tax_seconds']['n']:,} of them."
        whole = data["closure_seconds"]
        parts = " + ".join(f"{part} {duration(whole[part])}" for part in ("model", "guards", "unattributed"))
        yield f"All time: {duration(whole['request'])} = {parts}."
        if data["discarded_model_seconds"]:
            discarded = (f"{duration(value)} by {name}" for name, value in data["discarded_model_seconds"].items())
            yield f"Model time thrown away: {', '.join(discarded)}."
        joules = [reading for reading in data["devices"] if reading["metric"] == "energy_joules"]
        if joules:
            yield f"Energy: {', '.join(map(_energy, joules))}."
        sampled = max((layer["cpu_sampled_calls"] for layer in data["layers"]), default=0)
        if sampled:
            yield "CPU time is estimated from a random sample of the requests."
        cost = own["seconds_per_span"]
        metered = f"{duration(cost)} a span (mean of {own['metered_spans']:,})" if cost is not None else "not metered"
        dropped = counts(own["dropped_by_reason"]) if own["dropped_by_reason"] else "nothing"
        yield f"Instrument: {metered}, {own['spans']:,} spans recorded, {dropped} dropped."


def _energy(reading: Mapping[str, Any]) -> str:
    estimated = ", estimated" if reading["estimated"] else ""
    return f"{reading['value']:,.1f} J {reading['device']} ({reading['source']}{estimated})"
