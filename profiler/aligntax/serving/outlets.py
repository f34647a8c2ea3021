"""Where a server's numbers go: a port for Prometheus, a file of traces, an OpenTelemetry collector."""

from __future__ import annotations

from contextlib import ExitStack

from aligntax.exporters.server import serve
from aligntax.profiler import Profiler
from aligntax.serving.metrics_access import metrics_access
from aligntax.serving.settings import Settings

__all__ = ["Outlets"]


class Outlets:
    """Everything that the settings ask for, running until it is closed.

    Args:
        profiler: whose numbers they are.
        settings: which outlets there are.

    Attributes:
        metrics_url: where the metrics are served; None if they are not.

    Raises:
        OSError: if the port is taken, or a file with a secret or a certificate cannot be read.
        ValueError: if one holds nothing that can be used.
        ModuleNotFoundError: if OpenTelemetry is asked for and not installed; names the install command.
    """

    def __init__(self, profiler: Profiler, settings: Settings) -> None:
        self._profiler = profiler
        self.metrics_url: str | None = None
        with ExitStack() as stack:
            if settings.metrics_port is not None:
                shared = settings.ledger_dir is not None and settings.metrics_port != 0
                access = metrics_access(settings)
                server = stack.enter_context(
                    serve(profiler, settings.metrics_port, settings.metrics_host, shared=shared, **access)
                )
                self.metrics_url = server.url
            if settings.traces_file is not None:
                from aligntax.exporters.jsonl import TraceFile

                file = TraceFile(settings.traces_file)
                stack.callback(file.close)
                stack.callback(profiler.subscribe(file, share=settings.traces_share))
            if settings.otlp:
                from aligntax.exporters.otlp import OtlpExporter

                exporter = OtlpExporter(profiler, traces_share=settings.traces_share)
                exporter.start()
                stack.callback(exporter.close)
            self._stack = stack.pop_all()

    def close(self) -> None:
        """Close them all, the last first, each with what it still has to send."""
        self._profiler.drain()  # requests that have just ended are traces only after it
        self._stack.close()
