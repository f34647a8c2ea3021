"""`aligntax deploy`: what Prometheus and Grafana need to show the tax, and to raise the alarm."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from aligntax.commands.refusal import refusing_bad_input

EXAMPLES = (
    "Examples:\n\n"
    "aligntax deploy monitoring   (then: docker compose -f monitoring/compose.yml up -d)\n\n"
    "aligntax deploy monitoring --force --budget 0.1 --target 10.0.0.5:9464 --target 10.0.0.6:9464"
)


def deploy(
    folder: Annotated[Path, typer.Argument(help="Folder to write to; made if need be.", metavar="DIR")],
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    budget: Annotated[
        float,
        typer.Option(
            help="Tax ratio that 99 of 100 requests are to stay within: a bucket bound of aligntax_request_tax_ratio.",
            metavar="RATIO",
        ),
    ] = 0.05,
    guard_p99: Annotated[
        float,
        typer.Option(
            help="What the p99 of a guard is to stay within: a bucket bound of aligntax_layer_duration_seconds.",
            metavar="SECONDS",
        ),
    ] = 0.25,
    target: Annotated[
        list[str] | None,
        typer.Option(help="Metrics server to scrape; may be repeated. 127.0.0.1:9464 by default.", metavar="HOST:PORT"),
    ] = None,
    prometheus_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of Prometheus on the loopback address.", metavar="N")
    ] = 9090,
    grafana_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of Grafana on the loopback address.", metavar="N")
    ] = 3000,
) -> None:
    """Write a Grafana dashboard, Prometheus rules and alerts with their tests, and a compose file that runs both.

    Alerts fire when requests spend the tax budget too fast (burn rates 14.4, 6, 3 and 1), when a guard fails or is
    slow, when observations are lost, and when a server cannot be scraped.
    """
    from aligntax.deploy import DEFAULT_TARGET, Settings, write_pack

    with refusing_bad_input():
        settings = Settings(budget, guard_p99, tuple(target or [DEFAULT_TARGET]), prometheus_port, grafana_port)
        written = write_pack(folder, settings, force=force)
    for path in written:
        typer.echo(path)
    compose = shlex.quote(str(folder / "compose.yml"))
    typer.echo(f"\nNext: docker compose -f {compose} up -d")
    typer.echo(f"Then: http://127.0.0.1:{grafana_port} (Grafana), http://127.0.0.1:{prometheus_port} (Prometheus)")
