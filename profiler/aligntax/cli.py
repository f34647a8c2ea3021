"""The command line. Commands import what they need when they run, so that `aligntax --help` answers at once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import aligntax
from aligntax.commands.bench import EXAMPLES as BENCH_EXAMPLES
from aligntax.commands.bench import bench
from aligntax.commands.compare import EXAMPLES as COMPARE_EXAMPLES
from aligntax.commands.compare import compare
from aligntax.commands.deploy import EXAMPLES as DEPLOY_EXAMPLES
from aligntax.commands.deploy import deploy
from aligntax.commands.gate import EXAMPLES as GATE_EXAMPLES
from aligntax.commands.gate import gate
from aligntax.commands.proxy import EXAMPLES as PROXY_EXAMPLES
from aligntax.commands.proxy import proxy
from aligntax.commands.refusal import BAD_INPUT, complain, refusing_bad_input, require_outputs
from aligntax.commands.report import EXAMPLES as REPORT_EXAMPLES
from aligntax.commands.report import report as whole_report
from aligntax.commands.sweep import EXAMPLES as SWEEP_EXAMPLES
from aligntax.commands.sweep import sweep
from aligntax.commands.tax import tax_app
from aligntax.commands.whatif import EXAMPLES as WHATIF_EXAMPLES
from aligntax.commands.whatif import whatif

if TYPE_CHECKING:
    from aligntax.demo.pairs import Pairs
    from aligntax.exporters.server import MetricsServer
    from aligntax.profiler import Profiler

INTERRUPTED = 128 + signal.SIGINT

DEFAULT_PORT = 9464
WARM_UP_REQUESTS = 3
CPU_SHARE = 0.25

_DEMO_MODULES = ("torch", "onnx", "onnxruntime")
# typer has carried its own copy of click since 0.26; its base class is found either way.
_UsageError: type[Any] = typer.BadParameter.__mro__[1]

app = typer.Typer(
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: what follows the program's name; those of the process where None.

    Returns:
        The exit code: 0, 3 for bad input, 130 after Ctrl-C, or what the command says of its result.
    """
    try:
        code = app(args=arguments, prog_name="aligntax", standalone_mode=False)
    except _UsageError as error:
        command = _command_in(sys.argv[1:] if arguments is None else arguments)
        complain(f"{error.format_message().rstrip('.')}; see '{command} --help'")
        return BAD_INPUT
    except typer.Abort:
        return INTERRUPTED
    return int(code or 0)


