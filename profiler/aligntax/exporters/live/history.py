"""The trend of the last ten minutes, from the differences between ledgers that were seen while somebody looked."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from aligntax.histogram import NANO, Int64Array, quantile
from aligntax.ledger import Ledger

WINDOW_SECONDS = 600
INTERVAL_SECONDS = 1.5
"""The shortest time between two points."""

GAP_SECONDS = 30
"""Nobody has looked for so long: what has happened since is no point of the trend."""

MAX_POINTS = round(WINDOW_SECONDS / INTERVAL_SECONDS)
MAX_GUARDS = 6
"""Guards that have a line of their own, those with the greatest tax; the others share one."""


class Sample(NamedTuple):
    """What a ledger had counted at a time: requests, their tax as a histogram, and each guard's share of it."""

    now_ns: int
    requests: int
    tax: Int64Array
    shares_ns: Counter[str]


class Point(NamedTuple):
    """What happened between two times; shares are sums over all `taxed` requests, by guard."""

    start_ns: int
    end_ns: int
    requests: int
    taxed: int
    p50_ns: float | None
    p95_ns: float | None
    shares_ns: Mapping[str, int]


class History:
    """A ring of at most 400 points. Threads must not share one without a lock."""

    def __init__(self) -> None:
        self._points: deque[Point] = deque(maxlen=MAX_POINTS)
        self._last: Sample | None = None

    def observe(self, now_ns: int, ledger: Ledger) -> None:
        """Add what has happened since the last call, if that is long enough ago and not too long.

        Args:
            now_ns: when the ledger was read.
            ledger: one that nobody else writes to.
        """
        last = self._last
        if last is not None and now_ns - last.now_ns < INTERVAL_SECONDS * NANO:
            return
        self._last = sample = _sample(now_ns, ledger)
        if last is None or now_ns - last.now_ns > GAP_SECONDS * NANO:
            return
        point = _difference(last, sample)
        if not point.requests and self._points and self._points[-1].end_ns == point.start_ns:
            previous = self._points[-1]
            if not previous.requests:  # one point for all of a quiet time, or it would crowd out the busy ones
                point = point._replace(start_ns=self._points.pop().start_ns)
        self._points.append(point)

    def to_dict(self, now_ns: int) -> dict[str, Any]:
        """Return the points of the last ten minutes, oldest first, and the guards that their shares are of."""
        points = [point for point in self._points if now_ns - point.end_ns <= WINDOW_SECONDS * NANO]
        sums_ns: Counter[str] = Counter()
        for point in points:
            sums_ns.update(point.shares_ns)
        guards = [guard for guard, share_ns in sums_ns.most_common(MAX_GUARDS) if share_ns]
        return {
            "window_seconds": WINDOW_SECONDS,
            "guards": guards,
            "points": [_plain(point, guards) for point in points],
        }


def _sample(now_ns: int, ledger: Ledger) -> Sample:
    shares_ns: Counter[str] = Counter()
    for row, layer in enumerate(ledger.layers):
        if layer.kind == "guard":
            shares_ns[layer.name] += int(ledger.taxes_ns[row])
    return Sample(now_ns, int(ledger.requests.sum()), ledger.tax.sum(axis=0), shares_ns)


def _difference(before: Sample, after: Sample) -> Point:
    tax = after.tax - before.tax
    taxed = int(tax.sum())
    return Point(
        before.now_ns,
        after.now_ns,
        after.requests - before.requests,
        taxed,
        quantile(tax, 0.50) if taxed else None,
        quantile(tax, 0.95) if taxed else None,
        {guard: share_ns - before.shares_ns[guard] for guard, share_ns in after.shares_ns.items()},
    )


def _plain(point: Point, guards: list[str]) -> dict[str, Any]:
    """Return a point in seconds; the shares are means over its taxed requests, in the order of `guards`."""
    shares_ns = [point.shares_ns.get(guard, 0) for guard in guards]
    others_ns = sum(point.shares_ns.values()) - sum(shares_ns)
    return {
        "start_seconds": point.start_ns / NANO,
        "end_seconds": point.end_ns / NANO,
        "requests": point.requests,
        "taxed": point.taxed,
        "tax_p50_seconds": _seconds(point.p50_ns),
        "tax_p95_seconds": _seconds(point.p95_ns),
        "shares_seconds": [_seconds(share_ns / point.taxed) for share_ns in shares_ns] if point.taxed else None,
        "others_seconds": _seconds(others_ns / point.taxed) if point.taxed else None,
    }


def _seconds(ns: float | None) -> float | None:
    return None if ns is None else round(ns) / NANO
