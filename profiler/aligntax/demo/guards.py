"""The demo's guards that need nothing but Python's own `re` and `str`, and the mask kernel."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from aligntax.trace import Verdict
from aligntax_kernels import tokens

if TYPE_CHECKING:
    from torch import Tensor

BLOCKED_PHRASES = ("ransomware", "pipe bomb", "counterfeit passport", "stolen card numbers")
"""Prompts that hold one of these are turned away, and none of their words may be generated."""

FILTERED_PHRASES = ("password", "bank account", "home address", "medical record", "salary", "secret")
"""What the answer must not say."""

REMOVED = "[removed]"

# Each alternative begins where its run of characters begins and is bounded, so that no text makes it backtrack twice.
_PERSONAL = re.compile(
    r"""
    (?P<email> (?<![\w.+-]) [\w.+-]{1,64} @ [\w-]{1,63} (?: \. [\w-]{1,63} ){1,8} )
  | (?P<card>  (?<![\w-]) \d (?: [ -]? \d ){12,18} (?![\w-]) )
  | (?P<ssn>   (?<![\w-]) \d{3} - \d{2} - \d{4} (?![\w-]) )
  | (?P<phone> (?<![\w-]) (?: \+\d{1,3} [ .-]? )? (?: \(\d{3}\) | \d{3} ) [ .-]? \d{3} [ .-]? \d{4} (?![\w-]) )
    """,
    re.VERBOSE,
)


def redact_personal_data(text: str) -> str:
    """Return `text` with e-mail addresses, card, social security and phone numbers replaced by their kind."""
    return _PERSONAL.sub(lambda found: f"[{found.lastgroup}]", text)


def check_phrases(text: str) -> Verdict:
    """Return `block` if `text` holds a blocked phrase in any case, also inside of a longer word; else `allow`."""
    folded = text.casefold()
    return Verdict.BLOCK if any(phrase in folded for phrase in BLOCKED_PHRASES) else Verdict.ALLOW


def token_mask(words: dict[str, int], size: int) -> Callable[[Tensor], None]:
    """Return a guard that bans, in logits of shape (1, size), what is no separate word or is in a blocked phrase.

    Args:
        words: known words with their token numbers; the space before a word belongs to it.
        size: how many token numbers there are.
    """
    banned = {word for phrase in BLOCKED_PHRASES for word in phrase.split()}
    allowed = np.zeros(-(-size // 32) * 32, dtype=bool)
    for word, number in words.items():
        allowed[number] = word[0] == " " and word[1:].isalpha() and word[1:].casefold() not in banned
    bitmask = np.packbits(allowed, bitorder="little").view(np.int32)
    tokens.warm()  # compiled here, not in the first request

    def mask_logits(logits: Tensor) -> None:
        tokens.apply_bitmask(logits, bitmask)

    return mask_logits


class Chunk(NamedTuple):
    """A piece of the answer that may be released, and whether something was taken out of it."""

    text: str
    verdict: Verdict


class PhraseFilter:
    """Takes phrases out of a stream, whatever chunks they are spread over; the longest at the leftmost place first.

    Nothing is held back but the end of what arrived, and that only where it may be the beginning of a phrase.

    Args:
        phrases: what to take out, in any case.
        replacement: what stands in its place.

    Raises:
        ValueError: if there is no phrase, or an empty one.
    """

    def __init__(self, phrases: Iterable[str] = FILTERED_PHRASES, replacement: str = REMOVED) -> None:
        longest_first = sorted(set(phrases), key=lambda phrase: (-len(phrase), phrase))
        if not longest_first or not longest_first[-1]:
            raise ValueError(f"phrases={longest_first} must be at least one, and none of them empty")
        beginnings = {phrase[:length] for phrase in longest_first for length in range(1, len(phrase))}
        self._replacement = replacement
        self._window = len(longest_first[0]) - 1
        self._whole = re.compile(_any_of(longest_first), re.IGNORECASE)
        # Without beginnings, which phrases of one letter do not have, this matches only nothing at the very end.
        self._begun = re.compile(rf"(?:{_any_of(sorted(beginnings, key=len, reverse=True))})\Z", re.IGNORECASE)

    def stream(self) -> Generator[Chunk, str | None, None]:
        """Return a generator that is sent chunks and yields, for each, what may be released.

        Start it with `next`, `send` it every chunk, then iterate over what is left. It is sent its chunks, and does not
        pull them, because what it pulled from would run inside of it and be charged to it.
        """
        held = ""
        released = Chunk("", Verdict.ALLOW)
        while (arrived := (yield released)) is not None:
            held += arrived
            released, held = self._release(held, self._beginning(held, 0))
        rest, _ = self._release(held, len(held))
        yield rest

    def _beginning(self, text: str, start: int) -> int:
        """Return where the earliest phrase may have begun that is not complete yet; the end of `text` if none may."""
        found = self._begun.search(text, max(start, len(text) - self._window))
        return found.start() if found else len(text)

    def _release(self, text: str, safe: int) -> tuple[Chunk, str]:
        """Return `text` up to `safe` without its phrases, and the rest of it."""
        parts: list[str] = []
        start = 0
        for found in self._whole.finditer(text):
            if found.start() >= safe:
                break  # a longer phrase may begin here or before
            parts += text[start : found.start()], self._replacement
            start = found.end()
            if start > safe:
                safe = self._beginning(text, start)
        verdict = Verdict.MODIFY if parts else Verdict.ALLOW
        return Chunk("".join([*parts, text[start:safe]]), verdict), text[safe:]


def _any_of(literals: Sequence[str]) -> str:
    return "|".join(map(re.escape, literals))
