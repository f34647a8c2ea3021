"""Personal data."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from aligntax.guards.arguments import required_share
from aligntax.guards.guard import OnError, OnHit
from aligntax.guards.redaction import KernelStream, RedactingGuard, checked_types
from aligntax.guards.replacement import Notes, Replacement
from aligntax.trace import Stage
from aligntax_kernels import pii

__all__ = ["PII"]


class PII(RedactingGuard):
    """Takes personal data out of a text, or blocks a text that has some.

        hits = aligntax_kernels.pii.find(text, types, minimum=minimum)
        allow without hits; else on_hit: modify, each hit replaced; or block

    Compiled when it is made, so that no request waits for it.

    Args:
        types: what to look for: "email", "phone", "card", "ssn", "iban", "ip"; None for all.
        on_hit: "redact" or "block".
        replacement: a fixed string, a function of type and value such as `aligntax_kernels.pii.Mask()` or
            `Pseudonyms(key)`, or None for the type in brackets. Of no use with "block".
        minimum: least confidence that counts as a hit, 0 to 1; that of `aligntax_kernels.pii.find`, 0.5, where None.
        name, stage, on_error: see `Guard`; a redaction cannot stand beside the model.

    Raises:
        TypeError, ValueError: for an argument that it cannot have; names it, its value and the mend.
    """

    def __init__(
        self,
        types: Iterable[pii.Type] | None = None,
        *,
        on_hit: OnHit = "redact",
        replacement: Replacement | None = None,
        minimum: float | None = None,
        name: str = "pii",
        stage: Stage = "input",
        on_error: OnError = "closed",
    ) -> None:
        settings: dict[str, Any] = {}
        if types is not None:
            settings["types"] = checked_types(types)
        if minimum is not None:
            settings["minimum"] = required_share("minimum", minimum)
        pii.redact("", replacement=replacement, **settings)  # refuses what it cannot use
        pii.warm()
        find = partial(pii.find, **settings) if settings else pii.find
        super().__init__(find, replacement, on_hit, name, stage, on_error)
        self._start = partial(pii.stream, **settings)

    def _open(self, notes: Notes) -> KernelStream:
        return self._start(replacement=notes)
