"""Where things lie in the packed rules: numbers that the kernel has compiled in.

numba's cache does not see this file change: after a change, remove the __pycache__ folders of the package.

    header        where the sections below begin, and a few numbers
    sieve         a bit for each hash of four bytes: set for the grams of all prefixes
    check         the same, smaller, with another hash
    alphabets     for each byte, which alphabets have it, as bits
    index         for each word of the sieve, where its numbers of selectors begin
    numbers, selectors      what may be meant by four bytes whose bit is in that word
    prefixes, elements, rules, strings, texts, terms, floors      what is then compared, and how
    held          for each byte, where in this list the numbers begin of the prefixes that begin with it and must not be
                  released before they are decided, those that reach farthest first; and behind those of the last byte,
                  NOTHING_YET, of the prefixes that have a lead, which comes before anything of the prefix does

All numbers are uint32, but for the words of the sieve and the alphabets, which are uint64.
"""

from __future__ import annotations

from aligntax_kernels.secrets.shapes import (
    ANY_HEX,
    BLANK,
    NAME,
    NO_END,
    NO_VALUE,
    QUOTE,
    QUOTE_PREFIX,
    SIGN,
    SUFFIX_BEGIN,
    TOUCHING,
    WORD,
)

SIEVE_BITS, SIEVE_MULTIPLIER = 20, 0x7B921C53
"""Odd; of 2,000 drawn at random, the one with which the sieve stops least in prose, manuals and programs: at 8 of 1,000
positions, where the golden ratio's stops at 13, and 5 do hold a gram."""
CHECK_BITS, CHECK_MULTIPLIER = 16, 0x9E3779B1
"""The golden ratio."""

# The header.
NUMBERS, SELECTORS, PREFIXES, ELEMENTS, RULES, STRINGS, TEXTS, TERMS, FLOORS, HELD = range(0, 40, 4)
LOOK_BEHIND, LOOK_AHEAD, TAIL = range(40, 52, 4)
SIEVE = 128
CHECK = SIEVE + (1 << SIEVE_BITS) // 8
ALPHABETS = CHECK + (1 << CHECK_BITS) // 8
INDEX_OF_WORDS = ALPHABETS + 8 * 256

NOTHING_YET = 256

# A selector: the first eight bytes of its prefix and which bits of them count, both uint64; the prefix, and where in it
# the four bytes stand, plus one; whether the eight bytes are all there is to compare.
MASK, VALUE, PREFIX, DELTA, IS_ALL, SELECTOR_SIZE = 0, 8, 16, 20, 24, 32
COMPARED = 8

# A prefix; reach is how many bytes must be there before a scan is sure to notice it, 0 where it may be released.
RULE, FIRST, LENGTH, REACH, PREFIX_SIZE = range(0, 20, 4)

# An element of a prefix is a byte, or one of these plus a letter in lower case, plus an alphabet.
FOLDED, ALPHABET = 256, 512

# A rule: its own index, what it is, and then as in shapes.py; alphabets, floors and strings by number.
INDEX, KIND, BOUNDARY, LEAD, PARTS, LAST_ONLY, SEPARATOR, END, FLOOR, HEX_FLOOR = range(0, 40, 4)
NEEDS, FIRST_STRING, LAST_STRING, MOST, FIRST_PART = 40, 48, 52, 56, 60
PART_SIZE, LEAST_OF, MOST_OF, RUN_OF = 16, 4, 8, 12
"""A part: its alphabet, how many bytes, and which of the remembered runs is its own."""
RULE_SIZE = FIRST_PART + 4 * PART_SIZE
TOKEN, ASSIGNMENT, BLOCK = range(3)
CUT, RUN_ENDS, WORD_ENDS, AT_FOLLOWS = range(4)

STRING_SIZE = 8
"""A string: offset among the texts, length. Those of a block: end, dashes, kinds. Those of others: placeholders."""

# The alphabets that the kernel names come first, in this order.
KNOWN = (TOUCHING, WORD, NAME, ANY_HEX, SUFFIX_BEGIN, BLANK, SIGN, QUOTE, QUOTE_PREFIX, NO_VALUE, NO_END, "[nrt]")
IN_TOUCHING, IN_WORD, IN_NAME, IN_HEX, IN_SUFFIX, IN_BLANK, IN_SIGN, IN_QUOTE, IN_QUOTE_PREFIX = range(9)
IN_NO_VALUE, IN_NO_END, IN_ESCAPE = range(9, 12)
MOST_ALPHABETS = MOST_RUNS = 64
