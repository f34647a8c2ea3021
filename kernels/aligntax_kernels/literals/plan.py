"""From a pattern set to what the kernels read, and the choice of the engine: in one place, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aligntax_kernels.literals import sieve
from aligntax_kernels.literals.automaton_tables import Joined, automaton_tables, join
from aligntax_kernels.literals.cpu_build import choose_windows
from aligntax_kernels.literals.frequencies import byte_classes, pair_chances
from aligntax_kernels.literals.patterns import PatternSet
from aligntax_kernels.literals.sieve_tables import Shape, find_grams, sieve_tables, small_table_bits
from aligntax_kernels.literals.words import word_bits

__all__ = ["Plan", "make_plan"]

_GRAM_WIDTHS = (4, 3, 2)
# More patterns behind one gram than this, and a text that repeats it is a flood.
_MOST_LISTED = 16
# Below this share of looks that show a gram, it pays to look at sixteen before asking whether any did.
_QUIET_GRAMS = 0.01

# Nanoseconds of one look, of one gram that occurs in a pattern, and of one pattern compared; and of the automaton, for
# a byte, with tables that fit into a processor's caches and with larger ones. Measured; only their ratios matter.
_LOOK_COST, _GRAM_COST, _COMPARISON_COST = 0.75, 5.0, 15.0
_AUTOMATON_COST, _LARGE_AUTOMATON_COST, _LARGE_BYTES = 0.55, 0.6, 2 * 2**20


@dataclass(frozen=True, slots=True)
class Plan:
    """What a compiled pattern set consists of.

    Attributes:
        stride: of the sieve; None where the automaton does everything.
        reason: why.
        header: uint64: addresses and numbers, as `sieve` lays them out.
        tables: the arrays behind the addresses, kept alive.
    """

    stride: int | None
    reason: str
    header: NDArray[np.uint64]
    tables: tuple[NDArray[Any], ...]


def make_plan(patterns: PatternSet) -> Plan:
    """Return the plan for a pattern set.

    Raises:
        ValueError: if the automaton would take more than a gibibyte.
    """
    header = np.zeros(sieve.HEADER_WORDS, np.uint64)
    joined, twins = join(patterns.needles)
    lower = np.frombuffer(patterns.lower, np.uint8)
    moves, *others = automaton_tables(header, patterns, joined)
    bits = word_bits() if patterns.whole_words else np.zeros(0, np.uint8)
    header[sieve.LOWER] = lower.ctypes.data
    header[sieve.JOINED] = joined.data.ctypes.data
    header[sieve.TWINS] = twins.ctypes.data
    header[sieve.WORDS] = bits.ctypes.data if patterns.whole_words else 0
    kept: tuple[NDArray[Any], ...] = (lower, joined.data, twins, bits, moves, *others)

    shape, reason = _choose(joined, _AUTOMATON_COST if moves.nbytes <= _LARGE_BYTES else _LARGE_AUTOMATON_COST)
    if shape is None:
        return Plan(None, f"automaton: {reason}", header, kept)
    grams = find_grams(joined, shape, patterns.caseless)
    if grams.listed.max() > _MOST_LISTED:
        reason = f"{grams.listed.max():,} patterns share their rarest gram of {shape.width} bytes"
        return Plan(None, f"automaton: {reason}", header, kept)
    header[sieve.QUIET] = shape.grams < _QUIET_GRAMS
    kept += sieve_tables(header, joined, shape, grams, patterns.caseless)
    return Plan(shape.stride, f"sieve: {reason}", header, kept)


def _choose(joined: Joined, automaton_cost: float) -> tuple[Shape | None, str]:
    """Return how the sieve had best look at a text, or None if the automaton is faster, and why."""
    lengths = np.diff(joined.bounds)
    if not len(lengths):
        return None, "there is no pattern"
    shortest = int(lengths.min())
    if shortest < min(_GRAM_WIDTHS):
        return None, "a pattern of one byte leaves no gram to look for"
    shape = min(_shapes(joined, shortest), key=_cost)
    if _cost(shape) > automaton_cost:
        return None, f"a sieve would take {_cost(shape) / automaton_cost:.1f} times as long"
    return shape, (
        f"{len(lengths):,} patterns of {shortest} bytes or more, one look at {shape.width} bytes every {shape.stride}"
    )


def _shapes(joined: Joined, shortest: int) -> list[Shape]:
    found = []
    for width in _GRAM_WIDTHS:
        for stride in sieve.STRIDES:
            if width + stride - 1 > shortest:
                continue
            windows, expected = np.zeros(len(joined.bounds) - 1, np.int64), np.zeros(2)
            choose_windows(joined.data, joined.bounds, width, stride, byte_classes(), pair_chances(), windows, expected)
            grams = len(windows) * stride
            shown = min(1.0, expected[0] + grams / 2 ** small_table_bits(grams))
            found.append(Shape(width, stride, windows, shown, float(expected[1])))
    return found


def _cost(shape: Shape) -> float:
    """Return how long the sieve is expected to take for a byte of ordinary text."""
    return (_LOOK_COST + shape.grams * _GRAM_COST + shape.comparisons * _COMPARISON_COST) / shape.stride
