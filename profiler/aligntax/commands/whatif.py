"""`aligntax whatif`: what changes of the guards would do to the tax of recorded requests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aligntax.commands.measuring import INTERRUPTED, refusing_what_the_target_raises, require_extra, shown
from aligntax.commands.refusal import refusing_bad_input, require_outputs
from aligntax.figures import duration, percentage

if TYPE_CHECKING:
    from rich.table import Table

    from aligntax.experiment.whatif import Change

EXAMPLES = (
    "Examples:\n\n"
    "aligntax whatif result.json --drop pii\n\n"
    "aligntax whatif traces.jsonl --faster toxicity=2 --parallel toxicity --json whatif.json\n\n"
    "aligntax whatif traces.jsonl --reorder blocklist,pii,toxicity   (cheap ones first: what a block costs)\n\n"
    "aligntax whatif result.json --drop pii --verify mypackage.serving:pipeline"
)


def whatif(
    file: Annotated[
        Path,
        typer.Argument(
            help="Recorded requests: a result of aligntax bench, or JSON lines of a TraceFile.", metavar="FILE"
        ),
    ],
    drop: Annotated[
        list[str] | None, typer.Option(help="Leave this guard out; may be repeated.", metavar="GUARD")
    ] = None,
    faster: Annotated[
        list[str] | None,
        typer.Option(help="Make this guard so many times as fast, e.g. pii=2; may be repeated.", metavar="GUARD=K"),
    ] = None,
    parallel: Annotated[
        list[str] | None,
        typer.Option(
            help="Run this guard beside what comes after it, and wait for it before an answer is released; repeatable.",
            metavar="GUARD",
        ),
    ] = None,
    reorder: Annotated[
        list[str] | None,
        typer.Option(help="Run these guards, which follow one another, in this order.", metavar="GUARD,GUARD"),
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write the prediction as JSON.", metavar="FILE")] = None,
    into: Annotated[
        Path | None, typer.Option(help="Add the prediction to this result, for its page.", metavar="RESULT")
    ] = None,
    verify: Annotated[
        str | None,
        typer.Option(
            help="Run the change for real: package.module:pipeline; unless guards are only dropped, with a function "
            "'changed' from changes to a pipeline beside it.",
            metavar="TARGET",
        ),
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            help="For --verify: text file with a prompt a line, or .jsonl; the target's own by default.", metavar="FILE"
        ),
    ] = None,
    budget: Annotated[
        float, typer.Option(help="For --verify: end after so many seconds of measuring.", metavar="SECONDS")
    ] = 60.0,
    pairs: Annotated[int, typer.Option(help="For --verify: end after so many pairs.", metavar="N")] = 300,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Chooses what is drawn.", metavar="N")] = 0,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of what the target raises.")] = False,
) -> None:
    """Predict the tax with guards dropped, made faster, run in parallel or reordered, all at once.

    Each recorded request is replayed with the changes: work starts when what it waited for has ended, plus the gap that
    was there. The model and the application take the time that they took. By how much the guards slow these down, known
    from a result of aligntax bench, is taken to stay; --verify shows what that leaves out.
    """
    with refusing_bad_input():
        require_extra()
        from aligntax.experiment.paired import Design
        from aligntax.experiment.result import Result, write_json
        from aligntax.experiment.whatif import predict, read_traces, verify_target

        if prompts is not None and verify is None:
            raise ValueError(f"--prompts {prompts}: is for --verify; name a target to run with it, or leave it out")
        changes = _changes(drop or (), faster or (), parallel or (), reorder or ())
        design = Design(budget_seconds=budget, max_pairs=pairs, seed=seed)
        # What the requests are read from may get the prediction as well.
        read = file if into is None or file.resolve() != into.resolve() else None
        require_outputs({"--json": json, "--into": into}, (read, prompts))
        result = None if into is None else Result.load(into)
        recorded = read_traces(file)
        prediction = predict(recorded.traces, changes, residual=recorded.residual, seed=seed)
    from rich.console import Console

    out, err = (Console(stderr=stderr, highlight=False, markup=False, emoji=False) for stderr in (False, True))
    data = prediction.to_dict()
    out.print(f"What if: {data['scenario']}", style="bold")
    out.print()
    out.print(_prediction_table(data))
    out.print()
    for note in _notes(data, recorded.incomplete):
        out.print(note, style="dim")
    interrupted = False
    if verify is not None:
        with refusing_bad_input(), shown(err) as progress, refusing_what_the_target_raises(debug=debug):
            try:
                found = verify_target(prediction, verify, prompts, design, progress)
            except KeyboardInterrupt:
                interrupted = True
                err.print("The verification was interrupted, and tells nothing; the prediction stands.")
            else:
                data["verification"] = found.to_dict()
        if not interrupted:
            out.print()
            out.print(_verification_table(data["verification"]))
            out.print()
            for note in _verification_notes(data["verification"]):
                out.print(note, style="dim")
    with refusing_bad_input():
        if json is not None:
            write_json(json, data)
            out.print(f"Prediction: {json}", soft_wrap=True)
        if result is not None and into is not None:
            others = [each for each in result.data.get("whatif") or () if each["scenario"] != data["scenario"]]
            Result({**result.data, "whatif": [*others, data]}).save(into)
            out.print(f"Added to: {into}", soft_wrap=True)
    if interrupted:
        raise typer.Exit(INTERRUPTED)


def _changes(
    drop: Sequence[str], faster: Sequence[str], parallel: Sequence[str], reorder: Sequence[str]
) -> list[Change]:
    from aligntax.experiment.whatif import Drop, Faster, Parallel, Reorder

    changes: list[Change] = [Drop(name) for name in drop]
    for pair in faster:
        name, _, factor = pair.rpartition("=")
        if not name or not _is_number(factor):
            raise ValueError(f"--faster {pair}: write a guard and how many times as fast it is, such as toxicity=2")
        changes.append(Faster(name, float(factor)))
    changes += [Parallel(name) for name in parallel]
    changes += [Reorder(tuple(name.strip() for name in names.split(","))) for names in reorder]
    return changes


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _prediction_table(data: Mapping[str, Any]) -> Table:
    from aligntax.report.experiment.estimates import (
        quantile_interval,
        signed_duration,
        signed_percentage,
        with_interval,
    )
    from aligntax.report.tables import empty_table

    table = empty_table()
    table.add_column(f"a request (n = {data['traces']['comparable']:,})")
    for title in ("before", "after", "difference"):
        table.add_column(title, justify="right")

    def add(title: str, contrast: Mapping[str, Any], *, signed: bool = True) -> None:
        write = signed_duration if signed else duration
        shown = with_interval if "mean" in title else quantile_interval
        cells = (shown(contrast[when], write) for when in ("before", "after"))
        table.add_row(title, *cells, shown(contrast["difference"], signed_duration))

    tax, relative, blocked = data["tax"], data["tax"]["relative"], data["blocked"]
    add("tax, mean", tax["mean_seconds"])
    if relative is not None:
        table.add_row(
            "tax / raw", *(with_interval(relative[when], signed_percentage) for when in ("before", "after")), ""
        )
    add("tax, p50", tax["p50_seconds"])
    add("tax, p99", tax["p99_seconds"])
    add("duration, mean", data["request"]["mean_seconds"], signed=False)
    add("duration, p99", data["request"]["p99_seconds"], signed=False)
    if blocked is not None:
        add(f"time to a block, mean (n = {blocked['n']:,})", blocked["mean_seconds"], signed=False)
    return table


def _notes(data: Mapping[str, Any], incomplete: int) -> Iterator[str]:
    from aligntax.report.experiment.estimates import signed_duration
    from aligntax.report.experiment.wording import counted
    from aligntax.tax import smallest_sample

    traces, blocked = data["traces"], data["blocked"]
    yield (
        f"Requests: {traces['read']:,} read, {traces['comparable']:,} ran to their end, {traces['blocked']:,} blocked, "
        f"{traces['left_out']:,} failed or given up. The differences of p50 and p99 are differences of quantiles."
    )
    few = [q for q in (0.50, 0.99) if traces["comparable"] < smallest_sample(q)]
    if few:
        takes = " and ".join(f"a p{q * 100:g} takes {smallest_sample(q):,}" for q in few)
        yield f"n too small: {takes} that ran to their end."
    if incomplete:
        yield f"Passed over: {counted(incomplete, 'request')} of which not all spans or GPU times had been written."
    if blocked is not None and blocked["let_through"]:
        through = counted(blocked["let_through"], "request")
        yield f"{through} would not be blocked any more; what would happen instead is not known."
    residual = data["tax"]["residual_seconds"]
    if residual is not None:
        yield (
            f"The tax includes the contention that was measured, {signed_duration(residual['value'])} a request; it is "
            "taken to stay while there is a guard."
        )
    for warning in data["warnings"]:
        yield f"Note: {warning}."


def _verification_table(data: Mapping[str, Any]) -> Table:
    from aligntax.report.experiment.estimates import quantile_interval, signed_duration, with_interval
    from aligntax.report.experiment.wording import counted
    from aligntax.report.tables import empty_table

    table = empty_table()
    table.add_column(f"{data['target']} ({counted(data['n'], 'pair')})")
    for title in ("predicted", "measured", "error"):
        table.add_column(title, justify="right")
    error = data["error"]
    for title, part, name, off, write in (
        ("tax as it is, p50", "before", "p50_seconds", None, signed_duration),
        ("tax with the change, p50", "tax", "p50_seconds", error["tax"], signed_duration),
        ("tax with the change, mean", "tax", "mean_seconds", None, signed_duration),
        ("what the change does, p50", "saving", "p50_seconds", None, signed_duration),
        ("duration with the change, p50", "request", "p50_seconds", error["request"], duration),
        ("duration with the change, p99", "request", "p99_seconds", None, duration),
    ):
        figures = data[part][name]
        shown = with_interval if name == "mean_seconds" else quantile_interval
        cells = (shown(figures[how], write) for how in ("predicted", "measured"))
        table.add_row(title, *cells, "" if off is None else percentage(off, signed=True))
    return table


def _verification_notes(data: Mapping[str, Any]) -> Iterator[str]:
    from aligntax.report.experiment.wording import counted

    design = data["design"]
    ended = {
        "width": f"the tax was known to ±{percentage(design['width'])} of a request",
        "budget": f"--budget was used up ({design['budget_seconds']:g} s)",
        "pairs": f"--pairs was reached ({design['pairs']:,})",
    }
    yield (
        f"Verified on {counted(design['prompts']['count'], 'prompt')} in {duration(design['seconds'])}, until "
        f"{ended[design['stopped']]}. An error is predicted over measured, less one. The p99 of the tax stands beside "
        "nothing: requests with and without guards are measured one after the other, and both vary."
    )
    for warning in data["warnings"]:
        yield f"Note: {warning}."
