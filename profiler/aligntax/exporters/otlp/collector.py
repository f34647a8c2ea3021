"""Where the collector is, and the SDK's exporters to it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

DEFAULT_SECONDS = 10.0
PROTOCOL = "http/protobuf"
_PROTOCOL_VARIABLES = (
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[!-~](?:[ -~\t]*[!-~])?|")


class Collector:
    """Makes exporters to one collector.

    Args:
        endpoint: its address without a path for the signal; left to the environment where None.
        headers: sent with every request.
        timeout: how long one report or batch may take, in seconds; left to the environment where None.

    Raises:
        ValueError: for an endpoint or a header that is none, a time that is not above 0, or another protocol in the
            environment.
    """

    def __init__(self, endpoint: str | None, headers: Mapping[str, str] | None, timeout: float | None) -> None:
        if timeout is not None and not 0 < timeout <= 3600:
            raise ValueError(f"timeout={timeout} is no time to wait; use seconds, above 0 and at most 3600")
        if endpoint is None:
            _check_protocol()
        else:
            _check_endpoint(endpoint)
        for name, value in (headers or {}).items():
            # The value may be a credential, which no message repeats.
            if _HEADER_NAME.fullmatch(name) is None or _HEADER_VALUE.fullmatch(value) is None:
                raise ValueError(
                    f"headers: {name!r} or its value cannot be in a header; use printable ASCII characters"
                )
        self._endpoint = endpoint
        self._headers = dict(headers or {})
        self._timeout = timeout

    def metrics(self) -> OTLPMetricExporter:
        """Return an exporter of metrics."""
        return OTLPMetricExporter(self._url("metrics"), headers=self._headers, timeout=self._timeout)

    def spans(self) -> OTLPSpanExporter:
        """Return an exporter of spans."""
        return OTLPSpanExporter(self._url("traces"), headers=self._headers, timeout=self._timeout)

    def _url(self, signal: str) -> str | None:
        return None if self._endpoint is None else f"{self._endpoint.rstrip('/')}/v1/{signal}"


def _check_endpoint(endpoint: str) -> None:
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        usable = usable and not parts.query and not parts.fragment
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"endpoint={endpoint!r} is no address; use one like 'http://127.0.0.1:4318'")


def _check_protocol() -> None:
    for variable in _PROTOCOL_VARIABLES:
        protocol = os.environ.get(variable, "").strip() or PROTOCOL
        if protocol != PROTOCOL:
            raise ValueError(
                f"{variable}={protocol!r} is a protocol that aligntax does not speak; pass endpoint= of a collector "
                f"that takes {PROTOCOL}, most often on port 4318"
            )
