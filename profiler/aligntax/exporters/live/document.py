"""The JSON document behind the live page, schema `aligntax.live/1`: made when somebody asks, and not too often."""

from __future__ import annotations

import json
import os
import secrets
import threading
from typing import Any

import aligntax
from aligntax.exporters.answer import compress
from aligntax.exporters.live.history import History
from aligntax.exporters.live.recent import RecentRequests
from aligntax.exporters.scrape import booked_scrape
from aligntax.histogram import NANO
from aligntax.ledger import View
from aligntax.profiler import Profiler

SCHEMA = "aligntax.live/1"
FRESH_SECONDS = 0.5
MAX_LOAD = 0.05
"""Share of one processor that documents may take, however many look and however much there is to see."""


class LiveDocument:
    """Makes the document, keeps the last one for half a second, and the trend for as long as somebody looks.

    Threads may share one; only one of them works at a time. What it costs is booked as part `scrape` of the
    instrumentation time.

    Args:
        profiler: what the document is about. The recent requests are those of this process, everything else is about
            all workers that share a `ledger_dir`.
    """

    def __init__(self, profiler: Profiler) -> None:
        self._profiler = profiler
        self._lock = threading.Lock()
        self._source = secrets.token_hex(4)
        self._history = History()
        self._recent = RecentRequests()
        self._seen: tuple[Any, ...] = ()
        self._revision = 0
        self._fresh_until_ns: int | None = None
        self._text: bytes | None = None
        self._compressed = b""

    def read(self, known: str = "", *, gzip: bool = False) -> tuple[str, bytes | None]:
        """Return the document's entity tag and its text.

        Args:
            known: the tag of the document that the reader has.
            gzip: whether to compress the text.

        Returns:
            The tag, and the text as JSON in UTF-8; None in place of it where nothing has happened since.
        """
        with self._lock:
            clock = self._profiler.recorder.clock
            if self._fresh_until_ns is None or clock() >= self._fresh_until_ns:
                self._refresh(known)
            elif self._text is None and self._tag != known:
                self._refresh("")
            if self._tag == known:
                return self._tag, None
            return self._tag, self._compressed if gzip else self._text

    @property
    def _tag(self) -> str:
        return f'"{self._source}-{self._revision}"'

    def _refresh(self, known: str) -> None:
        """Look at the ledger; write a new document unless the reader has one that says the same."""
        clock = self._profiler.recorder.clock
        with booked_scrape(self._profiler):
            start_ns = clock()
            view = self._profiler.view()
            self._history.observe(start_ns, view.ledger)
            seen = _counted(view)
            if seen != self._seen:
                self._seen = seen
                self._revision += 1
            self._text = None
            if self._tag != known:
                self._text = json.dumps(self._to_dict(view, start_ns), separators=(",", ":"), allow_nan=False).encode()
                self._compressed = compress(self._text)
            end_ns = clock()
        self._fresh_until_ns = end_ns + max(round(FRESH_SECONDS * NANO), round((end_ns - start_ns) / MAX_LOAD))

    def _to_dict(self, view: View, now_ns: int) -> dict[str, Any]:
        report = self._profiler.report(view)
        running: dict[str, int] = {}
        for layer, count in view.running.items():
            if count:
                running[layer.name] = running.get(layer.name, 0) + count
        return {
            "schema": SCHEMA,
            "version": aligntax.__version__,
            "source": {"id": self._source, "process": os.getpid(), "shared": self._profiler.worker is not None},
            "now_seconds": now_ns / NANO,
            "headline": report.headline,
            "report": report.to_dict(),
            "calls_in_progress": running,
            "history": self._history.to_dict(now_ns),
            "requests": self._recent.render(self._profiler.traces()),
        }


def _counted(view: View) -> tuple[Any, ...]:
    """Return numbers of which at least one changes whenever there is something new to show."""
    ledger = view.ledger
    return (
        *(int(counts.sum()) for counts in (ledger.requests, ledger.calls_ns, ledger.verdicts, ledger.holds_ns)),
        *(int(counts.sum()) for counts in (ledger.requests_ns, ledger.gpu_ns, ledger.errors, ledger.dropped)),
        len(ledger.layers),
        len(ledger.models),
        *view.running.values(),
    )
