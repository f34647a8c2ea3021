"""GuideLLM as a process: run to its end, or ended with all that it has started."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from aligntax.experiment.children import end_group

__all__ = ["run_program"]

MAX_SAID = 400
MAX_LAST_BYTES = 2**16
_GRACE_SECONDS = 2.0
_LOOK_SECONDS = 0.2


def run_program(
    command: Sequence[str],
    limit_seconds: float,
    environment: Mapping[str, str],
    said: Path,
    go_on: Callable[[float], bool] | None,
) -> None:
    """Run a program to its end, in a group of its own, of which nothing outlives it.

    What it says goes to a file: a pipe would stay open for as long as any of its workers lives.

    Args:
        command: the program, and its arguments.
        limit_seconds: how long it may take.
        environment: its variables.
        said: file for what it says.
        go_on: asked a few times a second, with the seconds since the start, whether to go on.

    Raises:
        RuntimeError: if it cannot be started, does not end in time, or fails; says why.
        KeyboardInterrupt: if `go_on` says no.
    """
    try:
        with said.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 (the program that the user has installed)
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                process_group=0,
            )
    except OSError as error:
        raise RuntimeError(f"GuideLLM ({command[0]}) cannot be started: {error.strerror}") from error
    try:
        code = _ended(process, limit_seconds, go_on)
    finally:
        end_group(process, _GRACE_SECONDS)
    if code:
        raise RuntimeError(f"GuideLLM ended with code {code}: {_last_line(said)}")


def _ended(process: subprocess.Popen[bytes], limit_seconds: float, go_on: Callable[[float], bool] | None) -> int:
    """Wait for the end of a process, and return its code."""
    started = time.monotonic()
    while True:
        try:
            return process.wait(_LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            elapsed = time.monotonic() - started
            if elapsed > limit_seconds:
                raise RuntimeError(f"GuideLLM did not end within {limit_seconds:.0f} s; load for less long") from None
            if go_on is not None and not go_on(elapsed):
                raise KeyboardInterrupt from None


def _last_line(said: Path) -> str:
    with said.open("rb") as opened:
        opened.seek(max(0, said.stat().st_size - MAX_LAST_BYTES))
        lines = [line for line in opened.read().decode(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip()[:MAX_SAID] if lines else "it said nothing"
