"""Relative taxes of models of several sizes: from CSV, or from records that name none."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TextIO

from scipy import stats

from aligntax.inference import CONFIDENCE, Estimate
from aligntax.taxes.csv_lines import short_lines
from aligntax.taxes.reading import measured_figure

__all__ = ["MAX_POINTS", "Point", "parse_size", "point_of_record", "read_points", "written_size"]

MAX_POINTS = 10_000
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*(?P<suffix>[kmbt]?)", re.IGNORECASE)
_FACTORS = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}


class Point(NamedTuple):
    """The tax of one model.

    Attributes:
        size: of the model: its parameters, or whatever counts as its size; above 0.
        relative: the tax as a share of raw; signed.
        error: its standard error; None where it is not known.
        family: of the model; empty where there is only one.
        source: name of the file.
        raw: the raw score that it was computed from; None where the tax was given as it is.
        figure: name of the figure that it is; empty where the file names none.
        n: how many observations it is of; None where that is not known.
    """

    size: float
    relative: float
    error: float | None = None
    family: str = ""
    source: str = ""
    raw: float | None = None
    figure: str = ""
    n: int | None = None

    def estimate(self, confidence: float = CONFIDENCE) -> Estimate:
        """Return the tax with the interval of a normal error; without one where the error is not known."""
        if self.error is None:
            return Estimate(self.relative)
        half = float(stats.norm.isf((1 - confidence) / 2)) * self.error
        return Estimate(self.relative, self.relative - half, self.relative + half)


def parse_size(text: str) -> float:
    """Return what `"1.3B"`, `"350M"` or `"7e9"` says.

    Raises:
        ValueError: if it is no size above 0.
    """
    found = _SIZE.fullmatch(text.strip())
    size = float(found["number"]) * _FACTORS[found["suffix"].lower()] if found else math.nan
    if not 0 < size < math.inf:
        raise ValueError(f"{text.strip()!r:.40} is no size; write a number above 0, e.g. 7e9, 350M or 1.3B")
    return size


def written_size(size: float) -> str:
    """Return a size as people write it, e.g. `"1.3B"`."""
    suffix = next((name for name, factor in reversed(_FACTORS.items()) if size >= factor), "")
    return f"{size / _FACTORS[suffix]:.6g}{suffix.upper()}"


def point_of_record(path: Path, size: float, *, figure: str | None = None, family: str = "") -> Point:
    """Return the tax that a file holds, as that of a model of a size.

    Args:
        path: a tax record, or a result of `aligntax bench`.
        size: of the model.
        figure: which one; the first that has a relative tax where None.
        family: of the model.

    Raises:
        ValueError: if the file is neither, is of several sizes itself, or the figure is not there or has no relative
            tax.
    """
    found = measured_figure(path, figure)
    if found.kind == "scaling":
        raise ValueError(f"{path}: is of several sizes itself; name a record of one model, of any other tax")
    if found.relative is None:
        raise ValueError(f"{path}: figure {found.name!r} has no relative tax; name one that has, with --figure")
    error = found.relative.standard_error(found.confidence)
    return Point(size, found.relative.value, error, family, path.name, figure=found.name, n=found.n)


def read_points(path: Path, *, family: str | None = None) -> list[Point]:
    """Return the points of a CSV file.

    Its columns are `size` and either `tax`, the relative tax as a share (0.127, or 12.7%), or `raw` and `aligned`,
    scores of which more is better; further `stderr`, of the relative tax, and `family`, which may be missing or empty.

    Args:
        path: of the file, UTF-8.
        family: keeps its models only; all where None.

    Raises:
        ValueError: if it cannot be read, a column is missing, or a cell holds what does not belong there; names the
            file, the line and the mend.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(_bounded(path, file))
            names = {(name or "").strip() for name in rows.fieldnames or ()}
            if "size" not in names or not ("tax" in names or {"raw", "aligned"} <= names):
                raise ValueError(
                    f"{path}: line 1 has the columns {sorted(names)!s:.120}; give size, and tax or raw and aligned"
                )
            points = [_point(path, rows.line_num, row) for row in rows]
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is no UTF-8 (byte {error.start:,}); save it as UTF-8") from error
    except csv.Error as error:
        raise ValueError(f"{path}: is no CSV ({error}); write one row a line, columns separated by commas") from error
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); name a file that exists") from error
    found = [point for point in points if family is None or point.family == family]
    if not found:
        there = ", ".join(sorted({repr(point.family) for point in points})[:10])
        asked = f"no row of family {family!r}; there are {there}" if points else "no rows below the first line"
        raise ValueError(f"{path}: {asked}; give the tax of one model at least")
    return found


def _bounded(path: Path, file: TextIO) -> Iterator[str]:
    for number, line in enumerate(short_lines(path, file), start=1):
        if number > MAX_POINTS + 1:
            raise ValueError(f"{path}: line {number} is beyond {MAX_POINTS:,} rows; give one row a model")
        yield line


def _point(path: Path, line: int, row: Mapping[str | None, str | None]) -> Point:
    cells = {(name or "").strip(): value.strip() for name, value in row.items() if isinstance(value, str)}
    try:
        size = parse_size(cells.get("size", ""))
        raw = None
        if cells.get("tax"):
            relative = _number("tax", cells["tax"])
        else:
            raw, aligned = _number("raw", cells.get("raw", "")), _number("aligned", cells.get("aligned", ""))
            if raw <= 0:
                raise ValueError(f"raw={raw:g} has no relative tax; give scores above 0")  # noqa: TRY301 (one mend)
            relative = (raw - aligned) / raw
        error = _number("stderr", cells["stderr"]) if cells.get("stderr") else None
        if error is not None and error <= 0:
            raise ValueError(f"stderr={error:g} must be above 0; leave the cell empty where it is not known")  # noqa: TRY301
    except ValueError as error_found:
        raise ValueError(f"{path}: line {line}: {error_found}") from error_found
    return Point(size, relative, error, cells.get("family", ""), path.name, raw)


def _number(name: str, text: str) -> float:
    percent = text.endswith("%")
    try:
        found = float(text.removesuffix("%"))
    except ValueError as error:
        raise ValueError(f"{name}={text!r:.40} is no number; write e.g. 0.127") from error
    if not math.isfinite(found):
        raise ValueError(f"{name}={text!r:.40} is no finite number; leave out what was not measured")
    return found / 100 if percent else found
