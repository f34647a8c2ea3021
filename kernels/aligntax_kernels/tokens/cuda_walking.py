"""The automaton of banned sequences on a CUDA device: the code that runs there.

The same steps as in `walking.py`, in the numbers that a device and the simulator both have: int64.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from aligntax_kernels.cuda_target import cuda, kernel
from aligntax_kernels.tokens import automaton

__all__ = ["NONE", "walk_rows"]

NONE: Final = -1
"""In place of a position in `memory`: there are no states there."""

# Part numbers as globals of this module: device code sees no attributes of another.
_STATES, _LONGEST, _SLOT_MASK, _MOST_PROBES = (
    automaton.STATES,
    automaton.LONGEST,
    automaton.SLOT_MASK,
    automaton.MOST_PROBES,
)
_SLOTS, _FAILURES, _LINKS = automaton.SLOTS, automaton.FAILURES, automaton.LINKS
_RANGES_OF, _RANGES, _FORBIDDEN = automaton.RANGES_OF, automaton.RANGES, automaton.FORBIDDEN
_SPELLED, _SPELLING_OF, _SPELLINGS = automaton.SPELLED, automaton.SPELLING_OF, automaton.SPELLINGS
_SLOT_WORDS, _STATE_FACTOR, _SYMBOL_FACTOR = automaton.SLOT_WORDS, automaton.STATE_FACTOR, automaton.SYMBOL_FACTOR


@cuda.jit(device=True)  # type: ignore[untyped-decorator]
def _next(memory: Any, state: Any, symbol: Any) -> Any:
    slots, failures = np.int64(memory[_SLOTS]), np.int64(memory[_FAILURES])
    slot_mask, most_probes = np.int64(memory[_SLOT_MASK]), np.int64(memory[_MOST_PROBES])
    while True:
        mixed = (state * _STATE_FACTOR) ^ (symbol * _SYMBOL_FACTOR)
        slot = (mixed ^ (mixed >> 31) ^ (mixed >> 15)) & slot_mask
        for _probe in range(most_probes):
            entry = slots + slot * _SLOT_WORDS
            found = np.int64(memory[entry])
            if found < 0:
                break
            if found == state and memory[entry + 1] == symbol:
                return np.int64(memory[entry + 2])
            slot = (slot + 1) & slot_mask
        if state == 0:
            return state
        state = np.int64(memory[failures + state])


@cuda.jit(device=True)  # type: ignore[untyped-decorator]
def _read(memory: Any, state: Any, token: Any) -> Any:
    if token < 0:
        return state
    spelled = np.int64(memory[_SPELLED])
    if spelled == 0:
        return _next(memory, state, token) if token <= 0x7FFFFFFF else np.int64(0)
    if token < spelled:
        ends, spellings = np.int64(memory[_SPELLING_OF]) + token, np.int64(memory[_SPELLINGS])
        for at in range(np.int64(memory[ends]), np.int64(memory[ends + 1])):
            # Four bytes in an int32, the first as the lowest.
            state = _next(memory, state, (np.int64(memory[spellings + (at >> 2)]) >> ((at & 3) * 8)) & 0xFF)
    return state


@cuda.jit(device=True)  # type: ignore[untyped-decorator]
def _length(memory: Any, token: Any) -> Any:
    spelled = np.int64(memory[_SPELLED])
    if token < 0 or (spelled > 0 and token >= spelled):
        return np.int64(0)
    if spelled == 0:
        return np.int64(1)
    ends = np.int64(memory[_SPELLING_OF]) + token
    return np.int64(memory[ends + 1]) - np.int64(memory[ends])


@cuda.jit(device=True)  # type: ignore[untyped-decorator]
def _forbid(memory: Any, state: Any, logits: Any, row: Any, place: Any, minus_infinity: Any) -> None:
    thread, threads = cuda.threadIdx.x, cuda.blockDim.x
    if state < 0 or state >= memory[_STATES]:
        # No state of these bans: a device cannot raise, and must not let everything pass.
        for token in range(thread, logits.shape[2], threads):
            logits[row, place, token] = minus_infinity
        return
    links, ranges_of = np.int64(memory[_LINKS]), np.int64(memory[_RANGES_OF])
    ranges, forbidden = np.int64(memory[_RANGES]), np.int64(memory[_FORBIDDEN])
    while True:
        own = ranges_of + state
        for number in range(np.int64(memory[own]), np.int64(memory[own + 1])):
            pair = ranges + 2 * number
            for at in range(np.int64(memory[pair]) + thread, np.int64(memory[pair + 1]), threads):
                logits[row, place, memory[forbidden + at]] = minus_infinity
        if state == 0:
            return
        state = np.int64(memory[links + state])


@kernel
def walk_rows(
    memory: Any, tokens: Any, logits: Any, length: Any, bans: Any, states_at: Any, drafted_at: Any, minus_infinity: Any
) -> None:
    # A block for a row. Each of its threads follows the state by itself, which costs no more than waiting for one.
    row = cuda.blockIdx.x
    first = np.int64(0)
    state = np.int64(0)
    if states_at >= 0:
        state = np.int64(memory[states_at + row])
    else:
        missing = np.int64(memory[_LONGEST]) - 1
        first = np.int64(length)
        while first > 0 and missing > 0:
            first -= 1
            missing -= _length(memory, np.int64(tokens[row, first]))
    is_sound = 0 <= state < memory[_STATES]
    places = drafted_at + row * (length + 1)
    for at in range(first, length):
        if drafted_at >= 0:
            _forbid(memory, state, logits, row, at, minus_infinity)
            if cuda.threadIdx.x == 0:
                memory[places + at] = state
        if is_sound:
            state = _read(memory, state, np.int64(tokens[row, at]))
    if bans:
        _forbid(memory, state, logits, row, length if drafted_at >= 0 else 0, minus_infinity)
    cuda.syncthreads()  # all have read the old state
    if cuda.threadIdx.x == 0:
        if drafted_at >= 0:
            memory[places + length] = state
        elif states_at >= 0:
            memory[states_at + row] = state
