"""`aligntax tax development`: what guards take in effort, start-up, memory and dependencies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aligntax.commands.measuring import require_extra
from aligntax.commands.refusal import refusing_bad_input, require_outputs

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
        from aligntax.commands.tax.printing import finish, shown_on_stderr
        from aligntax.taxes.development import development_tax

        inputs = [path for path in (guards, bench, ledger) if path is not None]
        require_outputs({"--json": json}, inputs)
        with shown_on_stderr() as progress:
            record = development_tax(guards=guards, bench=bench, ledger=ledger, progress=progress)
        finish(record, json, inputs)
