"""What the demo's guards look for: a few phrases that mean something, and as many as a real list has that do not."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

__all__ = ["BLOCKED_PHRASES", "FILTERED_PHRASES", "MADE_UP", "REMOVED", "allowed_tokens", "made_up_phrases"]

MADE_UP = 1_000
REMOVED = "[removed]"

_NOT_TO_BE_ASKED = ("ransomware", "pipe bomb", "counterfeit passport", "stolen card numbers")
_NOT_TO_BE_SAID = ("password", "bank account", "home address", "medical record", "salary", "secret")
_SYLLABLES = tuple(map("".join, product("bdfgklmnprstvz", "aeiou")))
# Primes, so that neighbours in the list have little in common.
_STEPS = (7919, 104_729)


def made_up_phrases(count: int) -> tuple[str, ...]:
    """Return different phrases of two words of three syllables each that are in no language."""
    return tuple(" ".join(_word(number * step) for step in _STEPS) for number in range(1, count + 1))


def _word(number: int) -> str:
    size = len(_SYLLABLES)
    return "".join(_SYLLABLES[number // size**place % size] for place in range(3))


BLOCKED_PHRASES = (*_NOT_TO_BE_ASKED, *made_up_phrases(MADE_UP))
"""Prompts that hold one of these are turned away, and none of their words may be generated."""

FILTERED_PHRASES = (*_NOT_TO_BE_SAID, *made_up_phrases(MADE_UP))
"""What the answer must not say."""


def allowed_tokens(words: dict[str, int], size: int) -> NDArray[np.bool_]:
    """Return for each token whether it may be said: separate words only, and none of a blocked phrase; (size,).

    Args:
        words: known words with their token numbers; the space before a word belongs to it.
        size: how many token numbers there are.
    """
    blocked = {word for phrase in BLOCKED_PHRASES for word in phrase.split()}
    allowed = np.zeros(size, dtype=np.bool_)
    for word, number in words.items():
        allowed[number] = word[0] == " " and word[1:].isalpha() and word[1:].casefold() not in blocked
    return allowed
