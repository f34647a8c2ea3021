"""`aligntax proxy`: guards and measurement in front of any OpenAI-compatible server."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from aligntax.commands.refusal import refusing_bad_input, refusing_missing_extra

EXAMPLES = (
    "Examples:\n\n"
    "aligntax proxy --upstream http://127.0.0.1:8000   (measures, and guards nothing)\n\n"
    "aligntax proxy --upstream http://127.0.0.1:8000 --config guards.toml --ready-path /health --workers 4\n\n"
    "aligntax proxy --upstream unix:/run/model.sock --config guards.toml\n\n"
    "aligntax proxy --upstream https://models.internal/api --ca-file ca.pem --config guards.toml --host 0.0.0.0 "
    "--certfile cert.pem --keyfile key.pem"
)

DEFAULT_PORT = 8080
DEFAULT_METRICS_PORT = 9464


class Forwarded(StrEnum):
    """What becomes of the headers that tell a request's way."""

    KEEP = "keep"
    ADD = "add"
    STRIP = "strip"


def proxy(
    upstream: Annotated[
        str,
        typer.Option(help="Server behind the proxy, the only one it sends to; unix:/PATH for a socket.", metavar="URL"),
    ],
    config: Annotated[
        Path | None, typer.Option(help="TOML file with the guards; without it, nothing is guarded.", metavar="FILE")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 is every one of this machine.", metavar="ADDRESS")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for a free one.", metavar="N")
    ] = DEFAULT_PORT,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help=f"Port of /metrics on the loopback address; the file's, or else {DEFAULT_METRICS_PORT}.",
            metavar="N",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes that share the port.", metavar="N")] = 1,
    certfile: Annotated[Path | None, typer.Option(help="Certificates, as PEM: makes it https.", metavar="FILE")] = None,
    keyfile: Annotated[
        Path | None, typer.Option(help="Private key, as PEM, unless --certfile has it.", metavar="FILE")
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option(help="Certificates, as PEM, that an https upstream's must come from.", metavar="FILE")
    ] = None,
    ready_path: Annotated[
        str | None,
        typer.Option(help="The proxy is ready while the upstream answers here with success.", metavar="PATH"),
    ] = None,
    health_prefix: Annotated[
        str, typer.Option(help="What /healthy and /ready are below of; never forwarded.", metavar="PATH")
    ] = "/-",
    connect_seconds: Annotated[float, typer.Option(help="For a connection to the upstream.", metavar="SECONDS")] = 5.0,
    first_byte_seconds: Annotated[float, typer.Option(help="Until an answer begins.", metavar="SECONDS")] = 600.0,
    idle_seconds: Annotated[float, typer.Option(help="Between two pieces of an answer.", metavar="SECONDS")] = 120.0,
    total_seconds: Annotated[
        float | None,
        typer.Option(help="For all of a request and its answer; no limit by default.", metavar="SECONDS"),
    ] = None,
    client_seconds: Annotated[
        float, typer.Option(help="For a client to go on sending its request, or taking the answer.", metavar="SECONDS")
    ] = 60.0,
    grace_seconds: Annotated[
        int, typer.Option(min=0, max=86_400, help="For running requests when the proxy is to stop.", metavar="SECONDS")
    ] = 30,
    max_body_bytes: Annotated[
        int, typer.Option(help="Of any request; what guards read has its limit in the file.", metavar="N")
    ] = 64 * 2**20,
    max_header_bytes: Annotated[int, typer.Option(help="Of all headers together.", metavar="N")] = 64 * 2**10,
    max_requests: Annotated[int, typer.Option(help="At a time, in each worker.", metavar="N")] = 1000,
    preserve_host: Annotated[
        bool, typer.Option("--preserve-host", help="Let the upstream see the Host that clients send.")
    ] = False,
    forwarded: Annotated[
        Forwarded, typer.Option(help="What becomes of X-Forwarded-For, Forwarded, Via and the like.")
    ] = Forwarded.KEEP,
    trust_env: Annotated[
        bool, typer.Option("--trust-env", help="Reach the upstream as HTTP_PROXY and the like say.")
    ] = False,
) -> None:
    """Serve an OpenAI-compatible server behind guards, and measure what they cost.

    Requests and answers are forwarded as they come, streams too. GET /-/healthy says that the proxy runs, GET /-/ready
    that it can be sent requests. SIGTERM and Ctrl-C let running requests end. Neither texts nor credentials are logged.
    """
    with refusing_missing_extra():
        from aligntax.serving.limits import Limits
        from aligntax.serving.proxy import ProxyOptions
        from aligntax.serving.server import Listening, run

    with refusing_bad_input():
        options = ProxyOptions(
            upstream=upstream,
            config=_text(config),
            limits=Limits(
                connect_seconds=connect_seconds,
                first_byte_seconds=first_byte_seconds,
                idle_seconds=idle_seconds,
                total_seconds=total_seconds,
                client_seconds=client_seconds,
                max_body_bytes=max_body_bytes,
                max_header_bytes=max_header_bytes,
                max_requests=max_requests,
            ),
            metrics_port=metrics_port,
            ca_file=_text(ca_file),
            preserve_host=preserve_host,
            forwarded=forwarded.value,
            trust_env=trust_env,
            ready_path=ready_path,
            health_prefix=health_prefix,
        )
        listening = Listening(host, port, workers, _text(certfile), _text(keyfile), grace_seconds)
        code = run(options, listening, typer.echo)
    if code:
        raise typer.Exit(code)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
