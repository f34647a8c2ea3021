"""What the compiled kernel reads: bytes of the text, numbers of the packed rules, and runs of an alphabet.

Addresses and positions are int64 all over: numba makes a float of an int64 plus a uint64.
"""

from __future__ import annotations

from numba import types

from aligntax_kernels.compilation import kernel
from aligntax_kernels.intrinsics import load_u8, load_u32, load_u64, store_u64
from aligntax_kernels.secrets import layout

INT, FLAG = types.int64, types.boolean
_UNSIGNED = types.uint64

COUNTS = 16 * layout.MOST_RUNS
"""Where in the scratch memory the counts of bytes begin, 2 KiB, behind the last runs, 1 KiB."""


@kernel(INT(INT))
def byte(address: int) -> int:
    return INT(load_u8(_UNSIGNED(address)))


@kernel(INT(INT))
def number(address: int) -> int:
    return INT(load_u32(_UNSIGNED(address)))


@kernel(INT(INT))
def word(address: int) -> int:
    return INT(load_u64(_UNSIGNED(address)))


@kernel(types.void(INT, INT))
def put(address: int, value: int) -> None:
    store_u64(_UNSIGNED(address), _UNSIGNED(value))


@kernel(INT(INT, INT))
def alphabets(tables: int, character: int) -> int:
    """Return the alphabets that a byte is in, as bits."""
    return word(tables + layout.ALPHABETS + 8 * character)


@kernel(FLAG(INT, INT, INT))
def is_in(tables: int, character: int, alphabet: int) -> bool:
    return (alphabets(tables, character) >> alphabet) & 1 == 1


@kernel(INT(INT, INT, INT, INT, INT, INT))
def run(tables: int, scratch: int, text: int, at: int, stop: int, part: int) -> int:
    """Return where a run of the alphabet of a part that begins at `at` ends, `stop` at the latest.

    The last run of an alphabet is remembered as far as it has been read: in a long run with a prefix every few bytes,
    which all have to see how far it goes, each byte is read once. The first parts of all rules have one memory for each
    alphabet, their second parts another, and so on: with one for all, a long first and a long second part would put
    each other out of it.
    """
    alphabet = number(part)
    slot = scratch + 16 * number(part + layout.RUN_OF)
    begin, reached = word(slot), word(slot + 8)
    is_known = begin <= at <= reached
    end = reached if is_known else at
    while end < stop and is_in(tables, byte(text + end), alphabet):
        end += 1
    put(slot, begin if is_known else at)
    put(slot + 8, end)
    return min(end, stop)


@kernel(FLAG(INT, INT, INT))
def is_same(one: int, other: int, length: int) -> bool:
    at = 0
    while at < length and byte(one + at) == byte(other + at):
        at += 1
    return at == length


@kernel(FLAG(INT, INT, INT, INT))
def is_text(tables: int, string: int, address: int, room: int) -> bool:
    """Return whether one of the strings of the rules stands at an address, from which `room` bytes may be read."""
    record = tables + number(tables + layout.STRINGS) + layout.STRING_SIZE * string
    wanted = tables + number(tables + layout.TEXTS) + number(record)
    length = number(record + 4)
    return length <= room and is_same(address, wanted, length)


@kernel(INT(INT, INT))
def length_of(tables: int, string: int) -> int:
    return number(tables + number(tables + layout.STRINGS) + layout.STRING_SIZE * string + 4)
