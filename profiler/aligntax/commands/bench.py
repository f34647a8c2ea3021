"""`aligntax bench`: the paired experiment on a pipeline, on a proxy, or on two servers."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aligntax.commands.bench_load import load_options
from aligntax.commands.bench_targets import chat_at, files_of, runner
from aligntax.commands.measuring import INTERRUPTED, refusing_what_the_target_raises, require_extra, shown
from aligntax.commands.refusal import complain, refusing_bad_input, require_outputs

if TYPE_CHECKING:
    from aligntax.experiment.result import Result

EXAMPLES = (
    "Examples:\n\n"
    "aligntax bench demo --html report.html\n\n"
    "aligntax bench mypackage.serving:pipeline --prompts prompts.txt --each --json result.json\n\n"
    "aligntax bench mypackage.serving:pipeline --load poisson:20 --objective 'p99<=500ms'\n\n"
    "aligntax bench guards.toml --upstream http://127.0.0.1:8000 --model llama --html report.html\n\n"
    "aligntax bench http://127.0.0.1:8000 http://127.0.0.1:8080 --model llama   (raw, then behind guards)"
)


class Engine(StrEnum):
    """What makes a load."""

    ALIGNTAX = "aligntax"
    GUIDELLM = "guidellm"


def bench(
    target: Annotated[
        list[str],
        typer.Argument(
            help="package.module:pipeline, a function that answers one prompt and whose layers a Profiler times; or "
            "'demo'; or a guard configuration, beside --upstream; or two URLs, raw and guarded.",
            metavar="TARGET",
        ),
    ],
    prompts: Annotated[
        Path | None,
        typer.Option(
            help="Text file with a prompt a line, or .jsonl; by default what the target's module has as 'prompts', "
            "else shipped ones.",
            metavar="FILE",
        ),
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write the result as JSON.", metavar="FILE")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report as one page.", metavar="FILE")] = None,
    width: Annotated[
        float,
        typer.Option(
            help="End when the tax, absolute and relative, is known to ± this share of a request.",
            metavar="SHARE",
        ),
    ] = 0.01,
    budget: Annotated[
        float, typer.Option(help="End after so many seconds of measuring in any case.", metavar="SECONDS")
    ] = 60.0,
    pairs: Annotated[int, typer.Option(help="End after so many pairs in any case.", metavar="N")] = 10_000,
    warm_up: Annotated[
        int, typer.Option(min=0, max=1000, help="Rounds over all prompts that do not count.", metavar="N")
    ] = 1,
    each: Annotated[bool, typer.Option("--each", help="Also measure each guard alone, and left out.")] = False,
    cold: Annotated[
        bool, typer.Option("--cold/--no-cold", help="Also measure the first request of fresh processes.")
    ] = True,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Chooses the orders.", metavar="N")] = 0,
    load: Annotated[
        str | None,
        typer.Option(
            help="Then put both under load: poisson:RATE or constant:RATE, in requests a second. Each is sent at most "
            "1,000,000 in all, those of a search among them.",
            metavar="ARRIVALS",
        ),
    ] = None,
    load_seconds: Annotated[
        float | None, typer.Option(help="How long, in each of the two; 30 by default.", metavar="SECONDS")
    ] = None,
    slo: Annotated[
        str | None, typer.Option(help="What a good answer is, for the goodput: e2e=2s,ttft=200ms.", metavar="TIMES")
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            help="Then search for the highest rate that keeps it: 'p99<=500ms', or 'ttft p99<=200ms'. A p99 takes far "
            "longer than a p90.",
            metavar="OBJECTIVE",
        ),
    ] = None,
    search_seconds: Annotated[
        float | None,
        typer.Option(
            help="End that search after so many seconds in any case, and tell what was seen by then; 600 by default.",
            metavar="SECONDS",
        ),
    ] = None,
    load_engine: Annotated[
        Engine, typer.Option(help="What makes it; guidellm, where installed, for two URLs.")
    ] = Engine.ALIGNTAX,
    load_results: Annotated[
        list[str] | None,
        typer.Option(
            help="Read a load that GuideLLM or AIPerf made, instead: raw=FILE, guarded=FILE.", metavar="ARM=FILE"
        ),
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(help="Folder of earlier results, kept by aligntax gate: the page shows the trend.", metavar="DIR"),
    ] = None,
    upstream: Annotated[
        str | None, typer.Option(help="The server that the proxy of a configuration stands in front of.", metavar="URL")
    ] = None,
    model: Annotated[str, typer.Option(help="Model that requests to servers name.", metavar="NAME")] = "default",
    stream: Annotated[bool, typer.Option("--stream/--no-stream", help="Ask servers for streams.")] = True,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="Longest answer that servers are asked for.", metavar="N")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of what the target raises.")] = False,
) -> None:
    """Measure what guards cost: guards on against off, paired and interleaved.

    Every prompt is answered without guards, with them, and without them once more: what the two identical arms differ
    by cannot be told from nothing. Of a configuration, a proxy is started for each arm, and one without any guard.
    Ctrl-C ends it early and keeps what there is. Progress goes to stderr, the tables to stdout.
    """
    with refusing_bad_input():
        require_extra()
        from aligntax.experiment.paired import Design

        design = Design(width, budget, pairs, warm_up, seed)
        loading = load_options(
            target,
            load=load,
            seconds=load_seconds,
            slo=slo,
            objective=objective,
            search_seconds=search_seconds,
            engine=load_engine,
            results=load_results or (),
            seed=seed,
        )
        outputs = {"--json": json, "--html": html}
        require_outputs(outputs, [prompts, *loading.files, *files_of(target)])
        _require_history(history, html)
        load_found = loading.read()
        run = runner(target, upstream, partial(chat_at, model=model, stream=stream, max_tokens=max_tokens), prompts)
    from rich.console import Console

    out, err = (Console(stderr=stderr, highlight=False, markup=False, emoji=False) for stderr in (False, True))
    with shown(err) as progress, refusing_bad_input(), refusing_what_the_target_raises(debug=debug):
        try:
            result = run(design, each, cold, loading.own_plan, progress)
            if not progress.stopped:
                made = loading.from_guidellm(target, prompts, model=model, stream=stream, progress=progress)
                load_found = load_found if made is None else made
                if load_found is not None:
                    result = result.with_load(load_found)
        except KeyboardInterrupt as error:
            complain(str(error) or "interrupted")
            raise typer.Exit(INTERRUPTED) from error
    from aligntax.report.experiment import ExperimentTable, write_page

    trend = None
    with refusing_bad_input():
        try:  # first the files: whoever reads the tables may have stopped reading, and what was measured is kept then
            if json is not None:
                result.save(json)
            if html is not None:
                trend = None if history is None else _trend(history, result)
                write_page(result.data, html, history=trend or ())
        finally:
            out.print(ExperimentTable(result.data))
        if json is not None:
            out.print(f"Result: {json}", soft_wrap=True)
        if html is not None:
            out.print(f"Report: {html}", soft_wrap=True)
        if history is not None and not trend:
            out.print(f"History: no earlier result of this target in {history}, so no trend is shown", soft_wrap=True)
    if progress.stopped:
        raise typer.Exit(INTERRUPTED)


def _require_history(history: Path | None, html: Path | None) -> None:
    if history is None:
        return
    if html is None:
        raise ValueError(f"--history {history}: the trend is shown on the page; say with --html FILE where to write it")
    if history.exists() and not history.is_dir():
        raise ValueError(f"--history {history}: is no folder; name the one that aligntax gate keeps results in")


def _trend(folder: Path, result: Result) -> list[dict[str, Any]]:
    from aligntax.experiment.gate.bench_result import measured_from_bench
    from aligntax.experiment.gate.history import trend
    from aligntax.experiment.gate.otava import plotted, told

    past = trend(folder, measured_from_bench(folder, result.data))
    return plotted(past, told(past)[1]) if past.rows else []
