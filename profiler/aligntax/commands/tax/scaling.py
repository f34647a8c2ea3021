"""`aligntax tax scaling`: whether a tax grows with the size of the model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aligntax.commands.measuring import require_extra
from aligntax.commands.refusal import refusing_bad_input

if TYPE_CHECKING:
    from aligntax.taxes.scaling import Point

EXAMPLES = (
    "Examples:\n\n"
    "aligntax tax scaling sizes.csv --json scaling.json   (columns size, tax or raw and aligned, stderr, family)\n\n"
    "aligntax tax scaling 1.3B=small.json 6B=medium.json 13B=large.json 175B=largest.json --figure squad_v2.f1"
)


def scaling(
    inputs: Annotated[
        list[str],
        typer.Argument(
            help="A CSV file, or SIZE=FILE for each size: tax records, or results of aligntax bench.", metavar="INPUTS"
        ),
    ],
    figure: Annotated[
        str | None,
        typer.Option(help="Which figure of the records; by default the first one with a relative tax.", metavar="NAME"),
    ] = None,
    family: Annotated[
        str | None, typer.Option(help="Which family of models; needed where a CSV file has several.", metavar="NAME")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write the record as JSON.", metavar="FILE")] = None,
) -> None:
    """Say whether a tax shrinks or grows with the size of the model, or that it cannot be told.

    A line through the relative taxes over the logarithm of the size, with an interval on its slope, from four sizes of
    one family on. With fewer the points are shown, and nothing is said of a slope.
    """
    with refusing_bad_input():
        require_extra()
        from aligntax.commands.tax.printing import finish
        from aligntax.taxes.record import provenance
        from aligntax.taxes.scaling import scaling_tax

        points, paths = _points(inputs, figure, family)
        record = scaling_tax(points, sources=[provenance(path) for path in paths])
        finish(record, json, paths)


def _points(inputs: list[str], figure: str | None, family: str | None) -> tuple[list[Point], list[Path]]:
    from aligntax.taxes.scaling import point_of_record, read_points
    from aligntax.taxes.scaling.points import parse_size

    if len(inputs) == 1 and not _names_size(inputs[0]):
        if figure is not None:
            raise ValueError(f"--figure {figure}: a CSV file has none; leave it out")
        path = Path(inputs[0])
        if path.suffix.lower() == ".json":
            raise ValueError(_unsized(inputs[0]))
        return read_points(path, family=family), [path]
    points, paths = [], []
    for given in inputs:
        size, equals, name = given.partition("=")
        if not equals or not name:
            raise ValueError(_unsized(given))
        try:
            parsed = parse_size(size)
        except ValueError as error:
            raise ValueError(f"{given}: {error}") from error
        paths.append(Path(name))
        points.append(point_of_record(paths[-1], parsed, figure=figure, family=family or ""))
    return points, paths


def _unsized(given: str) -> str:
    return f"{given}: is no SIZE=FILE; write e.g. 1.3B=record.json, or name one CSV file alone"


def _names_size(given: str) -> bool:
    from aligntax.taxes.scaling.points import parse_size

    size, equals, _ = given.partition("=")
    try:
        return bool(equals) and parse_size(size) > 0
    except ValueError:
        return False
