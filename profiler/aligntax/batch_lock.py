"""The lock of a ledger, such that readers in other processes can tell a batch that is half added from a whole one."""

from __future__ import annotations

import threading
from types import TracebackType

import numpy as np

from aligntax.histogram import Int64Array


class BatchLock:
    """A lock that counts in `sequence` when it is taken and when it is given back: the number is odd in between.

    A reader in another process takes the number, copies, and takes the number again: if it was even and is still the
    same, the copy is of whole batches (a sequence lock; Hemminger, 2002).

    Attributes:
        sequence: shape (1,); may lie in shared memory. Replaced only by a thread that holds `unmarked`.
        unmarked: the lock itself, for those who read, or add what no reader could find half done.
    """

    def __init__(self, sequence: Int64Array | None = None) -> None:
        self.sequence: Int64Array = np.zeros(1, dtype=np.int64) if sequence is None else sequence
        self.unmarked = threading.Lock()
        self._fence = threading.Lock()
        self._fence.acquire()

    def acquire(self) -> None:
        """Wait for the lock, and mark the batch as begun."""
        self.unmarked.acquire()
        self.sequence[0] += 1
        self._order_stores()

    def release(self) -> None:
        """Mark the batch as whole, and give the lock back."""
        self._order_stores()
        self.sequence[0] += 1
        self.unmarked.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def _order_stores(self) -> None:
        # Giving a lock back and taking it is the one memory barrier that Python has; some processors need it.
        self._fence.release()
        self._fence.acquire()
