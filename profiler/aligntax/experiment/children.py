"""Processes that an experiment starts: out of reach of a terminal's Ctrl-C, whatever they say, and gone at its end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any

__all__ = ["Child", "child", "end_group", "end_with_parent"]

MAX_LINE = 1 << 16
_LAST_LINES = 20
_POLL_SECONDS = 0.05
_READ_SECONDS = 1.0


class Child:
    """A process that says one line that is waited for, and much else that is not kept.

    Args:
        process: its output is text, in pipes.
        wanted: matches the line.
    """

    def __init__(self, process: subprocess.Popen[str], wanted: re.Pattern[str]) -> None:
        self._process = process
        self._wanted = wanted
        self._found: re.Match[str] | None = None
        self._complaints: deque[str] = deque(maxlen=_LAST_LINES)
        # Both are read to their ends, or a process that says much would stop at a full pipe.
        self._readers = [
            threading.Thread(target=read, args=(stream,), name="aligntax-child", daemon=True)
            for read, stream in ((self._look, process.stdout), (self._keep, process.stderr))
        ]
        for reader in self._readers:
            reader.start()

    def wait(self, patience_seconds: float, go_on: Callable[[], bool]) -> re.Match[str]:
        """Return the match of the line, once it was said.

        Args:
            patience_seconds: how long to wait for it.
            go_on: is asked now and then.

        Raises:
            RuntimeError: if the process ends without it, or time does; says how, and what it complained of last.
            KeyboardInterrupt: if `go_on` says no.
        """
        until = time.monotonic() + patience_seconds
        while self._found is None:
            if self._process.poll() is not None:
                for reader in self._readers:
                    reader.join(_READ_SECONDS)
                if self._found is not None:
                    break
                raise RuntimeError(f"it ended with code {self._process.returncode}: {self._last_complaint()}")
            if time.monotonic() > until:
                raise RuntimeError(f"nothing came within {patience_seconds:g} s: {self._last_complaint()}")
            if not go_on():
                raise KeyboardInterrupt
            time.sleep(_POLL_SECONDS)
        return self._found

    def _last_complaint(self) -> str:
        return next((line.strip() for line in reversed(self._complaints) if line.strip()), "it said nothing")[:300]

    def _look(self, stream: IO[str]) -> None:
        with stream:
            while line := stream.readline(MAX_LINE):
                if self._found is None:
                    self._found = self._wanted.search(line)

    def _keep(self, stream: IO[str]) -> None:
        with stream:
            while line := stream.readline(MAX_LINE):
                self._complaints.append(line)


@contextmanager
def child(
    module: str,
    arguments: Sequence[str],
    wanted: re.Pattern[str],
    *,
    grace_seconds: float = 0.0,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Child]:
    """Run a module of this package in a process of its own, for as long as the block lasts.

    Ctrl-C in a terminal goes to a whole group of processes; this one has a group of its own, since whoever measures
    decides when it ends. It should call `end_with_parent`, so that it ends even if its parent is killed.

    Args:
        module: its name.
        arguments: of the program.
        wanted: matches the line that is waited for.
        grace_seconds: for it to end by itself when it is told to. 0: it is not asked.
        environment: variables; those of this process where None.
    """
    process = subprocess.Popen(  # noqa: S603 (this very interpreter and package)
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=environment,
        process_group=0,
    )
    try:
        yield Child(process, wanted)
    finally:
        try:
            end_group(process, grace_seconds)
        finally:
            if process.stdin is not None:
                process.stdin.close()


def end_group(process: subprocess.Popen[Any], grace_seconds: float = 0.0) -> None:
    """End a process that has a group of its own, and whatever it has started.

    Args:
        process: leads its group; it may have ended, and left others behind.
        grace_seconds: for it to end by itself when it is told to. 0: it is not asked.
    """
    try:
        if grace_seconds:
            process.terminate()
            process.wait(grace_seconds)
    except subprocess.TimeoutExpired:
        pass  # it is killed, then
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def end_with_parent() -> None:
    """Have this process told to end when the one that started it is gone: its standard input ends then."""
    threading.Thread(target=_wait_for_end_of_input, name="aligntax-parent", daemon=True).start()


def _wait_for_end_of_input() -> None:
    # Not through `sys.stdin`, whose lock nobody may hold when the interpreter ends.
    while os.read(0, MAX_LINE):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
