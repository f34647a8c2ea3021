"""Metrics and sampled traces to an OpenTelemetry collector, by OTLP over HTTP; needs the extra `otel`."""

try:
    import opentelemetry.exporter.otlp.proto.http
    import opentelemetry.sdk  # noqa: F401 (what the modules of this package work with)
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"export to OpenTelemetry needs {error.name}, which is not installed; run: pip install 'aligntax[otel]'",
        name=error.name,
    ) from error

from aligntax.exporters.otlp.exporter import OtlpExporter

__all__ = ["OtlpExporter"]
