"""For each exported bucket, the last request in it that carried the caller's trace id."""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

from aligntax.histogram import FINE_BOUNDS, NANO, REQUEST_BOUNDS
from aligntax.trace import Trace

MAX_SERIES = 256


class Exemplar(NamedTuple):
    """One request: the caller's identifier of it, the value that it contributed, in seconds, and when it ended."""

    trace_id: str
    seconds: float
    end_ns: int = 0


class Exemplars:
    """Keeps one exemplar per bucket of the request histograms, of at most `MAX_SERIES` series."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, ...], dict[int, Exemplar]] = {}

    def keep(self, trace: Trace, tax_ns: int) -> None:
        """Remember a request that has a trace id as the last one in its buckets."""
        model = trace.model or "none"
        self._keep(("request_duration_seconds", model, trace.outcome), REQUEST_BOUNDS, trace, trace.duration_ns)
        if trace.outcome.comparable:
            self._keep(("request_tax_seconds", model), FINE_BOUNDS, trace, tax_ns)

    def of(self, *series: str) -> dict[int, Exemplar]:
        """Return the exemplars of a series (metric and label values), by index of the exported bucket."""
        return dict(self._kept.get(series, {}))

    def _keep(self, series: tuple[str, ...], bounds: tuple[float, ...], trace: Trace, value_ns: int) -> None:
        if trace.trace_id is None or (series not in self._kept and len(self._kept) >= MAX_SERIES):
            return
        seconds = value_ns / NANO
        exemplar = Exemplar(trace.trace_id, seconds, trace.end_ns)
        self._kept.setdefault(series, {})[bisect_left(bounds, seconds)] = exemplar
