"""Traces of requests as lines of JSON in a file that is rotated.

Several processes may write one file. Each line is one write at the file's end, which local file systems do in one
piece, so that lines never mix. A process that finds the file too long renames it under a lock, for which the others do
not wait: they add to the old file until they notice that its name stands for a new one. Only at twice the length they
wait. A process identifier in each name would need no lock, but every restart of a worker would leave files behind that
nobody ever rotates away.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import threading
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

from aligntax.attribution import Attribution
from aligntax.clock import Clock, unix_offset_ns, wall_clock
from aligntax.exporters.record import record
from aligntax.ranges import require_at_least
from aligntax.trace import Trace
from aligntax.weak_call import weakly

MIN_BYTES = 4096
PATIENCE_SECONDS = 1.0
_POLL_SECONDS = 0.001


class TraceFile:
    """Writes each trace that it is called with as one line; for `Profiler.subscribe`.

        profiler.subscribe(TraceFile("traces.jsonl"), share=0.01)

    See `aligntax.exporters.record.record` for what a line holds.

    Starts are told by the wall clock as it was when this was made; see `aligntax.clock.unix_offset_ns`.

    Args:
        path: the file, in a folder that is there and not on the network. Made with mode 0600 if it is not there, else
            added to; also by the other workers of a server. After rotation `.1`, `.2` and so on are behind its name,
            and `.1` is the youngest.
        max_bytes: how long the file may get, at least 4096; up to twice as long while another process rotates it.
        backups: how many rotated files are kept, at least 1; the oldest one is deleted.
        clock: the profiler's.

    Attributes:
        path: the file, absolute.

    Raises:
        ValueError: for a number that is too small, or a path that is there and no regular file.
        OSError: if the file cannot be opened.
    """

    def __init__(
        self, path: Path | str, *, max_bytes: int = 64 << 20, backups: int = 3, clock: Clock = wall_clock
    ) -> None:
        require_at_least(MIN_BYTES, max_bytes=max_bytes)
        require_at_least(1, backups=backups)
        # It renames the files, and never opens one.
        self._rotation = RotatingFileHandler(path, backupCount=backups, delay=True)
        self.path = Path(self._rotation.baseFilename)
        if self.path.is_symlink() or (self.path.exists() and not self.path.is_file()):
            raise ValueError(f"path={str(path)!r} is no regular file; pass the name of one, or of one to be made")
        self._max_bytes = max_bytes
        self._offset_ns = unix_offset_ns(clock)
        self._lock = threading.Lock()
        self._closed = False
        self._patience_seconds = PATIENCE_SECONDS
        self._descriptor: int | None = self._open()
        os.register_at_fork(after_in_child=weakly(self.forget_parent))

    def __call__(self, trace: Trace, attribution: Attribution) -> None:
        """Write one line.

        Raises:
            OSError: if it cannot be written, e.g. because the disk is full; nothing of it is in the file then. The
                next line is tried anew.
            ValueError: if it is longer than a whole file may be, or after `close`.
        """
        line = json.dumps(record(trace, attribution, self._offset_ns), separators=(",", ":")).encode() + b"\n"
        if len(line) > self._max_bytes:
            raise ValueError(f"a trace of {len(line)} bytes; raise max_bytes={self._max_bytes}")
        with self._lock:
            if self._closed:
                raise ValueError("the trace file was closed; end its subscription before you close it")
            self._append(line)

    def close(self) -> None:
        """Close the file. Idempotent."""
        with self._lock:
            self._closed = True
            self._let_go()
            self._rotation.close()

    def forget_parent(self) -> None:
        """Make a forked child whole: locks may have been held by a thread that it has not, and files are shared."""
        self._lock = threading.Lock()
        self._let_go()

    def _append(self, line: bytes) -> None:
        descriptor = self._file_with_room(len(line))
        try:
            written = os.write(descriptor, line)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        if written == len(line):
            return
        # The disk is full. What did get there is no line, and is taken back unless somebody wrote behind it.
        end = os.lseek(descriptor, 0, os.SEEK_CUR)
        if os.fstat(descriptor).st_size == end:
            os.ftruncate(descriptor, end - written)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))

    def _file_with_room(self, size: int) -> int:
        deadline: float | None = None
        while True:
            if self._descriptor is None:
                self._descriptor = self._open()
            status = os.fstat(self._descriptor)
            if not self._is_current(status):
                self._let_go()  # another process has rotated it, or somebody has removed it
            elif status.st_size == 0 or status.st_size + size <= self._max_bytes:
                self._patience_seconds = PATIENCE_SECONDS
                return self._descriptor
            elif not self._rotate():
                # Other processes may be about to write, too: what is left to twice the size is room for their lines.
                if status.st_size + size <= self._max_bytes * 3 // 2:
                    return self._descriptor
                now = time.monotonic()
                deadline = now + self._patience_seconds if deadline is None else deadline
                if now >= deadline:
                    self._patience_seconds = 0.0  # one wait is enough, as long as nothing changes
                    raise TimeoutError(errno.ETIMEDOUT, "another process has stopped at the rotation", str(self.path))
                time.sleep(_POLL_SECONDS)

    def _rotate(self) -> bool:
        """Rotate the open file, and let go of it; False if another process is at it."""
        assert self._descriptor is not None  # noqa: S101 (for mypy)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        try:
            # Only whoever holds the lock of the file with this name may give it another one.
            if self._is_current(os.fstat(self._descriptor)):
                self._rotation.doRollover()
        finally:
            self._let_go()
        return True

    def _is_current(self, status: os.stat_result) -> bool:
        try:
            return os.path.samestat(status, self.path.lstat())
        except FileNotFoundError:
            return False

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(self.path, flags, 0o600)

    def _let_go(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
