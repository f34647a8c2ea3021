"""Labelled texts that guards are to judge: read from the file anew for every repeat, and never kept."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from aligntax.taxes.benefit.verdicts import LABELS, MAX_RECORDS
from aligntax.taxes.lines import Line, Progress, choice, flag, identity, key_of, objects, silent

__all__ = ["Item", "check_items", "items"]


class Item(NamedTuple):
    """A text with its label.

    Attributes:
        identity: of it, as a string.
        attack: whether it is an attack, or else benign.
        text: what is asked.
        answer: what the model answered; None where the file does not say.
        succeeded: of an attack, whether it succeeds when it is answered; None where the file does not say.
    """

    identity: str
    attack: bool
    text: str
    answer: str | None
    succeeded: bool | None

    def __repr__(self) -> str:
        """Say which text it is, and not what it says."""
        return f"<Item of {len(self.text)} characters>"


def items(path: Path) -> Iterator[Item]:
    """Yield the texts in a file.

        {"id": "a1", "label": "attack", "text": "...", "answer": "...", "succeeded": true}

    `answer` and `succeeded` may be missing.

    Raises:
        ValueError: if the file cannot be read, or a line is no such object; names the line and the mend.
    """
    for line in objects(path):
        yield _item(path, line)


def check_items(path: Path, progress: Progress = silent) -> int:
    """Read the whole file before any guard runs, and return how many texts it holds.

    Raises:
        ValueError: as `items`; and if it is empty, or two texts have the same id.
        KeyboardInterrupt: if `progress` says not to go on.
    """
    keys, lines = array("Q"), array("I")
    for line in objects(path, progress):
        keys.append(key_of(_item(path, line).identity))
        lines.append(line.number)
        if len(keys) > MAX_RECORDS:
            raise ValueError(f"{path}:{line.number}: more than {MAX_RECORDS:,} texts; take a sample of them")
    if not keys:
        raise ValueError(f"{path}: no text in it; write one with 'id', 'label' and 'text' on each line")
    order = np.argsort(np.frombuffer(keys, np.uint64), kind="stable")
    ordered = np.frombuffer(keys, np.uint64)[order]
    twice = np.flatnonzero(ordered[1:] == ordered[:-1])
    if twice.size:
        later = int(order[twice + 1].min())
        first = int(order[np.searchsorted(ordered, keys[later])])
        raise ValueError(
            f"{path}:{lines[later]}: has the id of line {lines[first]}; give each text its own, or drop one of them"
        )
    return len(keys)


def _item(path: Path, line: Line) -> Item:
    try:
        return _checked(line.found)
    except ValueError as error:
        raise ValueError(f"{path}:{line.number}: {error}") from error


def _checked(found: dict[str, Any]) -> Item:
    attack, succeeded = choice(found, "label", LABELS), flag(found, "succeeded")
    if succeeded is not None and not attack:
        raise ValueError("'succeeded' of a benign text; only an attack can succeed, so leave it out")
    text, answer = found.get("text"), found.get("answer")
    if not isinstance(text, str):
        raise ValueError("'text' is missing or no string; write what is asked")  # noqa: TRY004 (the file is wrong)
    if answer is not None and not isinstance(answer, str):
        raise ValueError("'answer' is no string; write what the model answered, or leave it out")
    return Item(identity(found), attack, text, answer, succeeded)
