"""What all guards have in common: a name, a stage, and a rule for errors of their own."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import ClassVar, Literal

from aligntax.guards.arguments import chosen, require_text
from aligntax.guards.judgement import Judgement
from aligntax.trace import Layer, Stage, Verdict

__all__ = ["Guard", "OnError", "OnHit", "TextGuard"]

OnHit = Literal["redact", "block"]
OnError = Literal["closed", "open"]

logger = logging.getLogger("aligntax.guards")


class Guard:
    """Who a guard is, and what becomes of a call in which it fails. `profiler.guard` reads `name` and `stage`.

    Attributes:
        stages: where guards of this class can stand.
        name: of its layer.
        stage: where it stands.
        on_error: `closed`: an error of the guard is raised, and the text goes nowhere. `open`: the text goes on as it
            is, with the verdict `error`, and the first error of each type is logged. Neither is a block.

    Raises:
        ValueError: for a name, a stage or a policy that it cannot have.
    """

    stages: ClassVar[tuple[Stage, ...]]

    def __init__(self, name: str, stage: Stage, on_error: OnError) -> None:
        self.name = Layer(name, "guard").name
        self.stage: Stage = chosen("stage", stage, self.stages)
        self.on_error: OnError = chosen("on_error", on_error, ("closed", "open"))
        self._logged: set[str] = set()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}, stage {self.stage!r}>"

    def _failed(self, error: Exception, text: str) -> Judgement:
        """Return what goes on where the guard failed; to be called while `error` is being handled.

        Raises:
            Exception: the error itself, unless the policy is `open`; and always if it means a block, by an attribute
                `verdict`.
        """
        if self.on_error == "closed" or getattr(error, "verdict", None) is Verdict.BLOCK:
            raise  # the error that the caller is handling, with its own traceback
        self._complain(error)
        return Judgement(Verdict.ERROR, text, labels=(type(error).__name__,))

    def _complain(self, error: Exception) -> None:
        """Log the first error of each type that let something pass.

        The message of `error` may quote a prompt, so only its type is logged.
        """
        kind = type(error).__name__
        if kind not in self._logged:
            self._logged.add(kind)
            logger.warning("guard %s failed (%s) and let a text pass; the next ones are not logged", self.name, kind)


class TextGuard(Guard, ABC):
    """A guard that is called with a text."""

    stages: ClassVar[tuple[Stage, ...]] = ("input", "parallel", "output")

    def __call__(self, text: str) -> Judgement:
        """Judge a text; threads may do so at the same time.

        Raises:
            TypeError: if `text` is no string.
            Exception: what went wrong inside, under the policy `closed`.
        """
        if not isinstance(text, str):
            require_text(text, "text")
        try:
            return self._judge(text)
        except Exception as error:
            return self._failed(error, text)

    def bypass(self, text: str) -> Judgement:
        """Let a text pass unread: what experiments call instead of the guard, to tell what it costs."""
        return Judgement(Verdict.ALLOW, text)

    @abstractmethod
    def _judge(self, text: str) -> Judgement:
        """Return the judgement, or raise."""
