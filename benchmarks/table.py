"""Renders the newest results as the tables of the documents, between markers: python benchmarks/table.py [--check].

A table stands between `<!-- begin:NAME -->` and `<!-- end:NAME -->`. Quick runs are never rendered.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pii_table

NAMES = ("overhead", "calibration", "scrape", "memory", "imports", "serving", "proxying", "workers", "gating", "whatif")
KERNELS = ("literals", "streaming", "fold", "pii", "secrets", "tokens", "linear", "entropy", "warmup")
SUMMARY = "kernels"
"""What the README shows of the kernels' results: the rows with a figure to reach."""
QUALITY = "pii_quality"
"""Precision and recall, kept in the result of `pii`."""
DOCUMENTS = {"README.md": (*NAMES, SUMMARY), "kernels/DESIGN.md": (*KERNELS, QUALITY)}
ROOT = Path(__file__).resolve().parents[1]
BAD_INPUT = 2


class Columns(NamedTuple):
    """How the rows of one benchmark are shown: headings, each with whether it is a number's, and a row's cells."""

    headings: Sequence[tuple[str, bool]]
    cells: Callable[[Mapping[str, Any]], list[str]]


def columns(name: str) -> Columns:
    """Return how the rows of benchmark `name` are shown."""
    return _CALIBRATION if name == "calibration" else _COMPARISON


def rendered(name: str, data: Mapping[str, Any]) -> str:
    """Return the table of one result as Markdown, with the machine that it was measured on below it."""
    headings, cells = columns(name)
    return "\n".join([*_table(headings, map(cells, data["rows"])), "", _measured(name, data)])


