"""What is banned, as it was said, and where rows stand in it on a device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import index
from typing import Any

from aligntax_kernels.tokens import automaton

__all__ = ["MOST_TOKENS", "Rules", "States", "rules_of_strings", "rules_of_tokens", "token_sequence", "vocabulary"]

MOST_TOKENS = 2**31 - 1
"""Of a vocabulary."""

Symbols = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """Banned sequences of symbols: token ids, or bytes where tokens are spelled out.

    Attributes:
        sequences: each with one symbol at least.
        spellings: the bytes of each token; None where a token is a symbol itself.
        automaton: the same, compiled.
        copies: its tables on CUDA devices, by device.
    """

    sequences: Sequence[Symbols]
    spellings: Sequence[bytes] | None
    automaton: automaton.Automaton
    copies: dict[Any, Any] = field(default_factory=dict)

    def __reduce__(self) -> tuple[Any, ...]:
        return Rules, (self.sequences, self.spellings, self.automaton)  # the device may be missing where it is loaded

    def symbols(self, token: int) -> Symbols:
        """Return what reading a token reads: nothing if it is negative, which stands for no token."""
        if token < 0:
            return ()
        if self.spellings is None:
            return (token,)
        return tuple(self.spellings[token]) if token < len(self.spellings) else ()

    def beginnings(self) -> list[Symbols]:
        """Return what the states stand for, by their numbers."""
        found = {sequence[:length] for sequence in self.sequences for length in range(len(sequence))}
        return sorted({(), *found}, key=lambda beginning: (len(beginning), beginning))

    def forbids(self, read: Symbols, token: int) -> bool:
        """Return whether a token completes a banned sequence after `read`."""
        text = read + self.symbols(token)
        return any(
            text[end - len(sequence) : end] == sequence
            for sequence in self.sequences
            for end in range(max(len(read) + 1, len(sequence)), len(text) + 1)
        )


@dataclass(frozen=True, slots=True, eq=False)
class States:
    """Where the rows of a batch stand, on a device.

    Tables, states and drafted states share one array, because each array costs a launch 1 to 2 us.

    Attributes:
        memory: int32: the tables, then the two below.
        values: int32, (rows,), a view of it: the states. Reorder them with `states.values.copy_(states.values[beams])`.
        drafted: int32, (rows, drafts + 1), a view of it: what the last `draft` returned.
        rules: whose states they are.
    """

    memory: Any
    values: Any
    drafted: Any
    rules: Rules


def rules_of_tokens(sequences: Iterable[Sequence[int]], vocab_size: int) -> Rules:
    """Return the rules for sequences of token ids, each once, or raise as `TokenBans` says."""
    banned = tuple(
        dict.fromkeys(
            token_sequence(f"sequences[{number}]", given, vocab_size) for number, given in enumerate(sequences)
        )
    )
    return Rules(banned, None, automaton.of_tokens(banned))


def rules_of_strings(strings: Iterable[bytes | str], token_bytes: Iterable[bytes | None]) -> Rules:
    """Return the rules for byte strings, each once, or raise as `TokenBans.from_bytes` says."""
    if isinstance(strings, bytes | str):
        raise TypeError(f"strings: got a {type(strings).__name__}, each part of which would be banned; pass a list")
    spellings = tuple(_spelling(token, given) for token, given in enumerate(token_bytes))
    banned = tuple(dict.fromkeys(_string(number, given) for number, given in enumerate(strings)))
    return Rules(tuple(map(tuple, banned)), spellings, automaton.of_strings(banned, spellings))


def vocabulary(size: Any) -> int:
    """Return the number of tokens, or raise."""
    try:
        found = index(size)
    except TypeError as error:
        raise TypeError(f"vocab_size: got a {type(size).__name__}; pass the number of tokens") from error
    if not 1 <= found <= MOST_TOKENS:
        raise ValueError(f"vocab_size is {found}; pass the number of tokens, 1 to 2**31 - 1")
    return found


def token_sequence(name: str, given: Sequence[int], vocab_size: int) -> Symbols:
    """Return a sequence of token ids, or raise under the name that the caller gave it."""
    try:
        sequence = tuple(map(index, given))
    except TypeError as error:
        raise TypeError(f"{name}: got {given!r}; pass a sequence of token ids") from error
    if not sequence:
        raise ValueError(f"{name} is empty, and would ban nothing or everything; leave it out")
    for token in sequence:
        if not 0 <= token < vocab_size:
            raise ValueError(
                f"{name} has the token {token}, outside the vocabulary of {vocab_size}; "
                "leave the sequence out, since it can never be said, or check which tokenizer it was made with"
            )
    return sequence


def _string(number: int, given: bytes | str) -> bytes:
    if not isinstance(given, bytes | str):
        raise TypeError(f"strings[{number}]: got a {type(given).__name__}; pass bytes or str")
    string = given.encode() if isinstance(given, str) else given
    if not string:
        raise ValueError(f"strings[{number}] is empty, and would ban everything; leave it out")
    return string


def _spelling(token: int, given: bytes | None) -> bytes:
    if given is None:
        return b""
    if not isinstance(given, bytes):
        raise TypeError(f"token_bytes[{token}]: got a {type(given).__name__}; pass bytes, or None for no text")
    return given
