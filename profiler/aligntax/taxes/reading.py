"""Files of taxes that were measured before: records of any kind, and results of `aligntax bench`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from aligntax.experiment.result import SCHEMA as BENCH_SCHEMA
from aligntax.experiment.result import checked, read_json
from aligntax.inference import CONFIDENCE, Estimate
from aligntax.taxes.record import KINDS, SCHEMA

__all__ = ["LATENCY", "Measured", "measured_figure", "read_bench"]

LATENCY = "latency.request"
"""What the tax of a result of `aligntax bench` is called among the figures."""


class Measured(NamedTuple):
    """One figure of a file.

    Attributes:
        kind: of tax; of a result of `aligntax bench`, latency.
        confidence: of its intervals.
        name: of the figure.
        title: for people.
        absolute: None where it is not known.
        unit: of it.
        relative: as a share of raw; None where it is not known.
        n: how many observations; None likewise.
    """

    kind: str
    confidence: float
    name: str
    title: str
    absolute: Estimate | None
    unit: str
    relative: Estimate | None
    n: int | None


def read_bench(path: Path) -> Mapping[str, Any]:
    """Return what a result of `aligntax bench` holds.

    Raises:
        ValueError: if it cannot be read, is none, or is not whole; names the file and the mend.
    """
    return _bench(read_json(path), path)


def _bench(data: Any, path: Path) -> Mapping[str, Any]:
    try:
        return checked(data, path)
    except (AttributeError, TypeError) as error:
        raise ValueError(f"{path}: is not whole ({error!s:.100}); write it anew with aligntax bench --json") from error


def measured_figure(path: Path, name: str | None = None) -> Measured:
    """Return one figure of a tax record, or the tax of a result of `aligntax bench`.

    Args:
        path: of the file.
        name: of the figure; the first one that has a relative tax where None, or else the first.

    Raises:
        ValueError: if the file is neither, or has no such figure; names the file and what there is.
    """
    data = read_json(path)
    if isinstance(data, dict) and data.get("schema") == BENCH_SCHEMA:
        figures: list[Any] = [_of_bench(_bench(data, path))]
        kind, confidence = LATENCY.partition(".")[0], CONFIDENCE
    else:
        figures = _figures(data, path)
        kind, confidence = data["kind"], _confidence(path, data)
    known = [str(figure.get("name")) for figure in figures if isinstance(figure, dict)]
    if len(known) != len(figures):
        raise ValueError(f"{path}: a figure is no object; write the file anew with: aligntax tax ... --json FILE")
    if not figures:
        raise ValueError(f"{path}: has no figures, only refusals; mend what they name first")
    if name is None:
        found = next((figure for figure in figures if figure.get("relative") is not None), figures[0])
    elif name in known:
        found = figures[known.index(name)]
    else:
        raise ValueError(f"{path}: has no figure {name!r}; it has {', '.join(known[:20])}")
    try:
        absolute, relative = (
            None if found.get(part) is None else Estimate.from_dict(found[part]) for part in ("absolute", "relative")
        )
    except ValueError as error:
        raise ValueError(f"{path}: figure {found.get('name')!r}: {error}") from error
    name, title, unit = (str(found.get(key, "")) for key in ("name", "title", "unit"))
    n = found.get("n")
    counted = n if isinstance(n, int) and not isinstance(n, bool) else None
    return Measured(kind, confidence, name, title, absolute, unit, relative, counted)


def _figures(data: Any, path: Path) -> list[Any]:
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema != SCHEMA:
        raise ValueError(f"{path}: has schema {schema!r:.60} instead of {SCHEMA!r}; name what an aligntax tax wrote")
    if data.get("kind") not in KINDS or not isinstance(data.get("figures"), list):
        raise ValueError(f"{path}: has no figures of a known kind; write it anew with: aligntax tax ... --json FILE")
    return list(data["figures"])


def _confidence(path: Path, data: Mapping[str, Any]) -> float:
    """Return the confidence of a record's intervals: what it says of them, else the usual one."""
    parameters = data.get("parameters")
    found = parameters.get("confidence", CONFIDENCE) if isinstance(parameters, dict) else CONFIDENCE
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found < 1:
        raise ValueError(f"{path}: its confidence, {found!r:.40}, lies not between 0 and 1; write the record anew")
    return float(found)


def _of_bench(data: Mapping[str, Any]) -> dict[str, Any]:
    tax = data["tax"]
    return {
        "name": LATENCY,
        "title": "Latency of a request",
        "absolute": tax.get("seconds"),
        "unit": "seconds",
        "relative": tax.get("relative"),
        "n": tax.get("n"),
    }
