"""Locks on files, with an end to the waiting. The kernel gives a dead process's locks back, however it died."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_SECONDS = 0.001


@contextmanager
def shared_or_alone(path: Path, *, alone: bool, patience_seconds: float) -> Iterator[None]:
    """Hold the lock of a folder for the length of a block, together with others or alone.

    Whoever waits to be alone holds the gate meanwhile, so that no stream of sharers can keep them out for ever.

    Args:
        path: the lock file; made if it is not there, together with the gate's, which has `.gate` behind its name.
        alone: whether to exclude everybody else, and not only those who want to be alone.
        patience_seconds: how long to wait.

    Raises:
        TimeoutError: if the lock could not be had in that time.
        OSError: if the file cannot be opened, or its file system knows no locks.
    """
    deadline = time.monotonic() + patience_seconds
    with _open(path) as lock:
        with _open(path.with_name(path.name + ".gate")) as gate:
            _take(gate, fcntl.LOCK_EX, deadline, path)
            _take(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH, deadline, path)
        yield


def lock_for_life(descriptor: int) -> None:
    """Lock an open file alone, until its descriptor is closed; BlockingIOError if somebody else has locked it."""
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_locked(descriptor: int) -> bool:
    """Return whether somebody has locked an open file for themselves alone."""
    if _try(descriptor, fcntl.LOCK_SH):
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        return False
    return True


@contextmanager
def _open(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    _held.add(descriptor)
    try:
        yield descriptor
    finally:
        _held.discard(descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # closing would not do it where a child was forked meanwhile
        os.close(descriptor)


def _let_go() -> None:
    """Close a forked child's copies of its parent's locks; it would keep them locked after the parent's death."""
    while _held:
        os.close(_held.pop())


_held: set[int] = set()
os.register_at_fork(after_in_child=_let_go)


def _take(descriptor: int, kind: int, deadline: float, path: Path) -> None:
    while not _try(descriptor, kind):
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"{path} stays locked by another process; if a worker of this server hangs or was stopped, end it"
            )
        time.sleep(POLL_SECONDS)


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
