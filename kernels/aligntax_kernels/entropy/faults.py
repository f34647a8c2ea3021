"""Rows of logits that are no distribution, and why."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["FAULTS", "NOTHING_ALLOWED", "NO_NUMBER", "SOUND", "Fault"]

SOUND, NO_NUMBER, NOTHING_ALLOWED = range(3)
FAULTS = {NO_NUMBER: "holds NaN or plus infinity", NOTHING_ALLOWED: "is minus infinity throughout"}


class Fault(NamedTuple):
    """The first row without a distribution, and a number of FAULTS."""

    row: int
    number: int

    @property
    def reason(self) -> str:
        """Why, in words that follow "row 3"."""
        return FAULTS[self.number]
