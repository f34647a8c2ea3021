"""Lays the rules out in one array, which the compiled kernel reads by its address."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from aligntax_kernels.secrets import information, layout
from aligntax_kernels.secrets.anchors import Bytes, Prefix, look_ahead, look_behind, members, prefixes
from aligntax_kernels.secrets.rules import RULES
from aligntax_kernels.secrets.shapes import Assignment, Block, Floor, Part, Rule, Token

__all__ = ["Packed", "packed"]

KINDS = {Token: layout.TOKEN, Assignment: layout.ASSIGNMENT, Block: layout.BLOCK}
T = TypeVar("T")
ENDS = {"cut": layout.CUT, "run": layout.RUN_ENDS, "word": layout.WORD_ENDS, "at": layout.AT_FOLLOWS}


class Packed(NamedTuple):
    """Packed rules; the address is valid as long as the array is kept."""

    memory: NDArray[np.uint8]
    address: int


@lru_cache(maxsize=64)
def packed(rules: int) -> Packed:
    """Return some of the rules packed, which are given as bits."""
    packer = _Packer()
    for index, rule in enumerate(RULES):
        if rules >> index & 1:
            packer.add(index, rule)
    memory = np.frombuffer(packer.laid_out(), np.uint8)
    return Packed(memory, memory.ctypes.data)


def is_held(rule: Rule) -> bool:
    """Return whether the prefix of a rule is part of the secret, so that it must not be released before the rest."""
    return isinstance(rule, Block) or (isinstance(rule, Token) and not rule.last_only)


class _Packer:
    def __init__(self) -> None:
        self._alphabets: list[Bytes] = [*map(members, layout.KNOWN)]
        self._runs: list[tuple[int, int]] = []
        self._floors: list[Floor] = []
        self._strings: list[bytes] = []
        self._prefixes: list[tuple[int, int, int, int]] = []
        self._elements: list[int] = []
        self._rules: list[bytes] = []
        self._selectors: list[bytes] = []
        self._numbers: list[list[int]] = [[] for _ in range((1 << layout.SIEVE_BITS) // 64)]
        self._sieve = np.zeros((1 << layout.SIEVE_BITS) // 64, np.uint64)
        self._check = np.zeros((1 << layout.CHECK_BITS) // 64, np.uint64)
        self._held: list[list[tuple[int, int]]] = [[] for _ in range(layout.NOTHING_YET + 1)]
        self._look_behind = self._look_ahead = 0

    def add(self, index: int, rule: Rule) -> None:
        for prefix in prefixes(rule):
            self._add_prefix(prefix, is_held=is_held(rule), has_lead=isinstance(rule, Token) and bool(rule.lead))
        self._rules.append(self._record(index, rule))
        self._look_behind = max(self._look_behind, look_behind(rule))
        self._look_ahead = max(self._look_ahead, look_ahead(rule))

    def laid_out(self) -> bytes:
        sections = {
            layout.NUMBERS: _numbers(itertools.chain.from_iterable(self._numbers)),
            layout.SELECTORS: b"".join(self._selectors),
            layout.PREFIXES: _numbers(self._prefixes),
            layout.ELEMENTS: _numbers(self._elements),
            layout.RULES: b"".join(self._rules),
            layout.STRINGS: _numbers(
                zip(itertools.accumulate(map(len, self._strings), initial=0), map(len, self._strings), strict=False)
            ),
            layout.TEXTS: b"".join(self._strings),
            layout.TERMS: _numbers(information.log_terms()),
            layout.FLOORS: _numbers(information.needed(floor) for floor in self._floors),
            layout.HELD: self._held_numbers(),
        }
        head = bytearray(layout.SIEVE)
        index = _numbers(itertools.accumulate(map(len, self._numbers), initial=0))
        fixed = self._sieve.tobytes() + self._check.tobytes() + self._alphabet_bits() + index
        at = layout.SIEVE + len(fixed)
        for place, section in sections.items():
            head[place : place + 4] = _numbers([at])
            at += len(section)
        tail = max((reach for held in self._held for reach, _ in held), default=0)
        numbers = (self._look_behind, self._look_ahead, tail)
        head[layout.LOOK_BEHIND : layout.TAIL + 4] = _numbers(numbers)
        return bytes(head) + fixed + b"".join(sections.values())

    def _add_prefix(self, prefix: Prefix, *, is_held: bool, has_lead: bool) -> None:
        number, begin = len(self._prefixes), len(self._elements)
        for element in prefix.elements:
            self._elements.append(self._element(element))
        reach = prefix.reach if is_held else 0
        self._prefixes.append((len(self._rules), begin, len(prefix.elements), reach))
        if is_held:
            for byte in [*prefix.elements[0], *([layout.NOTHING_YET] if has_lead else [])]:
                self._held[byte].append((reach, number))
        *comparison, is_all = _comparison(prefix.elements)
        for late, gram in enumerate(prefix.grams):
            first, second, third, fourth = (np.array(sorted(element), np.uint32) for element in gram)
            grams = first | second[:, None] << 8 | third[:, None, None] << 16 | fourth[:, None, None, None] << 24
            for bits, sieve in ((sieve_bits(grams), self._sieve), (check_bits(grams), self._check)):
                np.bitwise_or.at(sieve, bits >> np.uint64(6), np.uint64(1) << (bits & np.uint64(63)))
            for word in np.unique(sieve_bits(grams) >> np.uint64(6)).tolist():
                self._numbers[word].append(len(self._selectors))
            self._selectors.append(_numbers([*comparison, number, prefix.window + late + 1, is_all, 0]))

    def _element(self, element: Bytes) -> int:
        if len(element) == 1:
            return min(element)
        if _is_letter(element):
            return layout.FOLDED + max(element)
        return layout.ALPHABET + self._alphabet(element)

    def _record(self, index: int, rule: Rule) -> bytes:
        record = bytearray(layout.RULE_SIZE)

        def put(**fields: int) -> None:
            for name, value in fields.items():
                at = getattr(layout, name)
                record[at : at + 4] = _numbers([value])

        put(INDEX=index, KIND=KINDS[type(rule)], FIRST_STRING=len(self._strings))
        if isinstance(rule, Block):
            self._strings += [text.encode() for text in (rule.end, rule.dashes, *rule.kinds)]
            parts: Iterable[Part] = (rule.label,)
            put(MOST=rule.most)
        else:
            self._strings += [text.encode() for text in rule.placeholders]
            put(FLOOR=self._floor(rule.floor), HEX_FLOOR=self._floor(rule.floor))
            needs = sum(1 << self._alphabet(members(alphabet)) for alphabet in rule.needs)
            record[layout.NEEDS : layout.NEEDS + 8] = needs.to_bytes(8, "little")
        if isinstance(rule, Assignment):
            parts = (rule.plain, rule.quoted)
            put(HEX_FLOOR=self._floor(rule.hex_floor))
        elif isinstance(rule, Token):
            parts = (*rule.parts, *((rule.lead,) if rule.lead else ()))
            put(BOUNDARY=rule.boundary, LAST_ONLY=rule.last_only, END=ENDS[rule.end])
            put(PARTS=len(rule.parts), LEAD=bool(rule.lead), SEPARATOR=ord(rule.separator or "\0"))
        put(LAST_STRING=len(self._strings))
        for number, part in enumerate(parts):
            at = layout.FIRST_PART + number * layout.PART_SIZE
            alphabet = self._alphabet(members(part.alphabet))
            fields = (alphabet, part.least, part.most, _number_of((alphabet, number), self._runs))
            record[at : at + layout.PART_SIZE] = _numbers(fields)
        return bytes(record)

    def _alphabet(self, alphabet: Bytes) -> int:
        return _number_of(alphabet, self._alphabets)

    def _floor(self, floor: Floor) -> int:
        return _number_of(floor, self._floors)

    def _held_numbers(self) -> bytes:
        begins = itertools.accumulate(map(len, self._held), initial=len(self._held) + 1)
        numbers = (number for held in self._held for _, number in sorted(held, reverse=True))
        return _numbers([*begins, *numbers])

    def _alphabet_bits(self) -> bytes:
        if len(self._alphabets) > layout.MOST_ALPHABETS:
            raise ValueError(
                f"the rules have {len(self._alphabets)} alphabets; there is room for {layout.MOST_ALPHABETS}"
            )
        if len(self._runs) > layout.MOST_RUNS:
            raise ValueError(f"the rules have {len(self._runs)} kinds of runs; there is room for {layout.MOST_RUNS}")
        numbered = [*enumerate(self._alphabets)]
        bits = (sum((byte in alphabet) << number for number, alphabet in numbered) for byte in range(256))
        return b"".join(each.to_bytes(8, "little") for each in bits)


def sieve_bits(grams: NDArray[Any]) -> NDArray[np.uint64]:
    """Return which bits of the sieve stand for groups of four bytes: the hash chooses a word, the first byte a bit."""
    word = _hashed(grams, layout.SIEVE_MULTIPLIER) >> np.uint64(38 - layout.SIEVE_BITS)
    return word << np.uint64(6) | grams.ravel().astype(np.uint64) & np.uint64(63)


def check_bits(grams: NDArray[Any]) -> NDArray[np.uint64]:
    """Return which bits of the check stand for groups of four bytes."""
    return _hashed(grams, layout.CHECK_MULTIPLIER) >> np.uint64(32 - layout.CHECK_BITS)


def _hashed(grams: NDArray[Any], multiplier: int) -> NDArray[np.uint64]:
    return grams.ravel().astype(np.uint64) * np.uint64(multiplier) & np.uint64(0xFFFFFFFF)


def _comparison(elements: tuple[Bytes, ...]) -> tuple[int, int, int, int, bool]:
    """Return which bits of the first eight bytes to compare, and with what, both by halves, and whether that is all."""
    mask = value = 0
    is_all = len(elements) <= layout.COMPARED
    for place, element in enumerate(elements[: layout.COMPARED]):
        if len(element) == 1 or _is_letter(element):
            mask |= (0xFF if len(element) == 1 else 0xDF) << 8 * place
            value |= min(element) << 8 * place
        else:
            is_all = False
    return mask & 0xFFFFFFFF, mask >> 32, value & 0xFFFFFFFF, value >> 32, is_all


def _is_letter(element: Bytes) -> bool:
    """Return whether an element of a prefix is a letter in either case."""
    return len(element) == 2 and chr(min(element)).isupper() and max(element) == min(element) | 0x20


def _number_of(item: T, items: list[T]) -> int:
    if item not in items:
        items.append(item)
    return items.index(item)


def _numbers(numbers: Iterable[int] | Iterable[Iterable[int]]) -> bytes:
    return np.array([*numbers], "<u4").tobytes()
