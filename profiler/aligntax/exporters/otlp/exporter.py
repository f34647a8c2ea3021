"""`OtlpExporter`: reports metrics again and again, and sends a share of the traces."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Mapping
from functools import partial

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import MetricExportResult
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource

from aligntax.clock import unix_offset_ns
from aligntax.exporters.otlp.collector import DEFAULT_SECONDS, Collector
from aligntax.exporters.otlp.metrics import Times, metrics_data
from aligntax.exporters.otlp.quiet import quietly
from aligntax.exporters.otlp.traces import TraceExport
from aligntax.exporters.scrape import booked_scrape, read_families
from aligntax.profiler import Profiler
from aligntax.ranges import require_share

logger = logging.getLogger("aligntax")


class OtlpExporter:
    """Sends a profiler's metrics and traces to an OpenTelemetry collector, on threads of its own.

    Also a context manager that starts and closes it. What is not given here is taken from OpenTelemetry's environment
    variables: OTEL_EXPORTER_OTLP_ENDPOINT, _HEADERS, _TIMEOUT, _COMPRESSION, _CERTIFICATE and the like, those for
    metrics and traces alone included, OTEL_SERVICE_NAME (`aligntax` without), OTEL_RESOURCE_ATTRIBUTES,
    OTEL_BSP_MAX_QUEUE_SIZE and OTEL_SDK_DISABLED. Counters are always cumulative.

    Each process reports what it has counted itself. A collector that does not answer is tried again by the SDK for as
    long as `timeout`; then metrics wait for the next report, which makes up for it, and spans are lost and counted. The
    first failure is logged. It runs until it is closed, which the program's end does at the latest. In a forked child
    it does not run until it is started there.

    Args:
        profiler: what to report on.
        seconds: time between two reports of the metrics.
        traces_share: share of the requests whose traces are sent, chosen at random; 0 for none.
        endpoint: the collector's address without a path for the signal, e.g. "http://127.0.0.1:4318", where that is
            not left to the environment.
        headers: sent with every request, e.g. for authentication. Never logged.
        timeout: how long one report or one batch may take, all attempts included, in seconds; 10 by default.

    Attributes:
        failed_reports: reports of metrics that did not arrive.
        lost_spans: spans that did not arrive. The profiler counts them, too, as dropped with reason `export`.

    Raises:
        ValueError: for a number out of range, an endpoint that is no address, and environment variables that ask for
            another protocol than http/protobuf, of which this speaks no other.
    """

    def __init__(
        self,
        profiler: Profiler,
        *,
        seconds: float = 60.0,
        traces_share: float = 0.01,
        endpoint: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> None:
        if not 0 < seconds <= threading.TIMEOUT_MAX:
            raise ValueError(f"seconds={seconds} is no time between two reports; use a number above 0")
        require_share(traces_share=traces_share)
        self.failed_reports = 0
        self.lost_spans = 0
        self._profiler = profiler
        self._seconds = seconds
        self._traces_share = traces_share
        self._collector = Collector(endpoint, headers, timeout)
        self._patience_seconds = timeout or DEFAULT_SECONDS
        self._offset_ns = unix_offset_ns(profiler.recorder.clock)
        self._logged = False
        self._lock = threading.Lock()
        self._running: _Running | None = None

    def start(self) -> OtlpExporter:
        """Begin to report; the first report comes after `seconds`. Returns the exporter.

        Raises:
            RuntimeError: if it has been started and not closed.
            ValueError: if OTEL_BSP_MAX_QUEUE_SIZE is no size.
        """
        if self._running is not None:
            raise RuntimeError("this exporter runs already; close it before you start it again")
        if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            return self
        resource = _resource(one_of_several=self._profiler.worker is not None)
        traces = None
        if self._traces_share:
            traces = TraceExport(self._collector.spans(), resource, self._offset_ns, self._lose_spans)
        self._running = running = _Running(self._collector.metrics(), resource, traces)
        if traces is not None:
            running.unsubscribe = self._profiler.subscribe(traces, share=self._traces_share)
        atexit.register(self.close)
        # After the SDK's own, which starts a thread in a forked child.
        os.register_at_fork(after_in_child=partial(_forget_parent, weakref.ref(self), weakref.ref(running)))
        running.thread = threading.Thread(target=self._work, args=(running,), name="aligntax-otlp", daemon=True)
        running.thread.start()
        return self

    def push(self) -> bool:
        """Report the metrics now, and return whether the report has arrived.

        Raises:
            RuntimeError: if the exporter does not run.
        """
        running = self._running
        if running is None:
            raise RuntimeError("this exporter does not run; start it before you push")
        return self._push(running)

    def close(self) -> None:
        """Send what there is, and end all threads. Takes at most about twice the timeout. Idempotent."""
        running, self._running = self._running, None
        if running is None:
            return
        atexit.unregister(self.close)
        running.deadline = time.monotonic() + self._patience_seconds
        running.stop.set()
        self._push(running)
        running.unsubscribe()
        if running.traces is not None:
            running.traces.close()
        running.sent.set()
        running.thread.join()
        running.give_up()

    def __enter__(self) -> OtlpExporter:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def forget_parent(self, running: _Running) -> None:
        """Make a forked child whole: it starts without any thread, and leaves the parent's connections alone."""
        self._lock = threading.Lock()
        if self._running is running:
            self._running = None
            running.unsubscribe()
            atexit.unregister(self.close)
            if running.traces is not None:
                running.traces.forget_parent()

    def _work(self, running: _Running) -> None:
        """Report again and again; then watch over `close`, which may run when no new thread can be started any more."""
        while not running.stop.wait(self._seconds):
            self._push(running)
        if not running.sent.wait(max(0.0, running.deadline - time.monotonic())):
            running.give_up()

    def _push(self, running: _Running) -> bool:
        with running.pushing:
            try:
                with booked_scrape(self._profiler):
                    families = read_families(self._profiler, self._profiler.own_view())
                offset_ns = self._offset_ns
                now_ns = self._profiler.recorder.clock()
                times = Times(self._profiler.start_ns + offset_ns, now_ns + offset_ns, offset_ns)
                data = metrics_data(families, running.resource, times)
                with quietly() as said:
                    arrived = running.metrics.export(data) is MetricExportResult.SUCCESS
                reason = "; ".join(said)
            except Exception as error:
                arrived, reason = False, type(error).__name__
        if not arrived:
            with self._lock:
                self.failed_reports += 1
            self._complain_once("metrics", reason)
        return arrived

    def _lose_spans(self, count: int, reason: str) -> None:
        with self._lock:
            self.lost_spans += count
        self._profiler.recorder.drops.count("export", count)
        self._complain_once("traces", reason)

    def _complain_once(self, what: str, reason: str) -> None:
        with self._lock:
            logged, self._logged = self._logged, True
        if not logged:
            logger.warning(
                "aligntax: %s did not get to the OpenTelemetry collector (%s); further failures are only counted",
                what,
                reason or "no reason given",
            )


