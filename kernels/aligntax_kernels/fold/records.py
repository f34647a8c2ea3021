"""What a text is folded by, and what is made of it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Folded", "Folding"]


@dataclass(frozen=True, slots=True)
class Folding:
    """Which steps of the chain are taken.

    Attributes:
        case: full Unicode case folding, as `str.casefold`.
        compatibility: NFKC, the Unicode normal form KC: full width, mathematical, enclosed and ligature forms become
            the characters they stand for, and whether a text was given composed or decomposed makes no difference.
        confusables: look-alikes of ASCII letters and digits become those: Cyrillic, Greek, Armenian, Cherokee, Coptic,
            Lisu, small capitals and others, one character for one; see `confusables.py`.
        invisible: removes what shows nothing of its own: zero-width characters, joiners, soft hyphens, variation
            selectors, bidirectional controls, tags, fillers (Default_Ignorable_Code_Point), interlinear annotation.
        leet: digits and signs that are read as letters become those: 4 and @ are a, 3 is e, 0 is o, 5 and $ are s, 7
            is t and so on; see `leet.py`. 1, !, |, i, I and l all become l, since 1 is read as either letter: with
            this step on, a pattern must be folded as the text is.

    Each character goes through the steps in this order, again and again until nothing changes:

    1. `confusables`, before the decomposition, in which some shapes are lost: U+03F2 is a c to look at, and a sigma to
       NFKC.
    2. `compatibility`: decomposition (NFKD), so that the other steps see plain letters; then `confusables` again, which
       must see them before the case is gone: the capital of the Greek nu is an N, the small one a v.
    3. `invisible`.
    4. `case`.
    5. `leet`, which then has nothing but small letters to do with.

    What is left is put into canonical order and composed (NFC) where `compatibility` is on, and that comes last
    because each step can bring together what composes: e, a joiner and an acute accent are seen as one letter.
    """

    case: bool = True
    compatibility: bool = True
    confusables: bool = True
    invisible: bool = True
    leet: bool = False

    def __post_init__(self) -> None:
        """Refuse what is only truthy: a setting read from a file could be the text "false"."""
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, bool):
                raise TypeError(f"{field.name}: got {value!r}; pass True or False")


class Folded(NamedTuple):
    """A folded text and where each byte of it came from.

    Attributes:
        data: the folded text, UTF-8.
        starts: int64, (len(data),), read-only: for each byte of `data`, the offset in the original bytes where the
            character begins that this byte's character came from.
        ends: the same, where it ends. A hit `data[s:e]` came from `original[starts[s]:ends[e - 1]]`. Neither array
            ever decreases.
    """

    data: bytes
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __repr__(self) -> str:
        """Leave the text out: a repr ends up in logs."""
        return f"Folded({len(self.data)} bytes)"
