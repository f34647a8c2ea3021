"""`aligntax tax development`: what guards take in effort, start-up, memory and dependencies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aligntax.commands.measuring import INTERRUPTED, require_extra, shown
from aligntax.commands.refusal import refusing_bad_input, require_writable

EXAMPLES = (
    "Examples:\n\n"
    "aligntax tax development --ledger hours.toml\n\n"
    "aligntax tax development --guards guards.toml --bench result.json --ledger hours.toml --json development.json\n\n"
    "hours.toml: rate_per_hour = [80, 120], window_months = 24, requests_per_month = 2e6, and below each [[hours]] "
    'what = "blocklist, first version", once = [30, 50], per_month = 4'
)


def development(
    guards: Annotated[
        Path | None, typer.Option(help="TOML file of guards; each is started a few times, alone.", metavar="FILE")
    ] = None,
    bench: Annotated[
        Path | None, typer.Option(help="Result of aligntax bench, for its cold start.", metavar="FILE")
    ] = None,
    ledger: Annotated[Path | None, typer.Option(help="TOML file of hours that people spent.", metavar="FILE")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the record as JSON.", metavar="FILE")] = None,
) -> None:
    """Say what guards cost before and beside requests: hours from your own ledger, and what can be measured.

    Measured are the cold start, the time until each guard is ready, compiling included, its resident memory, its
    dependencies and their size, and its configuration keys. Hours are taken from the ledger, and are never inferred.
    """
    with refusing_bad_input():
        require_extra()
        if json is not None:
            require_writable("--json", json)
    from rich.console import Console

    from aligntax.commands.tax.printing import finish
    from aligntax.taxes.development import development_tax

    err = Console(stderr=True, highlight=False, markup=False, emoji=False)
    with refusing_bad_input():
        try:
            with shown(err) as progress:
                record = development_tax(guards=guards, bench=bench, ledger=ledger, progress=progress)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        finish(record, json, [path for path in (guards, bench, ledger) if path is not None])
