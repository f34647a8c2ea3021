"""Text to token numbers and back: whole words where they are known, bytes for everything else."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

START = 0
"""Opens every sequence, so that no prompt is empty to the model. Shares its number with the NUL byte."""

_BYTES = 256
_PIECES = re.compile(r" ?\w+|\W")


class WordTokenizer:
    """Splits text into the words of a fixed vocabulary, each with the space before it, and into bytes beyond them.

    Numbers 0 to 255 are bytes; the words follow, most frequent first; numbers past `used` are padding that stands for
    nothing, as in most models. Reversible: decoding what was encoded gives the text back.

    Args:
        texts: where the words come from.
        size: how many numbers there are in all, at least 257; words that find no room are spelled in bytes.

    Raises:
        ValueError: if `size` leaves no room for a word.
    """

    def __init__(self, texts: Iterable[str], size: int) -> None:
        if size <= _BYTES:
            raise ValueError(f"size={size} leaves no room for words beside the {_BYTES} bytes; use at least 257")
        counts = Counter(piece for text in texts for piece in _PIECES.findall(text) if len(piece.strip()) > 1)
        words = [word for word, _ in counts.most_common(size - _BYTES)]
        self.size = size
        self.used = _BYTES + len(words)
        self._numbers = {word: _BYTES + index for index, word in enumerate(words)}
        self._spelled = [bytes([number]) for number in range(_BYTES)] + [word.encode() for word in words]

    @property
    def words(self) -> dict[str, int]:
        """The known words with their numbers; a leading space belongs to the word."""
        return dict(self._numbers)

    def encode(self, text: str) -> list[int]:
        """Return the token numbers of `text`."""
        tokens: list[int] = []
        for piece in _PIECES.findall(text):
            word = self._numbers.get(piece)
            # A lone surrogate, as a broken upstream may produce, must not stop a request.
            tokens.extend(piece.encode(errors="surrogatepass") if word is None else (word,))
        return tokens

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of `tokens`; bytes that are no UTF-8 become U+FFFD, and padding becomes nothing."""
        return b"".join(self._spelled[token] for token in tokens if token < self.used).decode(errors="replace")
