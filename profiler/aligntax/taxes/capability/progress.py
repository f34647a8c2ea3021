"""How far a long measurement is, told to whoever wants to know, who may end it."""

from __future__ import annotations

from collections.abc import Callable

from aligntax.taxes.capability.estimating import MOST_GROUPS
from aligntax.taxes.lines import Progress

__all__ = ["Teller"]


class Teller:
    """Hands progress on, stage by stage.

    Args:
        progress: told the stage, the share of it that is done, and a detail; returns whether to go on.
    """

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress

    def stage(self, name: str) -> Callable[[float], None]:
        """Return what tells the share of a stage that is done.

        It raises KeyboardInterrupt if nobody wants to go on.
        """

        def tell(done: float) -> None:
            if self._progress is not None and not self._progress(name, done, ""):
                raise KeyboardInterrupt

        return tell

    def pulse(self, name: str) -> Callable[[], None]:
        """Return what tells that one more group of the jackknife is done, likewise."""
        tell, steps = self.stage(name), 0

        def step() -> None:
            nonlocal steps
            steps += 1
            tell(min(1.0, steps / (MOST_GROUPS + 1)))

        return step
