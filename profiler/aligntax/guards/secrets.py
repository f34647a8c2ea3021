"""Keys, tokens, passwords and private keys."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from aligntax.guards.guard import OnError, OnHit
from aligntax.guards.redaction import KernelStream, RedactingGuard, checked_types
from aligntax.guards.replacement import Notes, Replacement
from aligntax.trace import Stage
from aligntax_kernels import secrets

__all__ = ["Secrets"]


class Secrets(RedactingGuard):
    """Takes secrets out of a text, or blocks a text that has some.

        hits = aligntax_kernels.secrets.find(text, types)
        allow without hits; else on_hit: modify, each hit replaced; or block

    In a stream, a private key is held back to its end. Compiled when it is made, so that no request waits for it.

    Args:
        types: what to look for, of `aligntax_kernels.secrets.TYPES`; None for all.
        on_hit: "redact" or "block".
        replacement: a fixed string, a function of type and secret such as `aligntax_kernels.secrets.Pseudonyms(key)`,
            or None for the type in brackets. Of no use with "block".
        name, stage, on_error: see `Guard`; a redaction cannot stand beside the model.

    Raises:
        TypeError, ValueError: for an argument that it cannot have; names it, its value and the mend.
    """

    def __init__(
        self,
        types: Iterable[str] | None = None,
        *,
        on_hit: OnHit = "redact",
        replacement: Replacement | None = None,
        name: str = "secrets",
        stage: Stage = "input",
        on_error: OnError = "closed",
    ) -> None:
        wanted = None if types is None else checked_types(types)
        secrets.redact("", wanted, replacement=replacement)  # refuses what it cannot use
        secrets.warm()
        find = secrets.find if wanted is None else partial(secrets.find, types=wanted)
        super().__init__(find, replacement, on_hit, name, stage, on_error)
        self._start = partial(secrets.stream, wanted)

    def _open(self, notes: Notes) -> KernelStream:
        return self._start(replacement=notes)
