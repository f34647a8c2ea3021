"""Running the demo: one prompt after the other, and what Ctrl-C does meanwhile and afterwards."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Answers(Protocol):
    """What can be sent prompts."""

    def answer(self, prompt: str, /) -> object:
        """Answer one."""


def send(pipeline: Answers, texts: Iterable[str], total: int, console: Console) -> bool:
    """Have each text answered, and show progress.

    Ctrl-C takes effect between two of them, so that none is measured in part; a second one interrupts at once.

    Args:
        pipeline: what answers.
        texts: the prompts.
        total: how many there are.
        console: where progress is shown.

    Returns:
        Whether Ctrl-C ended it early. At least one text has been answered then.

    Raises:
        ValueError: if this is not the main thread, which alone can handle Ctrl-C.
    """
    stop = threading.Event()

    def stop_after_this_request(*_: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    columns = (TextColumn("measuring"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    before = signal.signal(signal.SIGINT, stop_after_this_request)
    try:
        # Drawn between requests only: a thread that draws would take time from the ones that are measured.
        with Progress(*columns, console=console, auto_refresh=False) as progress:
            task = progress.add_task("", total=total)
            progress.refresh()
            for text in texts:
                pipeline.answer(text)
                progress.update(task, advance=1, refresh=True)
                if stop.is_set():
                    return True
    finally:
        signal.signal(signal.SIGINT, before)
    return False


def wait_for_interrupt(message: str, console: Console) -> None:
    """Print `message` and wait for Ctrl-C.

    Raises:
        ValueError: if this is not the main thread.
    """
    # Set anew, because a shell starts background commands with Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        console.print(message, soft_wrap=True)
        threading.Event().wait()
    except KeyboardInterrupt:
        console.print()
    finally:
        signal.signal(signal.SIGINT, before)
