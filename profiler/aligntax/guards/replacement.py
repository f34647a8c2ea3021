"""What stands in the place of a hit, and what is noted of it."""

from __future__ import annotations

from collections.abc import Callable

from aligntax.guards.arguments import require_text
from aligntax.guards.guard import OnHit
from aligntax.guards.judgement import Judgement
from aligntax.trace import Verdict

__all__ = ["Notes", "Replacement"]

Replacement = str | Callable[[str, str], str]
"""What stands in the place of a hit: a fixed string, or a function of the type and the value of the hit."""


class Notes:
    """Replaces hits, and notes of which types they were.

    Args:
        replacement: a fixed string, or a function of type and value; None for the type in brackets.
        forgive: told of an error of the replacement, after which the hit stays as it is; None: the error is raised.

    Attributes:
        types: types of the hits, in the order of their first one.
        errors: types of the errors that were forgiven.
    """

    __slots__ = ("_forgive", "_replacement", "errors", "types")

    def __init__(self, replacement: Replacement | None, forgive: Callable[[Exception], None] | None = None) -> None:
        self._replacement = replacement
        self._forgive = forgive
        self.types: dict[str, None] = {}
        self.errors: dict[str, None] = {}

    def __call__(self, kind: str | int, value: str) -> str:
        """Return what stands in the place of a hit; patterns, which have numbers, may be too many to be noted."""
        if isinstance(kind, int):
            return str(self._replacement)
        self.types[kind] = None
        replacement = self._replacement
        if replacement is None:
            return f"[{kind}]"
        if isinstance(replacement, str):
            return replacement
        try:
            replaced = replacement(kind, value)
            require_text(replaced, "replacement")
        except Exception as error:
            if self._forgive is None:
                raise
            self._forgive(error)
            self.errors[type(error).__name__] = None
            return value
        return replaced

    def judgement(self, text: str, hits: int, on_hit: OnHit) -> Judgement:
        """Return the judgement on a text in which hits were replaced, and forget them."""
        if not hits:
            return Judgement(Verdict.ALLOW, text)
        types, errors = tuple(self.types), tuple(self.errors)
        self.types.clear()
        self.errors.clear()
        if on_hit == "block":
            return Judgement(Verdict.BLOCK, "", hits, types)
        if errors:
            return Judgement(Verdict.ERROR, text, hits, errors)
        return Judgement(Verdict.MODIFY, text, hits, types)
