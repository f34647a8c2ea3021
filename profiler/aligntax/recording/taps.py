"""Where the wrappers of a layer call what they wrap, so that something else can be called there for a while.

A wrapper calls its function by a name of its own namespace. What stands there can be replaced without a branch on the
hot path, while the wrapper goes on to record the call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aligntax.recording.verdicts import VerdictMapper

WRAPPED = "__wrapped"

Bypass = Callable[..., Any]
"""What can stand in for a guard: it is called alike, and lets everything pass."""


@dataclass(frozen=True, slots=True)
class Tap:
    """One function that wrappers of a layer call.

    Attributes:
        wrapped: the function itself.
        bound: how many leading arguments are not its caller's: the object or class of a method, a torch module.
        mapper: maps its results to verdicts; None for the default.
        stand_in: what may be called instead, with the caller's arguments; None where nobody has said.
        namespaces: of the wrappers.
    """

    wrapped: Callable[..., Any]
    bound: int
    mapper: VerdictMapper | None
    stand_in: Bypass | None
    namespaces: Sequence[dict[str, Any]]

    def divert(self, function: Callable[..., Any]) -> None:
        """Have `function` called from now on, with all arguments; calls that go on are not affected."""
        for names in self.namespaces:
            names[WRAPPED] = function

    def restore(self) -> None:
        """Have the function itself called again."""
        self.divert(self.wrapped)
