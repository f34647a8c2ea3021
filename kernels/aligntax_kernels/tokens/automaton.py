"""Banned sequences as an automaton, packed into one array that compiled code walks.

A state is the longest end of what was read that begins a banned sequence without being all of it; states are numbered
in the order of (length, symbols), so that 0 has read nothing of use. A state forbids what completes a sequence that it
begins, or that one of the shorter ends begins to which its links lead. Source: Aho and Corasick, Efficient String
Matching, Communications of the ACM 18 (1975); where they copy the output of a failure state, a link leads to it, so
that the memory is linear in the length of all sequences.

Symbols are token ids, or bytes for bans that hold in every tokenization; then a token is read as its bytes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Automaton", "of_strings", "of_tokens"]

# What stands where at the beginning of `Automaton.tables`. Compiled code holds these numbers, and numba's cache does
# not see a change of this file: after one, remove the `__pycache__` folders of the package.
STATES: Final = 0
LONGEST: Final = 1
SLOT_MASK: Final = 2
MOST_PROBES: Final = 3
SLOTS: Final = 4  # from here on: where a part begins
FAILURES: Final = 5
LINKS: Final = 6
RANGES_OF: Final = 7
RANGES: Final = 8
FORBIDDEN: Final = 9
SPELLED: Final = 10  # how many tokens are spelled out; 0 where a token is a symbol itself
SPELLING_OF: Final = 11
SPELLINGS: Final = 12
HEADER: Final = 13

SLOT_WORDS: Final = 4
STATE_FACTOR: Final = 0x2545F491
SYMBOL_FACTOR: Final = 0x4F6CDD1D
_EMPTY: Final = -1

# A search looks at this many slots at the most, unless that would take a table of more slots for an edge than these:
# random sequences need 4 to 16 of them, and sequences chosen to collide would need any number.
_PROBES: Final = 8
_MOST_SLOTS_FOR_AN_EDGE: Final = 32

Ranges = Mapping[int, Sequence[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Automaton:
    """What compiled code walks.

    Attributes:
        tables: int32, one array because every array costs a call.
        address: of the tables.
        states: how many there are, at least one.
        longest: symbols of the longest banned sequence; 0 where nothing is banned.
    """

    tables: NDArray[np.int32]
    address: int
    states: int
    longest: int

    def __reduce__(self) -> tuple[Any, ...]:
        return _placed, (self.tables,)  # a copy, or another process, has the tables at another address


def of_tokens(sequences: Iterable[Sequence[int]]) -> Automaton:
    """Return the automaton of banned sequences of token ids, none of them empty."""
    banned = set(map(tuple, sequences))
    trie = _Trie(banned)
    last: dict[int, list[int]] = {}
    for sequence in banned:
        last.setdefault(trie.path(sequence)[-1], []).append(sequence[-1])
    forbidden: list[int] = []
    ranges: dict[int, list[tuple[int, int]]] = {}
    for state, tokens in last.items():
        ranges[state] = [(len(forbidden), len(forbidden) + len(tokens))]
        forbidden += sorted(tokens)
    return _packed(trie, max(map(len, banned), default=0), ranges, forbidden, ())


def of_strings(strings: Iterable[bytes], spellings: Sequence[bytes]) -> Automaton:
    """Return the automaton of banned byte strings, none of them empty, over tokens that spell bytes.

    A token is forbidden where one of its bytes completes a banned string: it either holds the whole string, or begins
    with what is missing of one. Sorted by their bytes, the latter tokens are a range for each way to cut a string.
    """
    banned = set(strings)
    trie = _Trie(banned)
    order = sorted(range(len(spellings)), key=spellings.__getitem__)
    ordered = [spellings[token] for token in order]
    ranges: dict[int, list[tuple[int, int]]] = {}
    for string in banned:
        for read, state in enumerate(trie.path(string)[1:], start=1):
            found = _beginning_with(ordered, string[read:])
            if found[0] < found[1]:
                ranges.setdefault(state, []).append(found)
    ranges = {state: _outermost(found) for state, found in ranges.items()}
    holding = trie.holding(banned, spellings)
    if holding:
        ranges[0] = [(len(order), len(order) + len(holding))]
    return _packed(trie, max(map(len, banned), default=0), ranges, order + holding, spellings)


class _Trie:
    """The proper beginnings of all sequences, numbered as the states are."""

    def __init__(self, sequences: Iterable[Sequence[int]]) -> None:
        nodes: list[dict[int, int]] = [{}]
        for sequence in sequences:
            at = 0
            for symbol in sequence[:-1]:
                if symbol not in nodes[at]:
                    nodes[at][symbol] = len(nodes)
                    nodes.append({})
                at = nodes[at][symbol]
        order = [0]
        for node in order:  # grows meanwhile: breadth first
            order.extend(nodes[node][symbol] for symbol in sorted(nodes[node]))
        number = {node: state for state, node in enumerate(order)}
        self.children = [{symbol: number[node] for symbol, node in nodes[parent].items()} for parent in order]
        self.failures = [0] * len(order)
        for state, children in enumerate(self.children):
            for symbol, child in children.items():
                self.failures[child] = self.next(self.failures[state], symbol) if state else 0

    def next(self, state: int, symbol: int) -> int:
        """Return the state after a symbol."""
        while symbol not in self.children[state]:
            if not state:
                return 0
            state = self.failures[state]
        return self.children[state][symbol]

    def path(self, sequence: Sequence[int]) -> list[int]:
        """Return the states of all proper beginnings of one of the sequences, the empty one first."""
        states = [0]
        for symbol in sequence[:-1]:
            states.append(self.children[states[-1]][symbol])
        return states

    def holding(self, sequences: Iterable[Sequence[int]], texts: Sequence[bytes]) -> list[int]:
        """Return which texts hold one of the sequences."""
        completing: list[set[int]] = [set() for _ in self.children]
        for sequence in sequences:
            completing[self.path(sequence)[-1]].add(sequence[-1])
        for state, failure in enumerate(self.failures[1:], start=1):  # a failure has a lower number than its state
            completing[state] |= completing[failure]
        found = []
        for index, text in enumerate(texts):
            state = 0
            for symbol in text:
                if symbol in completing[state]:
                    found.append(index)
                    break
                state = self.next(state, symbol)
        return found


def _beginning_with(ordered: Sequence[bytes], beginning: bytes) -> tuple[int, int]:
    """Return the range of sorted strings that begin with one that is not empty."""
    after = beginning.rstrip(b"\xff")
    # The least string that is greater than all of them: the beginning counted up by one. After 0xFF comes nothing.
    end = bisect_left(ordered, after[:-1] + bytes([after[-1] + 1])) if after else len(ordered)
    return bisect_left(ordered, beginning), end


def _outermost(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the ranges that lie in no other; those of two beginnings are apart, or one holds the other."""
    kept: list[tuple[int, int]] = []
    for begin, end in sorted(set(ranges), key=lambda pair: (pair[0], -pair[1])):
        if not kept or begin >= kept[-1][1]:
            kept.append((begin, end))
    return kept


