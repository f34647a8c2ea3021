"""`aligntax gate`: whether a result stays within a budget, for CI."""

from __future__ import annotations

from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from aligntax.commands.refusal import refusing_bad_input, refusing_missing_extra, require_outputs
from aligntax.whole_file import write_whole

EXAMPLES = (
    "Examples:\n\n"
    "aligntax gate result.json --budget budget.toml\n\n"
    "aligntax gate new.json --budget budget.toml --base base.json --junit gate.xml --github\n\n"
    "aligntax gate result.json --budget budget.toml --history history --otava trend.csv\n\n"
    "aligntax gate whole.json --budget budget.toml   (of aligntax report --json; or the record of one tax)\n\n"
    'budget.toml: [tax] with absolute = "5 ms", relative = "10%" and max_regression = "2%"; the same below '
    '[guards.pii], [stages.input] and [cpu]; absolute = "64 MiB" below [memory]; import and first_call below '
    '[cold_start]; of other taxes [performance] with relative = "2%" for the headline, and '
    '[performance."squad_v2.f1"] with absolute = "1.5 points" for any of their figures'
)


class Taken(StrEnum):
    """What limits that cannot be told are taken for."""

    PASSED = "pass"
    FAILED = "fail"


def gate(
    result: Annotated[
        Path,
        typer.Argument(
            help="Result of aligntax bench, record of aligntax tax, or JSON of aligntax report.", metavar="RESULT"
        ),
    ],
    budget: Annotated[Path, typer.Option(help="TOML file that says what guards may cost.", metavar="FILE")],
    base: Annotated[
        Path | None, typer.Option(help="Result to compare with, for limits on regressions.", metavar="FILE")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Take a base of another machine, other versions, prompts or guards, too.")
    ] = False,
    cannot_tell: Annotated[
        Taken | None, typer.Option(help="Take limits that cannot be told for this; by default the exit code is 2.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write the verdicts as JSON.", metavar="FILE")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write them as JUnit XML.", metavar="FILE")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write them as Markdown.", metavar="FILE")] = None,
    github: Annotated[
        bool, typer.Option("--github", help="Add to the job's summary, and annotate, in GitHub Actions.")
    ] = False,
    bencher: Annotated[
        Path | None, typer.Option(help="Write the figures in Bencher Metric Format.", metavar="FILE")
    ] = None,
    pytest_benchmark: Annotated[
        Path | None, typer.Option(help="Write the arms as benchmarks of pytest-benchmark.", metavar="FILE")
    ] = None,
    history: Annotated[
        Path | None, typer.Option(help="Keep the result in this folder, and look for change points.", metavar="DIR")
    ] = None,
    otava: Annotated[
        Path | None,
        typer.Option(help="Write the history as CSV for Apache Otava, its settings beside it.", metavar="FILE"),
    ] = None,
) -> None:
    """Hold a result of `aligntax bench`, any other tax, or the whole of them against a budget.

    A limit fails only if the whole interval of its figure is above it, and passes only if none of it is. Exit code: 0
    all limits passed, 1 one failed, 2 it cannot tell, 3 bad input. Change points in the history are told, and change
    nothing in the verdict; they are found by Apache Otava where it is installed (pipx install apache-otava).
    """
    with refusing_missing_extra():
        from aligntax.experiment.gate import compare_measured, judge, read_budget, read_measured
    from rich.console import Console

    from aligntax.experiment.gate.comparing import MARGIN
    from aligntax.experiment.gate.github import add_to_summary, annotated, commands_stopped, summary_file
    from aligntax.experiment.gate.history import Trend, store, trend, trend_row
    from aligntax.experiment.gate.judging import Standing
    from aligntax.experiment.gate.markdown import judged_markdown
    from aligntax.experiment.gate.otava import otava_files, settings_beside, told
    from aligntax.experiment.gate.terminal import ComparedTable, JudgedTable
    from aligntax.experiment.gate.writers import WRITERS

    outputs = {
        "--json": json,
        "--junit": junit,
        "--bencher": bencher,
        "--pytest-benchmark": pytest_benchmark,
        "--markdown": markdown,
        "--otava": otava,
        "--otava (its settings)": None if otava is None else settings_beside(otava),
    }
    with refusing_bad_input():
        require_outputs(outputs, (result, budget, base))
        limits, measured = read_budget(budget), read_measured(result)
        compared = None
        if base is not None:
            margin = limits.margin or MARGIN
            compared = compare_measured(read_measured(base), measured, margin=margin, force=force)
        taken = Standing.CANNOT_TELL if cannot_tell is None else Standing[cannot_tell.name]
        judged = judge(measured, limits, compared, cannot_tell=taken)
        summary = summary_file() if github else None
        texts = {path: WRITERS[option](judged) for option, path in outputs.items() if path and option in WRITERS}
        row = trend_row(measured)
        # All that can be wrong with the input is known by now: from here on files are written.
        past, lines = Trend((row,)), list[str]()
        if history is not None:
            store(result, measured.created, history)
            past = trend(history, measured)
            lines, _ = told(past)
        if otava is not None:
            texts |= otava_files(otava, past.rows)
        if markdown is not None:
            texts[markdown] = judged_markdown(judged, lines)
        for path, text in texts.items():
            write_whole(path, text)
        if summary is not None:
            add_to_summary(summary, judged_markdown(judged, lines))
    out = Console(highlight=False, markup=False, emoji=False)
    with commands_stopped(typer.echo) if github else nullcontext():
        out.print(JudgedTable(judged))
        if compared is not None:
            out.print()
            out.print(ComparedTable(compared))
        for line in lines:
            out.print(line, style="dim", soft_wrap=True)
    if github:
        for line in annotated(judged):
            typer.echo(line)
    raise typer.Exit({Standing.PASSED: 0, Standing.FAILED: 1, Standing.CANNOT_TELL: 2}[judged.standing])
