"""The oracle of the folding: slow and obvious."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from unicodedata import combining, normalize

import numpy as np

from aligntax_kernels.fold.chain import IOTA_MARK, LONGEST_GAP, MOST_MARKS, expansion, iota, together
from aligntax_kernels.fold.composition import can_follow, can_lead, can_meet
from aligntax_kernels.fold.records import Folded, Folding


class Item(NamedTuple):
    """A character on its way: where it came from, and whether ordering and composition leave it where it is."""

    character: str | bytes
    start: int
    end: int
    fixed: bool = False

    @property
    def combines(self) -> int:
        """Canonical combining class; 0 for a byte that is not UTF-8."""
        return combining(self.character) if isinstance(self.character, str) else 0


def fold(data: bytes, folding: Folding) -> Folded:
    """Fold a text, and map every byte of the result to the bytes it came from."""
    items: list[Item] = []
    for run in _runs(data, folding):
        items += _composed(_ordered(run, folding)) if folding.compatibility else run
    folded = bytearray()
    starts: list[int] = []
    ends: list[int] = []
    for item in items:
        encoded = item.character if isinstance(item.character, bytes) else item.character.encode()
        folded += encoded
        starts += [item.start] * len(encoded)
        ends += [item.end] * len(encoded)
    # Ordering moved marks: a hit covers all the marks that its own were moved past.
    first = np.minimum.accumulate(np.array(starts, np.int64)[::-1])[::-1]
    last = np.maximum.accumulate(np.array(ends, np.int64))
    first.flags.writeable = last.flags.writeable = False
    return Folded(bytes(folded), first, last)


def fold_bytes(data: bytes, folding: Folding) -> bytes:
    """Fold a text."""
    return fold(data, folding).data


def is_plain(data: bytes, folding: Folding) -> bool:
    """Tell whether no character changes when it stands alone, but for the case of ASCII, and none can combine."""
    return all(isinstance(item.character, bytes) or _is_plain(item.character, folding) for item in _characters(data))


def boundary(data: bytes, folding: Folding) -> int:
    """Return how much of the beginning of a stream can be folded now, whatever comes next."""
    end = len(data) - _incomplete(data)
    if not folding.compatibility:
        return end
    cuts = [item.start for item in _characters(data[:end])] + [end]
    return next((cut for cut in reversed(cuts) if _is_safe(data[:cut], data[cut:end], folding)), 0)


def _characters(data: bytes) -> Iterator[Item]:
    """Yield the characters of a text; a byte that is not part of a valid one is yielded as it is."""
    at = 0
    while at < len(data):
        for length in (1, 2, 3, 4):
            try:
                character = data[at : at + length].decode()
            except UnicodeDecodeError:
                continue
            if len(character) == 1 and len(character.encode()) == length:
                yield Item(character, at, at + length)
                at += length
                break
        else:
            yield Item(data[at : at + 1], at, at + 1)
            at += 1


def _runs(data: bytes, folding: Folding) -> Iterator[list[Item]]:
    """Yield the expanded characters, parted where too much was removed between two of them."""
    run: list[Item] = []
    end = 0
    for character, start, after, _ in _characters(data):
        expanded = expansion(character, folding) if isinstance(character, str) else [character]
        if not expanded:
            continue
        if run and start - end > LONGEST_GAP:
            yield run
            run = []
        run += [Item(one, start, after) for one in expanded]
        end = after
    yield run


def _ordered(run: list[Item], folding: Folding) -> list[Item]:
    """Put the marks behind each character into canonical order, unless there are too many of them."""
    ordered: list[Item] = []
    marks: list[Item] = []
    for item in [*run, None]:
        if item is not None and item.combines:
            marks.append(item)
            continue
        if len(marks) > MOST_MARKS:
            ordered += [mark._replace(fixed=True) for mark in marks]
        else:
            for mark in sorted(marks, key=lambda mark: mark.combines):
                is_iota = mark.character == IOTA_MARK
                ordered.append(mark._replace(character=iota(folding)) if is_iota else mark)
        marks = []
        if item is not None:
            ordered.append(item)
    return ordered


def _composed(items: list[Item]) -> list[Item]:
    """Compose each character with the last starter before it where nothing stands in between that blocks it (D115)."""
    composed: list[Item] = []
    starter: int | None = None
    for item in items:
        if starter is not None and not item.fixed:
            adjacent = starter == len(composed) - 1
            if adjacent or composed[-1].combines < item.combines:
                both = _composite(composed[starter].character, item.character)
                if both:
                    composed[starter] = Item(both, composed[starter].start, max(composed[starter].end, item.end))
                    continue
        if not item.combines:
            starter = len(composed)
        composed.append(item)
    return composed


def _composite(first: str | bytes, second: str | bytes) -> str:
    """Return the primary composite of two characters, or ""."""
    if isinstance(first, bytes) or isinstance(second, bytes):
        return ""
    both = normalize("NFC", first + second)
    return both if len(both) == 1 else ""


def _is_plain(character: str, folding: Folding) -> bool:
    expanded = expansion(character, folding)
    lower = character.lower() if character.isascii() and folding.case else character
    return together(expanded, folding) == lower and not (folding.compatibility and can_follow(expanded[0]))


def _is_safe(before: bytes, after: bytes, folding: Folding) -> bool:
    """Tell whether nothing in `after`, or behind it, can change what `before` folds to."""
    *_, run = _runs(before, folding)
    if not run or len(before) - run[-1].end > LONGEST_GAP:
        return True
    last = run[-1].character
    if isinstance(last, bytes):
        return True
    following = next(_runs(after, folding))
    if following and isinstance(first := following[0].character, str):
        if not combining(first):
            return not can_meet(last, first)
        if _marks(run[::-1]) > MOST_MARKS and _marks(following) > MOST_MARKS:
            return True
    return (bool(following) and isinstance(following[0].character, bytes)) or not can_lead(last)


def _marks(items: list[Item]) -> int:
    """Return how many marks there are before the first character that is none."""
    return next((count for count, item in enumerate(items) if not item.combines), len(items))


def _incomplete(data: bytes) -> int:
    """Return how many bytes at the end could become a character if more came."""
    for length in (1, 2, 3):
        tail = data[-length:]
        if len(data) >= length and _could_be_completed(tail):
            return length
    return 0


def _could_be_completed(tail: bytes) -> bool:
    try:
        tail.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data" and error.start == 0
    return False
