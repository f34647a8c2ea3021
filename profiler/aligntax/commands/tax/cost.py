"""`aligntax tax cost`: joules, CPU and GPU time and money per useful request."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aligntax.commands.measuring import require_extra
from aligntax.commands.refusal import refusing_bad_input

EXAMPLES = (
    "Examples:\n\n"
    "aligntax tax cost result.json --price-per-hour 4.10 --tokens-per-request 250 --slo 2s\n\n"
    "aligntax tax cost http://127.0.0.1:9464/metrics\n\n"
    "curl -s http://127.0.0.1:9464/metrics > now.prom\n\n"
    "aligntax tax cost now.prom --since yesterday.prom --price-per-hour 4.10 --node-hours 48 --idle-watts 180 "
    "--json cost.json"
)


def cost(
    source: Annotated[
        str,
        typer.Argument(
            help="Result of aligntax bench, a saved answer of /metrics, or the URL of one that runs.", metavar="SOURCE"
        ),
    ],
    price_per_hour: Annotated[
        float | None, typer.Option(help="Price of a node for an hour; without it no money is told.", metavar="PRICE")
    ] = None,
    currency: Annotated[str, typer.Option(help="That the price is in.", metavar="NAME")] = "USD",
    nodes: Annotated[float, typer.Option(help="Nodes that answered together, of a result.", metavar="N")] = 1.0,
    node_hours: Annotated[
        float | None, typer.Option(help="Hours that were paid for, over all nodes, of metrics.", metavar="HOURS")
    ] = None,
    tokens_per_request: Annotated[
        float | None,
        typer.Option(help="Useful tokens of a useful request; without it nothing is told per token.", metavar="N"),
    ] = None,
    idle_watts: Annotated[
        float | None, typer.Option(help="What a node draws while idle; has its own line.", metavar="WATTS")
    ] = None,
    slo: Annotated[
        str | None, typer.Option(help="A request that takes longer is not useful, e.g. 2s or 500ms.", metavar="TIME")
    ] = None,
    since: Annotated[
        Path | None, typer.Option(help="Earlier answer of the same /metrics, to count from.", metavar="FILE")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write the record as JSON.", metavar="FILE")] = None,
) -> None:
    """Say what the guards cost in joules, CPU-seconds, GPU-seconds and money, per useful request and million tokens.

    Each is told raw, guarded, and as the tax that lies between. Of metrics, raw is what the models took.
    Useful is what was allowed, within its time; what other requests took is paid for, too. What no sensor has measured
    is missing from the table, and is never zero.
    """
    with refusing_bad_input():
        require_extra()
        from aligntax.commands.tax.cost_table import print_cost
        from aligntax.commands.tax.printing import finish
        from aligntax.experiment.load.objective import seconds_of
        from aligntax.taxes.cost import Prices, cost_of

        prices = Prices(price_per_hour, currency, nodes, node_hours, tokens_per_request, idle_watts)
        slo_seconds = None if slo is None else seconds_of(slo)
        record = cost_of(source, prices, slo_seconds=slo_seconds, since=since)
        finish(record, json, [Path(source)] if since is None else [Path(source), since], print_cost)
