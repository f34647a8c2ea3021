"""`aligntax tax performance`: what the scores of benchmarks lose."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aligntax.commands.measuring import require_extra
from aligntax.commands.refusal import refusing_bad_input, require_outputs

EXAMPLES = (
    "Examples:\n\n"
    "aligntax tax performance out/raw out/aligned --margin 1   (folders of lm_eval; samples beside them are paired)\n\n"
    "aligntax tax performance raw.json aligned.json --samples arc=raw.jsonl arc=aligned.jsonl --cluster doc.passage\n\n"
    "aligntax tax performance raw.eval aligned.eval --json tax.json   (logs of inspect_ai)\n\n"
    "aligntax tax performance runs/raw runs/aligned   (run folders of HELM)\n\n"
    "aligntax tax performance raw.csv aligned.csv --chance arc=0.25 --lower my_loss   "
    "(columns task, metric, score, stderr, n)"
)


def performance(
    raw: Annotated[
        Path,
        typer.Argument(
            help="Scores before alignment, or without guards: of lm-evaluation-harness, inspect_ai or HELM, or CSV.",
            metavar="RAW",
        ),
    ],
    aligned: Annotated[Path, typer.Argument(help="Scores of the same tasks afterwards.", metavar="ALIGNED")],
    samples: Annotated[
        tuple[str, str] | None,
        typer.Option(
            help="Scores of each item, raw and aligned: samples_TASK_DATE.jsonl, a folder of those, or TASK=FILE. "
            "Those beside the results of lm_eval are found without it.",
            metavar="RAW ALIGNED",
        ),
    ] = None,
    samples_raw: Annotated[
        list[str] | None, typer.Option(help="More such files of raw; repeatable.", metavar="FILE")
    ] = None,
    samples_aligned: Annotated[
        list[str] | None, typer.Option(help="More such files of aligned; repeatable.", metavar="FILE")
    ] = None,
    margin: Annotated[
        list[str] | None,
        typer.Option(
            help="What is no tax yet, in points of 100; or METRIC=D for a metric in a unit of its own; repeatable.",
            metavar="D",
        ),
    ] = None,
    chance: Annotated[
        list[str] | None,
        typer.Option(
            help="What chance alone scores in a task, in the unit of the file, e.g. arc=0.25; repeatable.",
            metavar="TASK=SCORE",
        ),
    ] = None,
    cluster: Annotated[
        list[str] | None,
        typer.Option(
            help="Field of a sample that says which belong together, e.g. doc.passage; or TASK=FIELD; repeatable.",
            metavar="FIELD",
        ),
    ] = None,
    metric: Annotated[list[str] | None, typer.Option(help="Compare this metric only; repeatable.", metavar="M")] = None,
    higher: Annotated[
        list[str] | None, typer.Option(help="Of this metric, more is better; repeatable.", metavar="M")
    ] = None,
    lower: Annotated[
        list[str] | None, typer.Option(help="Of this metric, less is better; repeatable.", metavar="M")
    ] = None,
    confidence: Annotated[float, typer.Option(help="Of all intervals.", metavar="SHARE")] = 0.95,
    json: Annotated[Path | None, typer.Option(help="Write the record as JSON.", metavar="FILE")] = None,
) -> None:
    """Tell how much worse a model scores after alignment, or behind guards, task by task and on average.

    Above 0 is a tax, below 0 a bonus, whichever way the metric goes. Items that both arms have are paired (McNemar's
    test where they are right or wrong, Student's t else); without them the standard errors of the files are used, and
    that is said. Verdicts: tax, bonus, no tax beyond the margin (two one-sided tests), inconclusive; adjusted by Holm
    over all tasks. Tasks that differ in version, examples in the prompt, metric, filter or number of items are not
    compared.
    """
    with refusing_bad_input():
        require_extra()
        from aligntax.commands.tax.performance_table import print_performance
        from aligntax.commands.tax.printing import finish_comparison, shown_on_stderr
        from aligntax.taxes.performance import Asked, Question, performance_tax, read_arm
        from aligntax.taxes.performance.asking import chances, margins, require_items, require_metrics

        of_points, of_metrics = margins(margin or ())
        question = Question(of_points, of_metrics, chances(chance or ()), confidence)
        asked = [
            Asked(
                (*both, *(more or ())),
                tuple(cluster or ()),
                tuple(metric or ()),
                tuple(higher or ()),
                tuple(lower or ()),
            )
            for both, more in zip(
                [(each,) for each in samples] if samples else [(), ()], (samples_raw, samples_aligned), strict=True
            )
        ]
        require_outputs({"--json": json}, [raw, aligned])
        with shown_on_stderr() as progress:
            before, after = (read_arm(path, each, progress) for path, each in zip((raw, aligned), asked, strict=True))
            require_metrics(
                {"--metric": metric or (), "--higher": higher or (), "--lower": lower or ()}, (before, after)
            )
            require_items(cluster or (), (before, after))
            record = performance_tax(before, after, question)
        finish_comparison(record, json, [*before.paths, *after.paths], print_performance)
