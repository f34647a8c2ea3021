"""Many literals at once: finds, counts and redacts thousands of words and phrases, in whole texts and in streams."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from aligntax_kernels.backends import Backend, implementation
from aligntax_kernels.fold import Folding
from aligntax_kernels.literals import storage
from aligntax_kernels.literals.matcher import Hit, Literals
from aligntax_kernels.literals.patterns import Match, PatternSet, make_patterns, read_patterns

__all__ = ["Hit", "Literals", "Match", "compile", "load", "read_patterns", "warm"]


def compile(  # noqa: A001 (the name that re, hyperscan and re2 have for it)
    patterns: Iterable[str] | Iterable[bytes],
    *,
    caseless: bool = True,
    whole_words: bool = False,
    match: Match = "leftmost_longest",
    fold: Folding | None = None,
    backend: Backend = "auto",
) -> Literals:
    """Compile a set of literals, from one to tens of thousands.

        hits = {(start, end, index) : fold(text)[start:end] == fold(patterns[index])}
        whole_words: without those before or behind which a character of a word stands
        leftmost_longest: see `Literals.find`

    Args:
        patterns: str or bytes, all of one kind; none empty. `read_patterns` reads them from a file.
        caseless: letters match in both cases: for str by full Unicode case folding (`str.casefold`: "ß" is "ss"), for
            bytes in ASCII.
        whole_words: a hit must not touch a letter, digit or underscore of any script: `(?<!\\w)pattern(?!\\w)`.
        match: `"leftmost_longest"`, as a redaction needs it, or `"overlapping"`, every hit there is: for patterns that
            nest, a text can have many more of them than bytes, each of which takes memory.
        fold: how to normalise patterns and texts beside their case (`caseless` decides on that): full-width letters,
            look-alikes, zero-width characters, digits for letters; see `aligntax_kernels.fold.Folding`. None: not at
            all.
        backend: `"cpu"` is compiled by numba, `"reference"` is the oracle in plain Python, `"auto"` takes `"cpu"`.

    Returns:
        The compiled set. Which engine it uses, and why, is in its `reason`, and logged at debug level.

    Raises:
        TypeError: for a single pattern, one that is neither str nor bytes, both kinds in one set, `caseless` or
            `whole_words` that is no bool, or `fold` that is no Folding.
        ValueError: for an empty pattern, one that folding removes, `fold` with bytes, `whole_words` with `fold.leet`,
            an unknown `match` or `backend`, or a set whose automaton would take more than a gibibyte.

    Source: Aho and Corasick, Efficient string matching, CACM 18 (1975). The sieve before it is described in
        kernels/DESIGN.md.
    """
    return compiled(
        make_patterns(patterns, caseless=caseless, whole_words=whole_words, match=match, fold=fold), backend
    )


def load(path: str | Path, *, backend: Backend = "auto") -> Literals:
    """Return the set that `Literals.save` wrote to a file, compiled.

    Raises:
        ValueError: if it is another file, of another version, damaged, or larger than 512 MiB.
        OSError: if it cannot be read.
    """
    return compiled(storage.load(Path(path)), backend)


def compiled(patterns: PatternSet, backend: Backend = "auto") -> Literals:
    """Return a pattern set compiled."""
    return Literals(patterns, implementation(__name__, backend).Searcher(patterns))


def warm() -> float:
    """Compile everything here ahead of the first request, and return how many seconds that took."""
    start = time.perf_counter()
    from aligntax_kernels.literals import cpu

    cpu.warm()
    return time.perf_counter() - start