def _packed(
    trie: _Trie, longest: int, ranges: Ranges, forbidden: Sequence[int], spellings: Sequence[bytes]
) -> Automaton:
    states = len(trie.children)
    slots, slot_mask, most_probes = _transitions(trie.children)
    links = [0] * states
    for state, failure in enumerate(trie.failures):
        links[state] = failure if failure in ranges else links[failure]
    counts = [len(ranges.get(state, ())) for state in range(states)]
    flat = [end for state in range(states) for pair in ranges.get(state, ()) for end in pair]
    spelled = np.frombuffer(b"".join(spellings).ljust(-(-sum(map(len, spellings)) // 4) * 4, b"\0"), np.int32)
    parts: dict[int, Sequence[int] | NDArray[np.int32]] = {
        SLOTS: slots,
        FAILURES: trie.failures,
        LINKS: links,
        RANGES_OF: list(accumulate(counts, initial=0)),
        RANGES: flat,
        FORBIDDEN: forbidden,
        SPELLING_OF: list(accumulate(map(len, spellings), initial=0)),
        SPELLINGS: spelled,
    }
    header = [0] * HEADER
    header[STATES], header[LONGEST], header[SPELLED] = states, longest, len(spellings)
    header[SLOT_MASK], header[MOST_PROBES] = slot_mask, most_probes
    at = HEADER
    for name, part in parts.items():
        header[name] = at
        at += len(part)
    tables = np.concatenate([np.array(part, np.int32) for part in (header, *parts.values())])
    return _placed(tables)


def _placed(tables: NDArray[np.int32]) -> Automaton:
    tables.flags.writeable = False
    return Automaton(tables, tables.ctypes.data, int(tables[STATES]), int(tables[LONGEST]))


def _transitions(children: Sequence[Mapping[int, int]]) -> tuple[list[int], int, int]:
    """Return a hash table from a state and a symbol to the next state, the mask of its slots, and its longest search.

    A slot is the state, or -1 where it is free, the symbol, the next state, and a word for alignment.
    """
    edges = [(state, symbol, child) for state, below in enumerate(children) for symbol, child in below.items()]
    size = 8
    while size < 2 * len(edges):
        size *= 2
    while True:
        slots = [_EMPTY] * (SLOT_WORDS * size)
        most = max((_insert(slots, size - 1, *edge) for edge in edges), default=1)
        if most <= _PROBES or 2 * size > _MOST_SLOTS_FOR_AN_EDGE * len(edges):
            return slots, size - 1, most
        size *= 2


def _insert(slots: list[int], slot_mask: int, state: int, symbol: int, child: int) -> int:
    """Put a transition into the table, and return how many slots a search for it looks at."""
    slot, probes = slot_of(state, symbol, slot_mask), 1
    while slots[SLOT_WORDS * slot] != _EMPTY:
        slot, probes = (slot + 1) & slot_mask, probes + 1
    slots[SLOT_WORDS * slot : SLOT_WORDS * slot + 3] = state, symbol, child
    return probes


def slot_of(state: int, symbol: int, slot_mask: int) -> int:
    """Return the slot where the search for a transition begins; no step of it leaves the 63 bits of an int64."""
    mixed = (state * STATE_FACTOR) ^ (symbol * SYMBOL_FACTOR)
    return (mixed ^ (mixed >> 31) ^ (mixed >> 15)) & slot_mask
