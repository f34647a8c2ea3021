"""`aligntax compare`: what one result says against another one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aligntax.commands.refusal import refusing_bad_input, refusing_missing_extra, require_outputs
from aligntax.whole_file import write_whole

EXAMPLES = (
    "Examples:\n\n"
    "aligntax compare base.json new.json\n\n"
    "aligntax compare base.json new.json --margin 5% --json comparison.json --markdown comparison.md\n\n"
    "aligntax compare .benchmarks/0001_base.json .benchmarks/0002_new.json   (of pytest-benchmark)"
)


def compare(
    base: Annotated[Path, typer.Argument(help="Result to compare with.", metavar="BASE")],
    new: Annotated[Path, typer.Argument(help="Result that is judged.", metavar="NEW")],
    margin: Annotated[
        str, typer.Option(help="What changes less is unchanged: a share of a guarded request.", metavar="SHARE")
    ] = "2%",
    alpha: Annotated[
        float, typer.Option(help="Chance of any false alarm, over all metrics together.", metavar="P")
    ] = 0.05,
    json: Annotated[Path | None, typer.Option(help="Write the comparison as JSON.", metavar="FILE")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write it as Markdown.", metavar="FILE")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Compare results of different machines, versions, prompts or guards, too.")
    ] = False,
) -> None:
    """Compare two results of `aligntax bench`, or two files of pytest-benchmark, metric by metric.

    Each metric gets a permutation test, an equivalence test against the margin, and one of four verdicts: regression,
    improvement, unchanged within margin, cannot tell. What decides is the tax relative to raw, which was measured in
    the same run; of benchmarks, the worst one. Exit code: 0 improved or unchanged, 1 regression, 2 cannot tell, 3 bad
    input, or results that should not be compared.
    """
    with refusing_missing_extra():
        from aligntax.experiment.gate import Unit, compare_measured, read_measured
    from rich.console import Console

    from aligntax.experiment.gate.markdown import compared_markdown
    from aligntax.experiment.gate.quantity import parse
    from aligntax.experiment.gate.terminal import ComparedTable
    from aligntax.experiment.result import write_json
    from aligntax.inference import Verdict

    with refusing_bad_input():
        share = parse("--margin", margin, Unit.RATIO)
        require_outputs({"--json": json, "--markdown": markdown}, (base, new))
        compared = compare_measured(read_measured(base), read_measured(new), margin=share, alpha=alpha, force=force)
        if json is not None:
            write_json(json, compared.to_dict())
        if markdown is not None:
            write_whole(markdown, compared_markdown(compared))
    Console(highlight=False, markup=False, emoji=False).print(ComparedTable(compared))
    codes = {Verdict.REGRESSION: 1, Verdict.CANNOT_TELL: 2}
    raise typer.Exit(codes.get(compared.verdict, 0))