class _Running:
    """What there is between `start` and `close`."""

    def __init__(self, metrics: OTLPMetricExporter, resource: Resource, traces: TraceExport | None) -> None:
        self.metrics = metrics
        self.resource = resource
        self.traces = traces
        self.unsubscribe: Callable[[], None] = _nothing_to_end
        self.thread: threading.Thread
        self.pushing = threading.Lock()
        self.stop = threading.Event()
        self.sent = threading.Event()
        self.deadline = 0.0

    def give_up(self) -> None:
        """Wait no longer for the collector, in no thread; also closes the connections."""
        if self.traces is not None:
            self.traces.give_up()
        with quietly():  # of a second call, the SDK would complain
            self.metrics.shutdown()


def _resource(*, one_of_several: bool) -> Resource:
    """Return what the environment says about the service, with a name and an identity of this process."""
    resource = Resource.create()
    if str(resource.attributes.get(SERVICE_NAME, "unknown_service")).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: "aligntax"}))
    instance = str(resource.attributes.get(SERVICE_INSTANCE_ID) or uuid.uuid4())
    if one_of_several:  # all workers may have got the same one from the environment, and each has its own numbers
        instance = f"{instance}.{os.getpid()}"
    return resource.merge(Resource({SERVICE_INSTANCE_ID: instance}))


def _forget_parent(reference: weakref.ref[OtlpExporter], running: weakref.ref[_Running]) -> None:
    exporter, parents = reference(), running()
    if exporter is not None and parents is not None:
        exporter.forget_parent(parents)


def _nothing_to_end() -> None:
    """Stand for a subscription where there is none."""
