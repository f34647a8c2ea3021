"""`aligntax report`: all taxes of a deployment on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aligntax.commands.refusal import refusing_bad_input, refusing_missing_extra, require_outputs
from aligntax.whole_file import write_whole

EXAMPLES = (
    "Examples:\n\n"
    "aligntax report examples/records --html report.html\n\n"
    "aligntax report latency.json performance.json benefit.json --json whole.json --markdown whole.md\n\n"
    "aligntax report releases --html report.html   (with a folder for each release: releases/2026-03-01-v1.4, ...)\n\n"
    "aligntax report reports --html trend.html   (with a report of each release: reports/2026-03-01-v1.4.json, ...)\n\n"
    "aligntax gate whole.json --budget budget.toml   (limits on any figure of any tax)"
)


def report(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            help="Records of aligntax tax, results of aligntax bench, or folders with such; or reports of releases.",
            metavar="INPUTS...",
        ),
    ],
    html: Annotated[Path | None, typer.Option(help="Write one page that needs nothing more.", metavar="FILE")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the report as JSON.", metavar="FILE")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write its tables as Markdown.", metavar="FILE")] = None,
    name: Annotated[
        str, typer.Option(help="What the report is about; by default the target that was measured.", metavar="TEXT")
    ] = "",
    releases: Annotated[
        bool,
        typer.Option(
            "--releases", help="Take each subfolder for a release, also without a date at the start of its name."
        ),
    ] = False,
) -> None:
    """Join the taxes of a deployment: one table, one page, one answer to whether they decline.

    Subfolders whose names start with a date, such as 2026-03-01-v1.4, are releases: the latest one is what the report
    is about, and all of them give the trend. JSON files of folders that are neither records nor results are left out,
    and the report says which. Where there are no records but reports that --json wrote, each is a release.
    """
    with refusing_missing_extra():
        from aligntax.taxes.whole import join, read_inputs
    from rich.console import Console

    from aligntax.experiment.result import write_json
    from aligntax.report.whole import WholeTable, whole_markdown, write_whole_page

    outputs = {"--html": html, "--json": json, "--markdown": markdown}
    out = Console(highlight=False, markup=False, emoji=False)
    with refusing_bad_input():
        require_outputs(outputs, [path for path in inputs if path.is_file()])
        found = read_inputs(inputs, releases=releases)
        require_outputs(outputs, found.read)
        whole = join(found, title=name)
        if html is not None:
            with refusing_missing_extra():
                write_whole_page(whole, html)
        if json is not None:
            write_json(json, whole)
        if markdown is not None:
            write_whole(markdown, whole_markdown(whole))
        out.print(WholeTable(whole))
        for option, path in outputs.items():
            if path is not None:
                out.print(f"{option.removeprefix('--').upper()}: {path}", soft_wrap=True)
