"""Words and phrases, from one to tens of thousands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from functools import partial
from pathlib import Path

from aligntax.guards.arguments import listed, require_text
from aligntax.guards.guard import OnError, OnHit
from aligntax.guards.redaction import KernelStream, RedactingGuard
from aligntax.guards.replacement import Notes
from aligntax.trace import Stage
from aligntax_kernels import literals
from aligntax_kernels.fold import Folding

__all__ = ["Blocklist"]

# Every way through the kernels: as it is, folded, cut within a pattern; so that no request is the first to take one.
_SAMPLES = ("warm up", "w\u00e4rm \uff55p a\u0301\u200bb")


class Blocklist(RedactingGuard):
    """Blocks a text that holds a pattern, or takes the patterns out of it.

        hits = aligntax_kernels.literals.compile(patterns, ...).find(text)
        allow without hits; else on_hit: block; or modify, each hit replaced

    Compiled when it is made, so that no request waits for it.

    Args:
        patterns: words and phrases; found inside of longer words too, unless `whole_words`.
        file: UTF-8, a pattern a line, `#` before comments; beside `patterns`, or instead.
        caseless: whether letters match in both cases, by full Unicode case folding.
        whole_words: whether a hit must not touch a letter, digit or underscore.
        fold: True to see through look-alikes, full-width letters and invisible characters as well; or the steps to
            take, as a `Folding` or a mapping such as `{"leet": True}`. ASCII costs no more with it.
        on_hit: "block" or "redact".
        replacement: what stands in the place of a hit. Of no use with "block".
        name, stage, on_error: see `Guard`; a redaction cannot stand beside the model.

    Raises:
        TypeError, ValueError: for an argument that it cannot have; names it, its value and the mend. Without any
            pattern, too.
        OSError: if the file cannot be read.
    """

    def __init__(
        self,
        patterns: Iterable[str] = (),
        *,
        file: str | Path | None = None,
        caseless: bool = True,
        whole_words: bool = False,
        fold: bool | Folding | Mapping[str, bool] = False,
        on_hit: OnHit = "block",
        replacement: str = "[removed]",
        name: str = "blocklist",
        stage: Stage = "input",
        on_error: OnError = "closed",
    ) -> None:
        require_text(replacement, "replacement")
        given = listed("patterns", patterns)
        for index, pattern in enumerate(given):
            require_text(pattern, f"patterns[{index}]")
        if file is not None:
            given += literals.read_patterns(file)
        if not given:
            raise ValueError("patterns: there is none, so that nothing would be found; pass patterns or a file")
        compiled = literals.compile(given, caseless=caseless, whole_words=whole_words, fold=_folding(fold))
        super().__init__(compiled.find, replacement, on_hit, name, stage, on_error)
        self._start = partial(compiled.stream, replacement)
        self._warm()

    def _open(self, notes: Notes) -> KernelStream:  # noqa: ARG002 (which pattern a hit is of is not told)
        return self._start()

    def _warm(self) -> None:
        for sample in _SAMPLES:
            self._judge(sample)
            stream = self.stream()
            next(stream)
            list(map(stream.send, sample))
            list(stream)


def _folding(fold: bool | Folding | Mapping[str, bool]) -> Folding | None:
    if fold is False:
        return None
    if fold is True:
        return Folding()
    if isinstance(fold, Folding):
        return fold
    if not isinstance(fold, Mapping):
        raise TypeError(f"fold: got a {type(fold).__name__}; pass True, False, a Folding or a mapping of its steps")
    steps = [field.name for field in fields(Folding) if field.name != "case"]  # `caseless` decides on that
    unknown = [step for step in fold if step not in steps]
    if unknown:
        raise ValueError(f"fold: the step {unknown[0]!r} is unknown; use any of {', '.join(map(repr, steps))}")
    return Folding(**fold)
