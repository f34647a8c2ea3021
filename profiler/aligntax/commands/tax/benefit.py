"""`aligntax tax benefit`: what guards bought, and at what price."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aligntax.commands.measuring import INTERRUPTED, require_extra, shown
from aligntax.commands.refusal import refusing_bad_input, refusing_missing_extra, require_outputs
from aligntax.whole_file import write_whole

if TYPE_CHECKING:
    from rich.console import Console

    from aligntax.commands.measuring import Shown
    from aligntax.taxes.benefit.figures import Configuration, Settings
    from aligntax.taxes.benefit.running import Plan
    from aligntax.taxes.record import TaxRecord

_REPEATS, _BATCH, _CONCURRENCY, _TIMEOUT_SECONDS = 1, 64, 1, 60.0
EXAMPLES = (
    "Examples:\n\n"
    "aligntax tax benefit --guards guards.toml --data labelled.jsonl --repeats 3 --verdicts verdicts.jsonl\n\n"
    "aligntax tax benefit verdicts.jsonl --prevalence 0.001 --tax result.json --json benefit.json\n\n"
    "aligntax tax benefit --config pii=pii.jsonl:pii.json --config both=both.jsonl:both.json --svg front.svg\n\n"
    'A line of labelled texts: {"id": "a1", "label": "attack", "text": "..."} (or "benign"; may follow: "answer", '
    '"succeeded")\n\n'
    'A line of verdicts: {"id": "a1", "label": "attack", "arm": "guarded", "verdict": "block"} (arm "raw" without '
    'guards; may follow: "repeat", "latency_seconds", "succeeded", "guard", "passed")'
)


def benefit(
    verdicts_file: Annotated[
        Path | None,
        typer.Argument(help="Labelled verdicts, JSON lines; see the examples.", metavar="VERDICTS", show_default=False),
    ] = None,
    guards: Annotated[
        Path | None,
        typer.Option(help="Judge --data by the guards in this file (TOML or JSON), rather than read VERDICTS."),
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Labelled texts for --guards, JSON lines.", metavar="FILE")] = None,
    verdicts: Annotated[
        Path | None,
        typer.Option(
            help="Where --guards writes its verdicts, without texts; an unfinished file is gone on with.",
            metavar="FILE",
        ),
    ] = None,
    repeats: Annotated[int, typer.Option(help="With --guards: judge each text so many times.", metavar="N")] = _REPEATS,
    batch: Annotated[int, typer.Option(help="With --guards: write after so many texts.", metavar="N")] = _BATCH,
    concurrency: Annotated[
        int, typer.Option(help="With --guards: texts before asynchronous guards at once.", metavar="N")
    ] = _CONCURRENCY,
    timeout: Annotated[
        float, typer.Option(help="With --guards: the longest call of an asynchronous guard.", metavar="SECONDS")
    ] = _TIMEOUT_SECONDS,
    config: Annotated[
        list[str] | None,
        typer.Option(
            help="One of several guard sets: its verdicts and, after a colon, what it costs; repeat for each.",
            metavar="NAME=VERDICTS[:TAX]",
        ),
    ] = None,
    tax: Annotated[
        Path | None,
        typer.Option(
            help="What the guards cost: a result of aligntax bench, or a tax record (FILE#FIGURE for another figure).",
            metavar="FILE",
        ),
    ] = None,
    prevalence: Annotated[
        float | None,
        typer.Option(help="Which share of your real requests are attacks; precision needs it.", metavar="SHARE"),
    ] = None,
    margin: Annotated[
        str | None, typer.Option(help="A change of a rate below this is none, e.g. 1%.", metavar="SHARE")
    ] = None,
    confidence: Annotated[float, typer.Option(help="Of all intervals.", metavar="SHARE")] = 0.95,
    json: Annotated[Path | None, typer.Option(help="Write the record as JSON.", metavar="FILE")] = None,
    svg: Annotated[Path | None, typer.Option(help="Draw what guards cost and buy, as SVG.", metavar="FILE")] = None,
) -> None:
    """Tell what guards bought: fewer attacks that succeed, at which false positives, precision and price.

    A text that is blocked, or on which a guard fails, is stopped. An attack that goes on succeeds unless its label says
    otherwise; without guards, and without an arm "raw", every attack goes on. Of several repeats the first one counts
    for the rates, all of them for predictability. With several guard sets, those that others dominate are marked.
    Guards at the output and of streams judge a text's "answer", or the text itself where there is none. Ctrl-C keeps
    the verdicts that are done, and the same command goes on from there.
    """
    with refusing_bad_input():
        require_extra()
        from aligntax.commands.tax.printing import finish
        from aligntax.taxes.benefit.figures import Settings

        share = None if margin is None else _share(margin)
        settings = Settings(prevalence, share, confidence)
        _require_one_source(verdicts_file, guards, config)
        if guards is None:
            _require_guards(verdicts, repeats, batch, concurrency, timeout)
        named = [_named(each) for each in config or ()]
        inputs = _inputs(verdicts_file, guards, data, tax, named)
        require_outputs({"--json": json, "--svg": svg, "--verdicts": verdicts}, inputs)
    from rich.console import Console

    err = Console(stderr=True, highlight=False, markup=False, emoji=False)
    with refusing_bad_input(), _verdicts_at(verdicts) as written:
        try:
            with shown(err) as progress:
                if guards is not None:
                    from aligntax.taxes.benefit.running import Plan

                    plan = Plan(guards, _given(data), written, repeats, batch, concurrency, timeout)
                    _judge(plan, progress, err, kept=verdicts is not None)
                    named = [("", written, tax)]
                elif verdicts_file is not None:
                    named = [("", verdicts_file, tax)]
                record = _record(named, settings, [*inputs, *([] if verdicts is None else [verdicts])], progress)
        except KeyboardInterrupt as error:
            raise typer.Exit(INTERRUPTED) from error
        if progress.stopped:  # too late for anybody to have asked
            raise typer.Exit(INTERRUPTED)
        if svg is not None:
            _draw(record, svg)
        finish(record, json, inputs)
        out = Console(highlight=False, markup=False, emoji=False)
        if len(named) > 1 and "front" in record.more:
            _print_front(out, record.more["front"])
        if svg is not None:
            out.print(f"Plot: {svg}", soft_wrap=True)


def _require_one_source(verdicts: Path | None, guards: Path | None, config: Sequence[str] | None) -> None:
    given = [bool(verdicts), bool(guards), bool(config)]
    if sum(given) != 1:
        raise ValueError(
            "pass one of: a file of verdicts, --guards with --data, or --config NAME=VERDICTS for each of several "
            f"guard sets; {'none' if not any(given) else 'more than one'} is given"
        )


def _require_guards(verdicts: Path | None, repeats: int, batch: int, concurrency: int, timeout: float) -> None:
    """Refuse what is about guards that judge, where none do: what was asked for would not happen."""
    for option, value, unset in (
        ("--verdicts", verdicts, None),
        ("--repeats", repeats, _REPEATS),
        ("--batch", batch, _BATCH),
        ("--concurrency", concurrency, _CONCURRENCY),
        ("--timeout", timeout, _TIMEOUT_SECONDS),
    ):
        if value != unset:
            raise ValueError(
                f"{option} {value}: is for --guards, which judges --data; name the guards, or leave it out"
            )


def _share(margin: str) -> float:
    from aligntax.experiment.gate import Unit
    from aligntax.experiment.gate.quantity import parse

    return parse("--margin", margin, Unit.RATIO)


def _named(config: str) -> tuple[str, Path, Path | None]:
    """Return the name, the verdicts and the tax of one of several guard sets."""
    name, equals, files = config.partition("=")
    name = name.strip()
    if not equals or not files or not 0 < len(name) <= 80 or "\n" in name:
        raise ValueError(f"--config {config}: write NAME=VERDICTS, or NAME=VERDICTS:TAX with what it costs")
    before, colon, after = files.rpartition(":")
    if not colon or Path(files).exists():
        return name, Path(files), None
    return name, Path(before), Path(after)


def _inputs(
    verdicts: Path | None,
    guards: Path | None,
    data: Path | None,
    tax: Path | None,
    named: Sequence[tuple[str, Path, Path | None]],
) -> list[Path]:
    """Return the files that are read."""
    if guards is not None and data is None:
        raise ValueError(f"--guards {guards}: needs labelled texts to judge; add --data FILE")
    if guards is None and data is not None:
        raise ValueError(f"--data {data}: is for --guards; name the guards that shall judge it")
    if named and tax is not None:
        raise ValueError(f"--tax {tax}: each of several guard sets has its own; write --config NAME=VERDICTS:TAX")
    from aligntax.taxes.benefit.price import chosen

    several = [path for _, *paths in named for path in paths]
    return [chosen(path)[0] for path in (verdicts, guards, data, tax, *several) if path is not None]


def _given(data: Path | None) -> Path:
    assert data is not None  # noqa: S101 (looked at by `_inputs`)
    return data


@contextmanager
def _verdicts_at(verdicts: Path | None) -> Iterator[Path]:
    """Yield where verdicts are written: a file that is kept, or one that is not."""
    if verdicts is not None:
        yield verdicts
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder, "verdicts.jsonl")


def _judge(plan: Plan, progress: Shown, err: Console, *, kept: bool) -> None:
    from aligntax.taxes.benefit.running import run

    with refusing_missing_extra():
        ran = run(plan, progress)
    for (guard, kind), number in sorted(ran.failures.items()):
        err.print(f"Guard {guard} failed {number:,} times: {kind}.", soft_wrap=True)
    if ran.before > ran.wanted:
        err.print(
            f"{plan.verdicts} holds {ran.done:,} verdicts already, and not {ran.wanted:,}: all count.", soft_wrap=True
        )
    if ran.interrupted:
        where = f"{plan.verdicts} keeps them: run it again to go on" if kept else "they are lost without --verdicts"
        err.print(f"Interrupted after {ran.done:,} of {ran.wanted:,} verdicts; {where}.", soft_wrap=True)
        raise KeyboardInterrupt


def _record(
    named: Sequence[tuple[str, Path, Path | None]],
    settings: Settings,
    paths: Sequence[Path],
    progress: Shown,
) -> TaxRecord:
    from aligntax.taxes.benefit.benefit import benefit as bought
    from aligntax.taxes.benefit.benefit import read_configuration, sources_of

    configurations: list[Configuration] = [read_configuration(name, path, tax, progress) for name, path, tax in named]
    return bought(configurations, settings, sources_of(paths))


def _draw(record: TaxRecord, svg: Path) -> None:
    from aligntax.report.page.plots.front import front_drawing
    from aligntax.taxes.benefit.svg import standalone

    drawing = front_drawing(record.more["front"]) if "front" in record.more else None
    if drawing is None:
        raise ValueError(
            f"--svg {svg}: nothing to draw attack success against; give what the guards cost (--tax, or "
            "NAME=VERDICTS:TAX), or label benign texts, too"
        )
    write_whole(svg, standalone(drawing))


def _print_front(out: Console, front: Mapping[str, Any]) -> None:
    """Set the configurations side by side, and say which of them nobody should choose."""
    from rich.text import Text

    from aligntax.figures import MISSING, duration, percentage
    from aligntax.report.tables import empty_table

    objectives = front["objectives"]
    unit = front["tax"]["unit"] if front["tax"] else ""
    tax: Callable[[float], str] = partial("{1:,.4g} {0}".format, unit)
    if unit == "seconds" or unit.startswith("share"):
        tax = duration if unit == "seconds" else percentage
    write = {"attack_success": percentage, "false_positives": percentage, "tax": tax}
    table = empty_table()
    for title in ("configuration", *(objective.replace("_", " ") for objective in objectives), "standing"):
        table.add_column(title, overflow="fold")
    for point in front["points"]:
        others = ", ".join(point["dominated_by"])
        standing = f"dominated{'' if point['clearly'] else ' within the intervals'} by {others}" if others else MISSING
        cells = [write[objective](point[objective]["value"]) for objective in objectives]
        table.add_row(Text(point["name"]), *cells, Text(standing), style="dim" if others else "")
    out.print()
    out.print(table)
    out.print("Dominated: another one is at least as good in every column, and better in one.", style="dim")