def summary(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return one table of the rows that have a figure to reach, of several results by name."""
    rows = [
        [name, *_comparison(row)] for name, data in results.items() for row in data["rows"] if row["wanted"] is not None
    ]
    headings = (("kernel", False), *_COMPARISON.headings)
    return "\n".join([*_table(headings, rows), "", *(_measured(name, data) + "  " for name, data in results.items())])


def _table(headings: Sequence[tuple[str, bool]], rows: Iterable[Sequence[str]]) -> list[str]:
    return [
        "| " + " | ".join(heading for heading, _ in headings) + " |",
        "|" + "|".join("---:" if is_number else "---" for _, is_number in headings) + "|",
        *("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows),
    ]


def _measured(name: str, data: Mapping[str, Any]) -> str:
    machine = data["machine"]
    intervals = "; medians with 95 % intervals" if any(row["speedup_interval"] for row in data["rows"]) else ""
    return (
        f"`python benchmarks/run.py {name}`, {machine['date'][:10]}: {machine['cpu_model']}, {machine['cores']} cores, "
        f"Python {machine['python']}, load {machine['load_average'][0]:.1f}{intervals}."
    )


def replaced(document: str, names: Sequence[str], results: Path) -> str:
    """Return a document with every table rendered anew.

    Raises:
        ValueError: if a marker is missing or out of order, or if there is no full result for a table.
    """
    for name in names:
        begin, end = f"<!-- begin:{name} -->", f"<!-- end:{name} -->"
        if document.count(begin) != 1 or document.count(end) != 1 or document.index(end) < document.index(begin):
            raise ValueError(f"the document needs exactly one {begin!r}, and one {end!r} after it")
        before, _, rest = document.partition(begin)
        _, _, after = rest.partition(end)
        if name == SUMMARY:
            # Folding was given no figure to reach: its rows are held against its own past, in the design page.
            table = summary({kernel: _newest(results, kernel) for kernel in KERNELS if kernel != "fold"})
        elif name == QUALITY:
            table = pii_table.rendered(_newest(results, "pii")["quality"])
        else:
            table = rendered(name, _newest(results, name))
        document = f"{before}{begin}\n{table}\n{end}{after}"
    return document


def main() -> int:
    """Rewrite the tables, or with --check report drift; return 0, 1 for drift, 2 for input that cannot be used."""
    parser = argparse.ArgumentParser(description="Render the benchmark tables of the documents.")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a table is not up to date")
    parser.add_argument("--root", type=Path, default=ROOT, metavar="FOLDER", help="where the documents are")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results", metavar="FOLDER")
    options = parser.parse_args()
    drifted = False
    rendering: dict[Path, str] = {}
    for name, tables in DOCUMENTS.items():
        path = options.root / name
        try:
            before = path.read_text(encoding="utf-8")
            after = rendering[path] = replaced(before, tables, options.results)
        except (OSError, ValueError) as error:
            print(f"table.py: {path}: {error}", file=sys.stderr)
            return BAD_INPUT
        drifted |= before != after
        if options.check:
            lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, "rendered", lineterm="", n=0)
            print("\n".join(lines))
    if options.check:
        return int(drifted)
    for path, text in rendering.items():
        path.write_text(text, encoding="utf-8")
    return 0


def _newest(results: Path, name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = []
    for path in sorted(results.glob(f"{name}-????-??-??.json")):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path} is not JSON ({error}); remove it, or run the benchmark again") from error
        if not data["quick"]:
            found.append(data)
    if not found:
        raise ValueError(f"no full result of {name!r} in {results}; make one with: python benchmarks/run.py {name}")
    newest = max(found, key=lambda data: str(data["machine"]["date"]))
    if not newest["answers_agree"]:
        raise ValueError(f"the answers in the result of {name!r} disagree, so its figures compare different work")
    return newest


def _number(value: float) -> str:
    for least, digits in ((100, 0), (10, 1), (1, 2)):
        if abs(value) >= least:
            return f"{value:,.{digits}f}"
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _times(speedup: float) -> str:
    return f"{_number(speedup)}x" if speedup >= 1 else f"1/{_number(1 / speedup)}x"


def _interval(bounds: Sequence[float] | None, spell: Callable[[float], str]) -> str:
    return f" ({spell(bounds[0])} to {spell(bounds[1])})" if bounds else ""


def _wanted(row: Mapping[str, Any]) -> str:
    if row["wanted"] is None:
        return ""
    wanted, reached = row["wanted"], _reached(row)
    if wanted == 1:  # the figure stands in the row already, as what ours is compared with
        return reached
    return f"{wanted:g}x: {reached}" if wanted > 1 else f"1/{1 / wanted:g}x: {reached}"


def _reached(row: Mapping[str, Any]) -> str:
    """Return whether a figure was reached; where its interval lies on both sides of it, one run cannot tell."""
    interval = row["speedup_interval"]
    if interval is not None and interval[0] < row["wanted"] < interval[1]:
        return "within the noise"
    return "met" if row["met"] else "missed"


def _comparison(row: Mapping[str, Any]) -> list[str]:
    return [
        row["case"],
        f"{_number(row['ours'])} {row['unit']}",
        row["peer"],
        f"{_number(row['theirs'])} {row['unit']}",
        _times(row["speedup"]) + _interval(row["speedup_interval"], _times),
        _wanted(row),
    ]


def _calibration(row: Mapping[str, Any]) -> list[str]:
    unit = row["unit"]
    relative = row["p95_percent"]
    return [
        row["case"],
        f"{_number(row['true_tax'])} {unit}",
        f"{_number(row['median_error'])} {unit}",
        f"{_number(row['ours'])} {unit}" + ("" if relative is None else f" ({_number(relative)} %)"),
        f"{_number(row['theirs'])} {unit}",
        f"{row['within_percent']:.0f} %",
    ]


_COMPARISON = Columns(
    (
        ("case", False),
        ("aligntax", True),
        ("compared with", False),
        ("theirs", True),
        ("speedup", True),
        ("wanted", True),
    ),
    _comparison,
)
_CALIBRATION = Columns(
    (
        ("request", False),
        ("true tax", True),
        ("median error", True),
        ("error, 95 % of requests below", True),
        ("allowed", True),
        ("within", True),
    ),
    _calibration,
)


if __name__ == "__main__":
    sys.exit(main())
