"""`aligntax tax`: the other kinds of alignment tax, one command each."""

from __future__ import annotations

import typer

from aligntax.commands.tax import benefit, capability, cost, debt, development, performance, scaling

__all__ = ["tax_app"]

tax_app = typer.Typer(
    name="tax",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Measure another kind of alignment tax: what guards and alignment cost besides time, and what they buy.",
)
tax_app.command(epilog=performance.EXAMPLES)(performance.performance)
tax_app.command(epilog=capability.EXAMPLES)(capability.capability)
tax_app.command(epilog=benefit.EXAMPLES)(benefit.benefit)
tax_app.command(epilog=development.EXAMPLES)(development.development)
tax_app.command(epilog=debt.EXAMPLES)(debt.debt)
tax_app.command(epilog=scaling.EXAMPLES)(scaling.scaling)
tax_app.command(epilog=cost.EXAMPLES)(cost.cost)
