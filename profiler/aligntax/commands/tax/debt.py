"""`aligntax tax debt`: what going without guards would cost, and whether they pay for themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aligntax.commands.measuring import require_extra
from aligntax.commands.refusal import refusing_bad_input

EXAMPLES = (
    "Examples:\n\n"
    "aligntax tax debt debt.toml --json debt.json\n\n"
    "aligntax tax debt debt.toml --tax cost.json   (a record of aligntax tax cost, for the break-even)\n\n"
    "debt.toml: single_loss = [20e3, 400e3], requests_per_year = 12e6, control_cost_per_year = 40e3, principal = 50e3, "
    "discount_rate = 0.08, years = 5; [attacks] count = 40, requests = 1_000_000; [success_without] count = 120, "
    "of = 200; [success_with] count = 9, of = 200"
)


def debt(
    inputs: Annotated[Path, typer.Argument(help="TOML file of losses, attacks and costs.", metavar="INPUTS")],
    tax: Annotated[
        Path | None,
        typer.Option(help="Record with the measured cost of the guards, for the break-even.", metavar="FILE"),
    ] = None,
    figure: Annotated[str | None, typer.Option(help="Which of its figures: money per request.", metavar="NAME")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Of the draws.", metavar="N")] = 0,
    json: Annotated[Path | None, typer.Option(help="Write the record as JSON.", metavar="FILE")] = None,
) -> None:
    """Say what going without guards costs a year, how that adds up, and when the guards pay for themselves.

    Annual loss expectancy with and without guards, from counts of attacks and a range of losses, each with its
    uncertainty. Without a loss figure no money is told, and it is said what is missing.
    """
    with refusing_bad_input():
        require_extra()
        from aligntax.commands.tax.printing import finish
        from aligntax.taxes.debt import debt_tax

        if figure is not None and tax is None:
            raise ValueError(f"--figure {figure}: names a figure of --tax, which is missing; give both")
        finish(debt_tax(inputs, tax=tax, figure=figure, seed=seed), json, [inputs] if tax is None else [inputs, tax])
