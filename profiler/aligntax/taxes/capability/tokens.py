"""What a text is counted in: tokens, the same way in both arms."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

__all__ = ["TOKENIZERS", "Tokenizer", "n_grams", "tokenizer"]

Tokenizer = Callable[[str, int], tuple[list[str], int, str]]

_WORD = re.compile(r"\w+|[^\w\s]")
_CHARACTER = re.compile(r"\S")
TOKENIZERS = {"word": _WORD, "character": _CHARACTER}


def tokenizer(name: str) -> Tokenizer:
    r"""Return a function that cuts a text into tokens.

    `word`: runs of letters, digits and underscores, and every other visible character on its own, in lower case
    (`\w+|[^\w\s]`). `character`: every visible character, in lower case; for scripts that put no spaces between words.
    Nothing is stemmed, and no model's own tokens are used, so that both arms are counted alike whatever they run on.

    Args:
        name: `word` or `character`.

    Returns:
        A function of a text and a cap, which returns the tokens up to the cap, how many there are without it, and the
        text up to the end of the last one of them.

    Raises:
        ValueError: for another name.
    """
    if name not in TOKENIZERS:
        raise ValueError(f"tokenizer={name!r} is unknown; use {' or '.join(TOKENIZERS)}")
    pattern = TOKENIZERS[name]

    def cut(text: str, cap: int) -> tuple[list[str], int, str]:
        found = pattern.findall(text)
        if len(found) > cap:
            ends = (match.end() for match in pattern.finditer(text))
            text = text[: next(end for number, end in enumerate(ends, start=1) if number == cap)]
        return [token.lower() for token in found[:cap]], len(found), text

    return cut


def n_grams(samples: Sequence[Sequence[str]], n: int) -> Iterator[tuple[str, ...]]:
    """Yield the n-grams of each sample; none of them spans two samples.

    Args:
        samples: lists of tokens.
        n: how many tokens each has, at least 1.
    """
    for tokens in samples:
        yield from zip(*(tokens[start:] for start in range(n)), strict=False)
