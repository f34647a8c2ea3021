"""`aligntax sweep`: how the tax grows with the size of something."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aligntax.commands.measuring import INTERRUPTED, refusing_what_the_target_raises, require_extra, shown
from aligntax.commands.refusal import refusing_bad_input, require_outputs
from aligntax.figures import MISSING, duration

if TYPE_CHECKING:
    from rich.table import Table

EXAMPLES = (
    "Examples:\n\n"
    "aligntax sweep demo --over patterns=10,100,1000,10000 --over model_size=1,2,4,8 --html scaling.html\n\n"
    "aligntax sweep mypackage.serving --over patterns=10,100,1000,10000 --json scaling.json\n\n"
    "aligntax sweep mypackage.serving:sized --over prompt_length=64,256,1024,4096 --over batch_size=1,2,4,8\n\n"
    "aligntax sweep mypackage.serving --over concurrency=1,2,4,8 --into result.json --html report.html"
)


def sweep(
    target: Annotated[
        str,
        typer.Argument(
            help="package.module with a function sweep(parameter, value) that makes a pipeline, or "
            "package.module:function; or 'demo'.",
            metavar="TARGET",
        ),
    ],
    over: Annotated[
        list[str],
        typer.Option(
            help="What to vary, and its values, e.g. patterns=10,100,1000; from four on there is an exponent. "
            "May be repeated.",
            metavar="NAME=VALUES",
        ),
    ],
    prompts: Annotated[
        Path | None,
        typer.Option(
            help="Text file with a prompt a line, or .jsonl; by default what sweep returns, or its module has.",
            metavar="FILE",
        ),
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write the curves as JSON.", metavar="FILE")] = None,
    into: Annotated[Path | None, typer.Option(help="Add the curves to this result.", metavar="RESULT")] = None,
    html: Annotated[
        Path | None,
        typer.Option(help="Draw the curves on one page; beside --into, on that of the whole result.", metavar="FILE"),
    ] = None,
    width: Annotated[
        float,
        typer.Option(
            help="Go on to the next value when the tax, absolute and relative, is known to ± this share of a request.",
            metavar="SHARE",
        ),
    ] = 0.01,
    budget: Annotated[
        float, typer.Option(help="Go on to the next value after so many seconds in any case.", metavar="SECONDS")
    ] = 20.0,
    pairs: Annotated[int, typer.Option(help="Go on after so many pairs in any case.", metavar="N")] = 1_000,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Chooses the orders.", metavar="N")] = 0,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of what the target raises.")] = False,
) -> None:
    """Measure the tax at several sizes, and how it grows: the exponent of a power law, with its interval.

    At every value the guards are on and off in turns, on the same prompts; the values come in an order drawn at random.
    Ctrl-C keeps the values that are done.
    """
    with refusing_bad_input():
        require_extra()
        from aligntax.experiment.paired import Design
        from aligntax.experiment.result import Result, write_json
        from aligntax.experiment.scaling import SCHEMA, check_values, sweep_target

        wanted = _parsed(over)
        for parameter, values in wanted.items():
            check_values(parameter, values)
        design = Design(width, budget, pairs, seed=seed)
        require_outputs({"--json": json, "--into": into, "--html": html}, (prompts,))
        result = None if into is None else Result.load(into)
    from rich.console import Console

    out, err = (Console(stderr=stderr, highlight=False, markup=False, emoji=False) for stderr in (False, True))
    found: dict[str, Any] = {}
    interrupted = False
    with refusing_bad_input(), shown(err) as progress, refusing_what_the_target_raises(debug=debug):
        try:
            for parameter, values in wanted.items():
                scaling = sweep_target(target, parameter, values, prompts=prompts, design=design, progress=progress)
                found[parameter] = scaling.to_dict()
                interrupted = scaling.stopped == "interrupted"
                if interrupted:
                    break
        except KeyboardInterrupt:
            interrupted = True
    for data in found.values():
        _print(out, data)
    with refusing_bad_input():
        if found:
            created = datetime.now(UTC).isoformat(timespec="seconds")
            curves = {"schema": SCHEMA, "created": created, "target": target, "scaling": found}
            if json is not None:
                write_json(json, curves)
                out.print(f"Curves: {json}", soft_wrap=True)
            if result is not None and into is not None:
                result = Result({**result.data, "scaling": {**(result.data.get("scaling") or {}), **found}})
                result.save(into)
                out.print(f"Added to: {into}", soft_wrap=True)
            if html is not None:
                _draw(html, curves, None if result is None else result.data)
                out.print(f"Report: {html}", soft_wrap=True)
    if interrupted:
        raise typer.Exit(INTERRUPTED)


def _parsed(over: list[str]) -> dict[str, tuple[float, ...]]:
    wanted: dict[str, tuple[float, ...]] = {}
    for each in over:
        parameter, equals, written = each.partition("=")
        if not equals or parameter in wanted:
            raise ValueError(f"--over {each}: write each name once, and its values behind it: patterns=10,100,1000")
        try:
            wanted[parameter] = tuple(_number(value) for value in written.split(","))
        except ValueError as error:
            raise ValueError(
                f"--over {each}: {written!r} are no numbers; write e.g. {parameter}=10,100,1000"
            ) from error
    return wanted


def _number(text: str) -> float:
    """Return a whole number as one, since it may count something."""
    try:
        return int(text)
    except ValueError:
        return float(text)


def _draw(html: Path, curves: Mapping[str, Any], result: Mapping[str, Any] | None) -> None:
    from aligntax.report.experiment import write_page, write_scaling_page

    if result is None:
        write_scaling_page(curves, html)
    else:
        write_page(result, html)


def _print(out: Any, data: Mapping[str, Any]) -> None:
    from aligntax.report.experiment.wording import growth

    out.print(f"Tax over {data['parameter']}", style="bold")
    out.print()
    out.print(_table(data))
    out.print()
    out.print(growth(data), soft_wrap=True)
    if data["stopped"] == "interrupted":
        out.print("Interrupted: these are the sizes that were done by then.")
    for warning in data["warnings"]:
        out.print(f"Note: {warning}.", style="dim", soft_wrap=True)
    out.print()


def _above_zero(point: Mapping[str, Any]) -> str:
    """Return on which side of 0 the whole interval of a tax lies."""
    if point["distinguishable"] is None:
        return MISSING
    if not point["distinguishable"]:
        return "no"
    return "yes" if point["tax_seconds"]["value"] > 0 else "below"


def _table(data: Mapping[str, Any]) -> Table:
    from aligntax.report.experiment.estimates import signed_duration, signed_percentage, with_interval
    from aligntax.report.tables import empty_table

    table = empty_table()
    for title in (data["parameter"], "pairs", "raw", "guarded", "tax", "tax / raw", "above 0"):
        table.add_column(title, justify="right")
    for point in data["points"]:
        table.add_row(
            f"{point['value']:,g}",
            f"{point['n']:,}",
            duration(point["raw_seconds"]["value"]),
            duration(point["guarded_seconds"]["value"]),
            with_interval(point["tax_seconds"], signed_duration),
            with_interval(point["relative"], signed_percentage),
            _above_zero(point),
        )
    return table
