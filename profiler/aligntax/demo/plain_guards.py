"""The demo's guards as one writes them in Python without further ado: `re`, `str` and torch.

They are what the built-in guards are compared with, and no straw men: expressions are compiled once and bounded, and
phrases are looked for in whichever of the usual ways is faster: by `in` in a prompt, by one expression of them all in a
chunk of a few characters. A program that folds the phrases into an expression of their common beginnings would come
close to the kernel on short prompts. They do somewhat less than the built-in guards: personal data is known by its form
alone, without check digits and number plans, and IBANs and IP addresses are not looked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aligntax.demo.layers import Guards
from aligntax.demo.phrases import BLOCKED_PHRASES, FILTERED_PHRASES, REMOVED
from aligntax.trace import Verdict

__all__ = ["Chunk", "PhraseFilter", "check_phrases", "plain_guards", "redact_personal_data", "token_mask"]

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


def plain_guards(classify: Callable[[str], Any], allowed: NDArray[np.bool_]) -> Guards:
    """Return the guards.

    Args:
        classify: the classifier, which needs neither `re` nor kernels.
        allowed: for each token whether it may be said.
    """
    return Guards(
        redact=redact_personal_data,
        check=check_phrases,
        classify=classify,
        mask=token_mask(allowed),
        filter=PhraseFilter().stream,
    )


def redact_personal_data(text: str) -> str:
    """Return `text` with e-mail addresses, card, social security and phone numbers replaced by their kind."""
    return _PERSONAL.sub(lambda found: f"[{found.lastgroup}]", text)


def check_phrases(text: str) -> Verdict:
    """Return `block` if `text` holds a blocked phrase in any case, also inside of a longer word; else `allow`."""
    folded = text.casefold()
    return Verdict.BLOCK if any(phrase in folded for phrase in BLOCKED_PHRASES) else Verdict.ALLOW


def token_mask(allowed: NDArray[np.bool_]) -> Callable[[Tensor], None]:
    """Return a guard that bans, in logits of shape (1, size), what is not allowed."""
    banned = torch.from_numpy(~allowed)

    def mask_logits(logits: Tensor) -> None:
        logits.masked_fill_(banned, -torch.inf)

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
        self._replacement = replacement
        self._window = len(longest_first[0]) - 1
        self._whole = re.compile(_any_of(longest_first), re.IGNORECASE)
        self._beginnings = {phrase[:end].casefold() for phrase in longest_first for end in range(1, len(phrase))}

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
        places = range(max(start, len(text) - self._window), len(text))
        return next((place for place in places if text[place:].casefold() in self._beginnings), len(text))

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
