"""A pattern set as both backends take it: bytes to look for, and how a text is to be read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from aligntax_kernels.fold import Folding, spellings
from aligntax_kernels.text import encoded

__all__ = ["Match", "PatternSet", "make_patterns", "read_patterns"]

Match = Literal["leftmost_longest", "overlapping"]

MAX_FILE_BYTES = 256 * 2**20
_COMMENT = "#"
_ESCAPED_COMMENT = "\\#"
_NO_CASE = bytes(range(256))


@dataclass(frozen=True, slots=True)
class PatternSet:
    """Patterns, and how they match.

    Attributes:
        patterns: as they were given, `str` or `bytes`.
        needles: what is looked for in the bytes of a text: folded and encoded.
        indices: which pattern each needle stands for; ascending. A pattern can have several spellings.
        caseless: whether an ASCII letter of the text matches in both cases.
        whole_words: whether a hit must not touch a character that belongs to a word.
        match: which of the hits that overlap are reported.
        folding: how a text is normalised before it is searched; None: not at all.
    """

    patterns: tuple[str, ...] | tuple[bytes, ...]
    needles: tuple[bytes, ...]
    indices: tuple[int, ...]
    caseless: bool
    whole_words: bool
    match: Match
    folding: Folding | None

    @property
    def holds_text(self) -> bool:
        """Whether the patterns were given as `str`."""
        return not self.patterns or isinstance(self.patterns[0], str)

    @property
    def lower(self) -> bytes:
        """What each of the 256 bytes of a text is compared as."""
        return _NO_CASE.lower() if self.caseless else _NO_CASE


def make_patterns(
    patterns: Iterable[str] | Iterable[bytes], *, caseless: bool, whole_words: bool, match: Match, fold: Folding | None
) -> PatternSet:
    """Return the pattern set for the arguments of `literals.compile`, which documents them.

    Raises:
        TypeError: for a single `str` or `bytes`, a pattern that is neither, both kinds in one set, `caseless` or
            `whole_words` that is no bool, or `fold` that is no `Folding`.
        ValueError: for an empty pattern, one of which folding leaves nothing, `fold` for bytes, `whole_words` with
            `fold.leet`, or an unknown `match`.
    """
    if isinstance(patterns, (str, bytes)) or not isinstance(patterns, Iterable):
        raise TypeError(f"patterns: got one {type(patterns).__name__}; pass a list of them, or [pattern]")
    # What is only truthy is refused: a setting read from a file could be the text "false".
    for name, value in (("caseless", caseless), ("whole_words", whole_words)):
        if not isinstance(value, bool):
            raise TypeError(f"{name}: got {value!r}; pass True or False")
    if fold is not None and not isinstance(fold, Folding):
        raise TypeError(f"fold: got a {type(fold).__name__}; pass a Folding, or None")
    given: tuple[Any, ...] = tuple(patterns)
    if match not in get_args(Match):
        raise ValueError(f"match={match!r} is unknown; use {' or '.join(map(repr, get_args(Match)))}")
    kind = bytes if given and isinstance(given[0], bytes) else str
    for index, pattern in enumerate(given):
        if not isinstance(pattern, (str, bytes)):
            raise TypeError(f"patterns[{index}] is a {type(pattern).__name__}; pass str or bytes")
        if not isinstance(pattern, kind):
            raise TypeError(
                f"patterns[{index}] is {type(pattern).__name__} and patterns[0] {kind.__name__}; pass one kind"
            )
        if not pattern:
            raise ValueError(f"patterns[{index}] is empty, and would match everywhere; leave it out")
    if kind is bytes and fold is not None:
        raise ValueError("fold needs patterns of str, because bytes have no characters; decode them")
    folding = _folding(kind, caseless, fold)
    if whole_words and folding is not None and folding.leet:
        raise ValueError(
            "whole_words cannot be had with fold.leet, which makes letters of signs beside words; leave one of them out"
        )
    needles: list[bytes] = []
    indices: list[int] = []
    for index, pattern in enumerate(given):
        for needle in _needles(pattern, caseless, folding):
            if not needle:
                raise ValueError(f"patterns[{index}] consists of characters that folding removes; leave it out")
            needles.append(needle)
            indices.append(index)
    return PatternSet(given, tuple(needles), tuple(indices), caseless, whole_words, match, folding)


def read_patterns(path: str | Path) -> list[str]:
    """Return the patterns in a file: UTF-8, one a line, the spaces around it removed.

    Blank lines are skipped, and lines that begin with `#`; a pattern that begins with it is written `\\#`.

    Raises:
        ValueError: if the file is no UTF-8, larger than 256 MiB, or has no pattern. Names the file, the line and the
            mend.
        OSError: if it cannot be read.
    """
    path = Path(path)
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise ValueError(f"{path}: more than {MAX_FILE_BYTES // 2**20} MiB; split the file")
    patterns = []
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        try:
            pattern = line.decode("utf-8").strip()
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{path}:{number}: byte {error.start + 1} of the line is not UTF-8; "
                "convert the file, for example with iconv"
            ) from error
        if pattern and not pattern.startswith(_COMMENT):
            patterns.append(pattern.removeprefix("\\") if pattern.startswith(_ESCAPED_COMMENT) else pattern)
    if not patterns:
        raise ValueError(f"{path}: no pattern in it; write one on each line")
    return patterns


def _folding(kind: type, caseless: bool, fold: Folding | None) -> Folding | None:
    if kind is bytes:
        return None
    if fold is None:
        return Folding(case=True, compatibility=False, confusables=False, invisible=False) if caseless else None
    return Folding(
        case=caseless,
        compatibility=fold.compatibility,
        confusables=fold.confusables,
        invisible=fold.invisible,
        leet=fold.leet,
    )


def _needles(pattern: str | bytes, caseless: bool, folding: Folding | None) -> tuple[bytes, ...]:
    if isinstance(pattern, bytes):
        return (pattern.lower() if caseless else pattern,)
    if folding is None:
        return (encoded(pattern),)
    # Of ASCII, only the case is folded; ten thousand calls that find that out would take longer than all the rest.
    if pattern.isascii() and not folding.leet:
        return (encoded(pattern.lower() if caseless else pattern),)
    return tuple(encoded(spelling) for spelling in spellings(pattern, folding))
