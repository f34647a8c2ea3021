"""What commands that measure share: the extra that they need, and progress that takes no measured time."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from aligntax.commands.refusal import BAD_INPUT, complain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar

__all__ = ["INTERRUPTED", "Shown", "refusing_what_the_target_raises", "require_extra", "shown"]

INTERRUPTED = 128 + signal.SIGINT


def require_extra() -> None:
    """End the command unless the extra for experiments is installed; say how to install it."""
    try:
        import jinja2  # noqa: F401
        import matplotlib  # noqa: F401
        import scipy  # noqa: F401
    except ModuleNotFoundError as error:
        complain(f"experiments need {error.name}, which is not installed; run: pip install 'aligntax[bench]'")
        raise typer.Exit(BAD_INPUT) from error


class Shown:
    """Shows progress between two requests only: a thread that draws would take time from what is measured.

    Attributes:
        stopped: whether somebody wants it to end.
    """

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=1.0, detail="")
        self._stage = ""
        self.stopped = False

    def __call__(self, stage: str, done: float, detail: str) -> bool:
        """Show that a share of a stage is done; return whether to go on."""
        if stage != self._stage:
            self._stage = stage
            self._bar.reset(self._task, description=stage, total=1.0)
        self._bar.update(self._task, completed=done, detail=detail, refresh=True)
        return not self.stopped


@contextmanager
def shown(console: Console) -> Iterator[Shown]:
    """Show progress, and let Ctrl-C end the experiment after the request that runs; a second one ends it at once.

    So does SIGTERM, tidily: nothing that was started for the experiment is left behind.
    """
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[detail]}"),
    )
    disable = not console.is_terminal  # there it would leave an empty line behind
    with Progress(*columns, console=console, auto_refresh=False, transient=True, disable=disable) as bar:
        progress = Shown(bar)

        def stop(*_: Any) -> None:
            progress.stopped = True
            signal.signal(signal.SIGINT, signal.default_int_handler)

        before = signal.signal(signal.SIGINT, stop)
        before_term = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            yield progress
        finally:
            signal.signal(signal.SIGINT, before)
            signal.signal(signal.SIGTERM, before_term)


@contextmanager
def refusing_what_the_target_raises(*, debug: bool = False) -> Iterator[None]:
    """End with one line and exit code 3 on what the target raises, and on what does not start."""
    try:
        yield
    except typer.Exit:
        raise
    except (Exception, SystemExit) as error:
        from aligntax.experiment.target_errors import raised_by_target

        said = raised_by_target(error)
        if said is None and not isinstance(error, (ModuleNotFoundError, RuntimeError, TimeoutError)):
            raise
        if debug:
            traceback.print_exception(error)
        complain(error if said is None else f"{said}; --debug shows its traceback" if not debug else said)
        raise typer.Exit(BAD_INPUT) from error
