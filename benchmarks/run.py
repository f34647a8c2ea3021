"""Runs one benchmark, or all of them, prints its table and keeps the result: python benchmarks/run.py NAME."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import result
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from table import KERNELS, NAMES, columns

ALL = (*NAMES, *KERNELS)
# A file called secrets.py beside this one would hide the standard library's from everything that runs here.
MODULES = {"secrets": "secret_scan"}
RESULTS = Path(__file__).resolve().parent / "results"


def main() -> int:
    """Run what the command line asks for; return 1 if answers disagreed, else 0."""
    options = _options()
    console = Console()
    if options.name == "list":
        for name in ALL:
            console.print(
                f"[bold]{name:<12}[/] {escape((import_module(MODULES.get(name, name)).__doc__ or '').splitlines()[0])}"
            )
        return 0
    agreed = True
    for name in ALL if options.name == "all" else (options.name,):
        # A live spinner would be one more thread that wants the processor.
        console.print(f"measuring: {name}")
        started = result.machine()
        found = import_module(MODULES.get(name, name)).run(quick=options.quick)
        data = result.to_dict(name, found, quick=options.quick, started=started)
        target = options.json or RESULTS / _file_name(name, options.quick)
        result.write(target, data)
        _show(console, data)
        console.print(f"written to {target}\n", highlight=False, soft_wrap=True)
        agreed &= found.answers_agree
    return 0 if agreed else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run a benchmark against its peers.")
    parser.add_argument("name", choices=(*ALL, "all", "list"), metavar="NAME", help=f"{', '.join(ALL)}, all or list")
    parser.add_argument("--quick", action="store_true", help="a short run that shows only that it works")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="where to write the result; benchmarks/results/ if left out"
    )
    options = parser.parse_args()
    if options.json and options.name in {"all", "list"}:
        parser.error(f"--json names the file of one result, and {options.name!r} has none or many; leave it out")
    if options.json and not options.json.resolve().parent.is_dir():
        parser.error(f"--json {options.json}: there is no folder {options.json.resolve().parent}; make it first")
    return options


def _file_name(name: str, quick: bool) -> str:
    # A quick run must never replace the full run of the same day, nor be taken for one.
    return f"{name}-{datetime.now(UTC):%Y-%m-%d}{'-quick' if quick else ''}.json"


def _show(console: Console, data: Mapping[str, Any]) -> None:
    title = f"{data['benchmark']}{' (quick run: not to be quoted)' if data['quick'] else ''}"
    table = Table(title=title, title_justify="left")
    headings, cells = columns(data["benchmark"])
    for heading, is_number in headings:
        table.add_column(heading, justify="right" if is_number else "left")
    for row in data["rows"]:
        style = "red" if row["met"] is False else None
        table.add_row(*map(escape, cells(row)), style=style)
    console.print(table)
    if not data["answers_agree"]:
        console.print("[bold red]the answers disagreed: these figures compare different work[/]")


if __name__ == "__main__":
    sys.exit(main())
