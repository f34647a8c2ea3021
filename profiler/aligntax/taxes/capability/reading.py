"""Samples in a JSON lines file of any length: what is kept is where each prompt's lines are, not what they say."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from aligntax.taxes.capability.lines import MAX_SAMPLES, Fields, Line, Written, parsed
from aligntax.taxes.lines import MAX_LINE_BYTES

__all__ = ["MAX_LINES", "SampleFile"]

MAX_LINES = 20_000_000
_TOLD_EVERY_LINES = 4096
_LABELS: dict[Any, int] = {None: -1, False: 0, True: 1}


def _unseen(share: float) -> None:
    """Let the progress pass untold."""


class SampleFile:
    """The samples of one arm; 20 bytes are kept for each line, and the one line that is read.

    Args:
        path: a regular file, UTF-8.
        fields: what they are called.
        seed: of the order of `keys`.
        tell: called with the share that is read, now and then.

    Attributes:
        keys: of the prompts, in rising order: keyed hashes of their ids, so that the first n are n prompts drawn at
            random, the same ones in every file that has them.
        counts: how many samples each of them has.
        safe: whether each of them is said to be safe.
        decoding: how they were sampled, as JSON; None where no line says.

    Raises:
        ValueError: if a line is none of the above; names the file, the line and the mend.
    """

    def __init__(self, path: Path, fields: Fields, seed: int = 0, tell: Callable[[float], None] = _unseen) -> None:
        self.path = path
        self._fields = fields
        self._salt = seed.to_bytes(8, "little")
        self._file: BinaryIO = _opened(path)
        try:
            self._index(tell)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        """Return the file itself, which is closed at the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._file.close()

    def samples(self, prompt: int, most: int = MAX_SAMPLES) -> list[Written]:
        """Return the first samples of a prompt.

        Args:
            prompt: its place in `keys`.
            most: how many, at the most.

        Raises:
            ValueError: if the file is no longer what it was.
        """
        found: list[Written] = []
        for place in self._places[self._starts[prompt] : self._starts[prompt + 1]]:
            if len(found) >= most:
                break
            self._file.seek(int(place))
            try:
                line = parsed(self._file.readline(MAX_LINE_BYTES + 1), self._fields, self._salt)
            except ValueError as error:
                raise ValueError(f"{self.path}: has changed while it was read ({error}); run it again") from error
            if line is None or line.key != int(self.keys[prompt]):
                raise ValueError(f"{self.path}: has changed while it was read; run it again")
            found += line.samples
        return found[:most]

    def where(self, prompt: int) -> str:
        """Return the file and the number of the line that a prompt comes up in first, for a message."""
        return f"{self.path}:{self._number(int(self._places[self._starts[prompt]]))}"

    def place(self, prompt: int) -> int:
        """Return at which byte a prompt comes up first."""
        return int(self._places[self._starts[prompt]])

    def _index(self, tell: Callable[[float], None]) -> None:
        keys, places, sizes, safe, listed = array("Q"), array("q"), array("H"), array("b"), array("b")
        self.decoding: str | None = None
        size = max(1, self.path.stat().st_size)
        for number, place, raw in self._lines():
            try:
                line = parsed(raw, self._fields, self._salt)
                if line is None:
                    continue
                self._check_decoding(line, first=not keys)
            except ValueError as error:
                raise ValueError(f"{self.path}:{number}: {error}") from error
            if len(keys) == MAX_LINES:
                raise ValueError(f"{self.path}:{number}: more than {MAX_LINES:,} lines; draw fewer prompts")
            keys.append(line.key)
            places.append(place)
            sizes.append(len(line.samples))
            safe.append(_LABELS[line.safe])
            listed.append(line.listed)
            if number % _TOLD_EVERY_LINES == 0:
                tell(place / size)
        if not keys:
            raise ValueError(f"{self.path}: no sample in it; write one JSON object on each line")
        tell(1.0)
        self._group(*(np.array(found) for found in (keys, places, sizes, safe, listed)))

    def _group(
        self, keys: NDArray[Any], places: NDArray[Any], sizes: NDArray[Any], safe: NDArray[Any], listed: NDArray[Any]
    ) -> None:
        order = np.argsort(keys, kind="stable")
        self.keys, starts = np.unique(keys[order], return_index=True)
        self._places: NDArray[np.int64] = places[order]
        self._starts = np.append(starts, len(order))
        lines = np.diff(self._starts)
        self.counts = np.add.reduceat(sizes[order].astype(np.int64), starts)
        twice = np.flatnonzero((lines > 1) & (np.maximum.reduceat(listed[order], starts) > 0))
        if twice.size:
            first, second = (self._number(int(place)) for place in self._places[starts[twice[0]] :][:2])
            raise ValueError(
                f"{self.path}:{second}: the id of line {first} again; keep all samples of a prompt in one "
                f"{self._fields.samples!r} list, or write each on a line of its own"
            )
        many = np.flatnonzero(self.counts > MAX_SAMPLES)
        if many.size:
            raise ValueError(
                f"{self.where(int(many[0]))}: {self.counts[many[0]]:,} samples of one prompt; "
                f"keep at most {MAX_SAMPLES}"
            )
        low, high = np.minimum.reduceat(safe[order], starts), np.maximum.reduceat(safe[order], starts)
        torn = np.flatnonzero(low != high)
        if torn.size:
            raise ValueError(
                f"{self.where(int(torn[0]))}: this prompt's lines differ in {self._fields.safe!r}; "
                "it belongs to the prompt, so write the same in each of them"
            )
        self.safe: NDArray[np.bool_] = high > 0

    def _check_decoding(self, line: Line, *, first: bool) -> None:
        if first:
            self.decoding = line.decoding
        elif line.decoding != self.decoding:
            raise ValueError(
                f"{self._fields.decoding!r} differs from the first line's; compare samples that were decoded alike"
            )

    def _lines(self) -> Iterator[tuple[int, int, bytes]]:
        number = place = 0
        while raw := self._file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(raw) > MAX_LINE_BYTES:
                raise ValueError(
                    f"{self.path}:{number}: a line of more than {MAX_LINE_BYTES // 2**20} MiB; "
                    "write each sample on a line of its own"
                )
            yield number, place, raw
            place += len(raw)

    def _number(self, place: int) -> int:
        """Return the number of the line that begins at a byte."""
        return next(number for number, start, _ in self._from_the_start() if start == place)

    def _from_the_start(self) -> Iterator[tuple[int, int, bytes]]:
        self._file.seek(0)
        yield from self._lines()


def _opened(path: Path) -> BinaryIO:
    if path.exists() and not path.is_file():
        raise ValueError(f"{path}: is no regular file, and it is read more than once; name a JSON lines file")
    try:
        return path.open("rb")
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); name a JSON lines file that exists") from error
