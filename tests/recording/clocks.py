"""Fake clocks for several threads."""

from __future__ import annotations

import threading

from aligntax.testing import FakeClock


class ThreadClock(threading.local):
    """CPU time of the thread that asks."""

    now_ns = 0

    def __call__(self) -> int:
        return self.now_ns

    def advance(self, by_ns: int) -> None:
        self.now_ns += by_ns


class SharedClock(FakeClock):
    """Wall time that several threads move on."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def advance(self, by_ns: int) -> None:
        with self._lock:
            super().advance(by_ns)
