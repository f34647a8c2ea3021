"""`aligntax tax capability`: how much less varied a model's answers are, and how often it refuses for nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aligntax.commands.measuring import require_extra
from aligntax.commands.refusal import refusing_bad_input, require_outputs

EXAMPLES = (
    "Examples:\n\n"
    "aligntax tax capability raw.jsonl aligned.jsonl\n\n"
    "aligntax tax capability raw.jsonl aligned.jsonl --safe safe_raw.jsonl safe_aligned.jsonl --json tax.json\n\n"
    "aligntax tax capability raw.jsonl aligned.jsonl --k 4 --embedding mypackage.vectors:embed "
    "--detector mypackage.judges:is_refusal\n\n"
    'A line of samples: {"id": "p1", "text": "..."} (one line for each sample of a prompt), or {"id": "p1", "samples": '
    '["...", "..."]} (may follow: "refused": true, "safe": true, "decoding": {...})'
)


def capability(
    raw: Annotated[
        Path, typer.Argument(help="Samples before alignment, or without guards: JSON lines.", metavar="RAW")
    ],
    aligned: Annotated[Path, typer.Argument(help="Samples of the same prompts afterwards.", metavar="ALIGNED")],
    safe: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            help="Samples of safe prompts, of either arm, for over-refusal; else of the lines that say 'safe': true.",
            metavar="RAW ALIGNED",
        ),
    ] = None,
    id_field: Annotated[
        str, typer.Option("--id", help="Name of the field with the prompt's id.", metavar="FIELD")
    ] = "id",
    text: Annotated[str, typer.Option(help="Name of the field with a sample's text.", metavar="FIELD")] = "text",
    k: Annotated[
        int | None,
        typer.Option(
            "--k", help="Use the first K samples of each prompt; else all, as many for every prompt.", metavar="K"
        ),
    ] = None,
    max_tokens: Annotated[
        int, typer.Option(help="Measure so many tokens of a sample, in both arms.", metavar="N")
    ] = 1024,
    tokenizer: Annotated[
        str, typer.Option(help="word, or character for scripts without spaces.", metavar="NAME")
    ] = "word",
    vocabulary: Annotated[
        int | None,
        typer.Option(help="Of EAD; else the number of different tokens in both files.", metavar="N"),
    ] = None,
    embedding: Annotated[
        str | None,
        typer.Option(
            help="For the Vendi score: package.module:function of a list of texts; else TF-IDF, fitted on both files.",
            metavar="FUNCTION",
        ),
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(
            help="Tells refusals: package.module:function of a text, or the file of a linear classifier; else phrases.",
            metavar="FUNCTION|FILE",
        ),
    ] = None,
    phrases: Annotated[
        Path | None, typer.Option(help="Phrases that refusals begin with, one a line, for others.", metavar="FILE")
    ] = None,
    prompts: Annotated[
        int, typer.Option(help="Measure so many prompts at most, drawn at random; 0 for all.", metavar="N")
    ] = 5_000,
    across: Annotated[
        int, typer.Option(help="Compare the first samples of so many prompts at most.", metavar="N")
    ] = 500,
    margin: Annotated[
        str,
        typer.Option(
            help="What changes less is unchanged: a share of raw, or points of over-refusal.", metavar="SHARE"
        ),
    ] = "5%",
    confidence: Annotated[float, typer.Option(help="Of all intervals.", metavar="SHARE")] = 0.95,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Of all draws.", metavar="N")] = 0,
    json: Annotated[Path | None, typer.Option(help="Write the record as JSON.", metavar="FILE")] = None,
) -> None:
    """Tell how much less varied samples are after alignment, and how much more often safe prompts are refused.

    Variety within prompts (of the K samples of each) and across prompts (of the first sample of each): Vendi score,
    EAD, distinct-1 to -3, self-BLEU, compression ratio, length; with refusals and without them, since refusals that
    are alike look like collapse. Less variety is a tax; so is a larger share of refused safe prompts. Texts never leave
    the files.
    """
    with refusing_bad_input():
        require_extra()
        from aligntax.commands.tax.capability_table import print_capability
        from aligntax.commands.tax.printing import finish_comparison, shown_on_stderr
        from aligntax.experiment.gate import Unit
        from aligntax.experiment.gate.quantity import parse
        from aligntax.taxes.capability import Fields, Settings, capability_tax

        settings = Settings(
            k=k,
            max_tokens=max_tokens,
            tokenizer=tokenizer,
            vocabulary=vocabulary,
            embedding=embedding,
            detector=detector,
            phrases=phrases,
            prompts=prompts,
            across=across,
            margin=parse("--margin", margin, Unit.RATIO),
            seed=seed,
            confidence=confidence,
            fields=Fields(id=id_field, text=text),
        )
        inputs = [raw, aligned, *(safe or ()), *([] if phrases is None else [phrases])]
        require_outputs({"--json": json}, inputs)
        with shown_on_stderr() as progress:
            record = capability_tax(raw, aligned, settings, safe=safe, progress=progress)
        finish_comparison(record, json, inputs, print_capability)