def _command_in(arguments: Sequence[str]) -> str:
    """Return the command that arguments name, whose help is of use; not every error of usage knows it."""
    names, command = ["aligntax"], typer.main.get_command(app)
    for argument in arguments:
        inner = getattr(command, "commands", {}).get(argument)
        if inner is None:
            break
        names.append(argument)
        command = inner
    return " ".join(names)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"aligntax {aligntax.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _aligntax(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 (its callback does the work)
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Measure what the safety layers around a model cost."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command(
    epilog="Examples:\n\n"
    "aligntax demo --once --json report.json\n\n"
    "aligntax demo --prompts my_prompts.txt --requests 200\n\n"
    "aligntax demo --port 0 --trace trace.json   (open the trace at https://ui.perfetto.dev)"
)
def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the table, without a server.")] = False,
    requests: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="How many requests to measure.", metavar="N")
    ] = 48,
    prompts: Annotated[
        Path | None,
        typer.Option(help="Text file with a prompt a line, or .jsonl; the shipped prompts by default.", metavar="FILE"),
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write the report as JSON.", metavar="FILE")] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help=f"Port of /metrics: {DEFAULT_PORT} by default, 0 for a free one.", metavar="N"
        ),
    ] = None,
    trace: Annotated[
        Path | None, typer.Option(help="Write the last requests as a Chrome trace.", metavar="FILE")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Chooses weights and answers.", metavar="N")] = 0,
) -> None:
    """Send requests through a real guarded language model and show what each guard costs.

    A torch decoder answers prompts behind a filter for personal data, a blocklist, an ONNX Runtime classifier that
    runs beside the model, a token mask and a filter over the stream. Each prompt is answered twice, in random order:
    behind plain Python guards, and behind the built-in ones, which the report and /metrics are about; what these save
    is the refund. Progress goes to stderr, the tables to stdout.
    """
    from rich.console import Console

    from aligntax.demo.prompts import read_prompts, shipped_prompts
    from aligntax.demo.run import send, wait_for_interrupt
    from aligntax.devices import open_sensors
    from aligntax.exporters.perfetto import write_chrome_trace
    from aligntax.report.terminal import TerminalReport
    from aligntax.summary import Report

    with refusing_bad_input():
        texts = read_prompts(prompts) if prompts else shipped_prompts()
        require_outputs({"--json": json, "--trace": trace}, (prompts,))
    out, progress = (Console(stderr=stderr, highlight=False, markup=False, emoji=False) for stderr in (False, True))
    with ExitStack() as stack:
        profiler = stack.enter_context(aligntax.Profiler(cpu_share=CPU_SHARE, sensors=open_sensors()))
        before = stack.enter_context(aligntax.Profiler(cpu_share=CPU_SHARE))
        if port is None and not once:
            port = DEFAULT_PORT
        server = stack.enter_context(_serve(profiler, port)) if port is not None else None
        with progress.status("loading torch and ONNX Runtime, building the model, compiling kernels where need be"):
            pairs = _build_pairs(seed)
            stack.callback(pairs.close)
            for text in shipped_prompts()[:WARM_UP_REQUESTS]:
                pairs.answer(text)
        pairs.measure(before, profiler)
        millions = pairs.after.parameter_count / 1e6
        source = f"from {prompts}" if prompts else "shipped"
        say = partial(out.print, soft_wrap=True)  # paths and addresses stay in one piece
        say(f"Decoder: {millions:.1f} M random weights (their values do not change the time of a pass).", style="dim")
        say(f"Prompts: {len(texts):,} {source}. {WARM_UP_REQUESTS} requests to warm up are not counted.", style="dim")
        say("Each is answered twice: behind plain Python guards, and behind the built-in ones.", style="dim")
        if server is not None:
            say(f"Metrics: {server.url}/metrics")
        interrupted = send(pairs, islice(cycle(texts), requests), requests, progress)
        report = Report({**profiler.report().to_dict(), "refund": pairs.refund()})
        out.print()
        out.print(TerminalReport(report))
        with refusing_bad_input():
            if json is not None:
                report.save(json)
                say(f"Report: {json}")
            if trace is not None:
                write_chrome_trace(profiler.traces(), trace)
                say(f"Trace: {trace}")
        if interrupted:
            raise typer.Exit(INTERRUPTED)
        if server is not None and not once:
            wait_for_interrupt(f"Serving {server.url}/metrics until Ctrl-C.", out)
            say(f"{report.to_dict()['requests']:,} requests measured.")


app.command(epilog=BENCH_EXAMPLES)(bench)
app.command(epilog=COMPARE_EXAMPLES)(compare)
app.command(epilog=GATE_EXAMPLES)(gate)
app.command(epilog=WHATIF_EXAMPLES)(whatif)
app.command(epilog=SWEEP_EXAMPLES)(sweep)
app.add_typer(tax_app)
app.command("report", epilog=REPORT_EXAMPLES)(whole_report)
app.command(epilog=DEPLOY_EXAMPLES)(deploy)
app.command(epilog=PROXY_EXAMPLES)(proxy)


def _serve(profiler: Profiler, port: int) -> MetricsServer:
    from aligntax.exporters.server import serve

    try:
        return serve(profiler, port=port)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        complain(f"--port {port}: cannot listen there ({reason}); choose another port, or 0 for a free one")
        raise typer.Exit(BAD_INPUT) from error


def _build_pairs(seed: int) -> Pairs:
    try:
        from aligntax.demo.pairs import Pairs
        from aligntax.demo.pipeline import Pipeline

        return Pairs(Pipeline(seed=seed), seed)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _DEMO_MODULES:
            raise
        complain(f"the demo needs {error.name}, which is not installed; run: pip install 'aligntax[demo]'")
        raise typer.Exit(BAD_INPUT) from error


if __name__ == "__main__":
    sys.exit(main())
