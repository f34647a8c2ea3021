"""The columns of the table of layers: what each layer took, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rich.text import Text

from aligntax.figures import MISSING, TOO_SMALL, bar, counts, duration, quantile, share
from aligntax.summary import QUANTILES

TAX_STYLE = "bold"

_VERDICT_STYLES = {"block": "red", "modify": "yellow", "error": "bold red", "timeout": "bold red"}
_MODEL_STYLE = "cyan"
_FAINT = "dim"

LayerData = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the table of layers.

    Attributes:
        title: its heading.
        cells: one text for each layer, in order.
        total: what stands below them.
        align: `left` or `right`.
        shrinks: whether it may wrap or be cut off where the console is too narrow.
    """

    title: str
    cells: tuple[Text, ...]
    total: str = ""
    align: Literal["left", "right"] = "right"
    shrinks: bool = False


def name_column(layers: Sequence[LayerData]) -> Column:
    """Return the column that says which layer a line is about."""
    names = (Text(layer["layer"], style=_MODEL_STYLE if layer["kind"] == "model" else "") for layer in layers)
    return Column("layer", tuple(names), "all guards", "left", shrinks=True)


def time_columns(layers: Sequence[LayerData]) -> list[Column]:
    """Return the columns on the calls of each layer and how long they took."""
    return [
        Column("stage", tuple(Text(layer["stage"], style=_FAINT) for layer in layers), align="left"),
        Column("calls", tuple(Text(f"{layer['calls']:,}") for layer in layers)),
        *(Column(name, tuple(figure(quantile(layer["wall_seconds"], name)) for layer in layers)) for name in QUANTILES),
    ]


def tax_columns(
    layers: Sequence[LayerData], request_tax: Mapping[str, Any], bar_width: int, *, ascii_only: bool
) -> list[Column]:
    """Return the columns on what each guard adds to a request, on compute and on verdicts.

    Args:
        layers: the report's layers.
        request_tax: the report's distribution of the tax of a request.
        bar_width: length of the bar of a guard that is all of the tax.
        ascii_only: whether the console knows no block characters.
    """
    shares = [layer["tax_share"] for layer in layers]
    n = request_tax["n"]
    columns = [
        Column(
            "tax/request",
            tuple(Text(_tax_of(layer, n), style=TAX_STYLE) for layer in layers),
            duration(request_tax["mean"], signed=True),
        ),
        Column("share", tuple(figure(share(part)) for part in shares), share(1.0) if any(shares) else MISSING),
        Column(
            "".ljust(bar_width),
            tuple(Text(bar(part or 0.0, bar_width, ascii_only=ascii_only), style="red") for part in shares),
            align="left",
        ),
        Column("CPU/call", tuple(figure(duration(layer["cpu_seconds_per_call"])) for layer in layers)),
    ]
    if any(layer["gpu_seconds_sum"] is not None for layer in layers):
        columns.append(Column("GPU/call", tuple(figure(_gpu_per_call(layer)) for layer in layers)))
    return [*columns, Column("verdicts", tuple(map(_verdicts, layers)), align="left", shrinks=True)]


def figure(text: str) -> Text:
    """Return a number, or faintly why there is none."""
    return Text(text, style=_FAINT if text in (TOO_SMALL, MISSING) else "")


def _tax_of(layer: LayerData, n: int) -> str:
    """Return what a guard adds to a request on average: over all of them, so that the column sums to the tax."""
    if layer["kind"] == "model" or not n:
        return MISSING
    return duration(layer["tax_seconds"]["sum"] / n, signed=True)


def _gpu_per_call(layer: LayerData) -> str:
    seconds, calls = layer["gpu_seconds_sum"], layer["calls"]
    return duration(seconds / calls) if seconds is not None and calls else MISSING


def _verdicts(layer: LayerData) -> Text:
    """Return how often each verdict was given, and the errors by type."""
    text = Text(", ").join(
        Text(f"{number:,} {verdict}", style=_VERDICT_STYLES.get(verdict, ""))
        for verdict, number in layer["verdicts"].items()
    )
    if layer["errors"]:
        text.append(f"{' ' if text else ''}({counts(layer['errors'])})", style="bold red")
    return text or figure(MISSING)
