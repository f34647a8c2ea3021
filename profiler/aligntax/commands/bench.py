"""`aligntax bench`: the paired experiment on a pipeline, on a proxy, or on two servers."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aligntax.commands.measuring import INTERRUPTED, Shown, require_extra, shown
from aligntax.commands.refusal import BAD_INPUT, complain, refusing_bad_input, require_writable

if TYPE_CHECKING:
    from aligntax.experiment.load import Plan
    from aligntax.experiment.paired import Design
    from aligntax.experiment.result import Result

EXAMPLES = (
    "Examples:\n\n"
    "aligntax bench demo --html report.html\n\n"
    "aligntax bench mypackage.serving:pipeline --prompts prompts.txt --each --json result.json\n\n"
    "aligntax bench mypackage.serving:pipeline --load poisson:20 --objective 'p99<=500ms'\n\n"
    "aligntax bench guards.toml --upstream http://127.0.0.1:8000 --model llama --html report.html\n\n"
    "aligntax bench http://127.0.0.1:8000 http://127.0.0.1:8080 --model llama   (raw, then behind guards)"
)
_CONFIGURATIONS = (".toml", ".json")
_URLS = ("http://", "https://")


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
        typer.Option(help="End when the tax is known to this share of the raw time, either way.", metavar="SHARE"),
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
            help="Then put both under load: poisson:RATE or constant:RATE, in requests a second.", metavar="ARRIVALS"
        ),
    ] = None,
    load_seconds: Annotated[float, typer.Option(help="How long, in each of the two.", metavar="SECONDS")] = 30.0,
    slo: Annotated[
        str | None, typer.Option(help="What a good answer is, for the goodput: e2e=2s,ttft=200ms.", metavar="TIMES")
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(help="Search for the highest rate that keeps it: 'p99<=500ms'.", metavar="OBJECTIVE"),
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
        plan = _plan(load, load_seconds, slo, objective, seed)
        for option, path in (("--json", json), ("--html", html)):
            if path is not None:
                require_writable(option, path)
        if json is not None and html is not None and json.resolve() == html.resolve():
            raise ValueError(f"--json and --html both name {json}; name two files")
        run = _runner(target, upstream, partial(_chat, model=model, stream=stream, max_tokens=max_tokens), prompts)
    from rich.console import Console

    out, err = (Console(stderr=stderr, highlight=False, markup=False, emoji=False) for stderr in (False, True))
    with shown(err) as progress, refusing_bad_input():
        try:
            result = run(design, each, cold, plan, progress)
        except KeyboardInterrupt as error:
            complain(str(error) or "interrupted")
            raise typer.Exit(INTERRUPTED) from error
        except (Exception, SystemExit) as error:
            _refuse(error, debug=debug)
            raise
    from aligntax.report.experiment import ExperimentTable, write_page

    out.print(ExperimentTable(result.data))
    with refusing_bad_input():
        if json is not None:
            result.save(json)
            out.print(f"Result: {json}", soft_wrap=True)
        if html is not None:
            write_page(result.data, html)
            out.print(f"Report: {html}", soft_wrap=True)
    if progress.stopped:
        raise typer.Exit(INTERRUPTED)


def _refuse(error: BaseException, *, debug: bool) -> None:
    """End with one line if an error is not this program's own: the target raised it, or something does not start."""
    from aligntax.experiment.target_errors import raised_by_target

    said = raised_by_target(error)
    if said is None and not isinstance(error, (ModuleNotFoundError, RuntimeError, TimeoutError)):
        return
    if debug:
        traceback.print_exception(error)
    complain(error if said is None else f"{said}; --debug shows its traceback")
    raise typer.Exit(BAD_INPUT) from error


_Run = Callable[["Design", bool, bool, "Plan | None", Shown], "Result"]


def _runner(target: Sequence[str], upstream: str | None, chat: Callable[[str], Any], prompts: Path | None) -> _Run:
    """Return what measures a target.

    Raises:
        ValueError: if it is none, or lacks something.
    """
    first, *rest = target
    if first.startswith(_URLS):
        if len(rest) != 1 or not rest[0].startswith(_URLS):
            raise ValueError("name two URLs: that of the server without guards, and that of the same behind guards")
        return partial(_on_urls, first, rest[0], chat, prompts)
    if rest:
        raise ValueError(f"{' '.join(rest)!r} is one target too many; only URLs come in twos")
    if Path(first).suffix.lower() in _CONFIGURATIONS:
        if upstream is None:
            raise ValueError(f"{first} configures a proxy; say with --upstream URL which server it stands in front of")
        return partial(_on_proxy, Path(first), upstream, chat, prompts)
    if upstream is not None:
        raise ValueError(f"--upstream goes with a configuration, and {first!r} is none")
    return partial(_on_pipeline, first, prompts)


def _on_pipeline(
    name: str, prompts: Path | None, design: Design, each: bool, cold: bool, plan: Plan | None, progress: Shown
) -> Result:
    from aligntax.experiment.bench import bench as run

    return run(name, prompts=prompts, design=design, each=each, cold=cold, plan=plan, progress=progress)


def _on_urls(
    raw: str,
    guarded: str,
    chat: Callable[[str], Any],
    prompts: Path | None,
    design: Design,
    each: bool,
    cold: bool,  # noqa: ARG001 (all are called alike)
    plan: Plan | None,
    progress: Shown,
) -> Result:
    from aligntax.experiment.remote import bench_urls

    if each:
        raise ValueError("--each needs guards that can be left out; behind a URL they cannot")
    asked = _prompts(prompts)
    return bench_urls(raw, guarded, chat, prompts=asked, design=design, plan=plan, progress=progress)


def _on_proxy(
    config: Path,
    upstream: str,
    chat: Callable[[str], Any],
    prompts: Path | None,
    design: Design,
    each: bool,
    cold: bool,  # noqa: ARG001 (as above)
    plan: Plan | None,
    progress: Shown,
) -> Result:
    from aligntax.experiment.remote import bench_proxy

    asked = _prompts(prompts)
    return bench_proxy(config, upstream, chat, prompts=asked, design=design, each=each, plan=plan, progress=progress)


def _prompts(file: Path | None) -> list[str]:
    from aligntax.demo.prompts import read_prompts, shipped_prompts

    return shipped_prompts() if file is None else read_prompts(file)


def _chat(url: str, *, model: str, stream: bool, max_tokens: int | None) -> Any:
    from aligntax.experiment.load.chat import Chat

    return Chat(url, model=model, stream=stream, more={} if max_tokens is None else {"max_tokens": max_tokens})


def _plan(load: str | None, seconds: float, slo: str | None, objective: str | None, seed: int) -> Plan | None:
    if load is None:
        given = [option for option, value in (("--slo", slo), ("--objective", objective)) if value is not None]
        if given:
            raise ValueError(f"{given[0]} is about a load; say with --load poisson:RATE which one")
        return None
    from aligntax.experiment.load import Arrivals, Objective, Plan, SearchPlan, Slo

    return Plan(
        Arrivals.parse(load, seed),
        seconds=seconds,
        slo=None if slo is None else Slo.parse(slo),
        search=None if objective is None else SearchPlan(Objective.parse(objective)),
    )
