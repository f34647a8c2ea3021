"""The automaton of banned sequences on the CPU, compiled when this module is imported."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from aligntax_kernels.compilation import direct, kernel
from aligntax_kernels.intrinsics import load_u8, load_u32, load_u64
from aligntax_kernels.tokens import automaton
from aligntax_kernels.tokens.lanes import store_u16, store_u32

__all__ = ["walk_rows"]

# A signed constant would make numba compute in float64.
_0, _1, _2, _4, _8, _15, _31 = (np.uint64(number) for number in (0, 1, 2, 4, 8, 15, 31))
_SLOT_BYTES = np.uint64(4 * automaton.SLOT_WORDS)
_FREE = np.uint64(0xFFFFFFFF)
_LARGEST_SYMBOL = np.uint64(0x7FFFFFFF)
_STATE_FACTOR, _SYMBOL_FACTOR = np.uint64(automaton.STATE_FACTOR), np.uint64(automaton.SYMBOL_FACTOR)
(
    _STATES,
    _LONGEST,
    _SLOT_MASK,
    _MOST_PROBES,
    _SLOTS,
    _FAILURES,
    _LINKS,
    _RANGES_OF,
    _RANGES,
    _FORBIDDEN,
    _SPELLED,
    _SPELLING_OF,
    _SPELLINGS,
) = (np.uint64(4 * position) for position in range(automaton.HEADER))


@kernel(types.uint64(types.uint64, types.uint64))
def _part(tables: Any, name: Any) -> Any:
    return tables + (np.uint64(load_u32(tables + name)) << _2)


@kernel(types.uint64(types.uint64, types.uint64, types.uint64))
def _next(tables: Any, state: Any, symbol: Any) -> Any:
    slots, failures = _part(tables, _SLOTS), _part(tables, _FAILURES)
    slot_mask, most_probes = np.uint64(load_u32(tables + _SLOT_MASK)), np.uint64(load_u32(tables + _MOST_PROBES))
    while True:
        mixed = (state * _STATE_FACTOR) ^ (symbol * _SYMBOL_FACTOR)
        slot = (mixed ^ (mixed >> _31) ^ (mixed >> _15)) & slot_mask
        for _probe in range(most_probes):
            entry = slots + slot * _SLOT_BYTES
            found = np.uint64(load_u32(entry))
            if found == _FREE:
                break
            if found == state and np.uint64(load_u32(entry + _4)) == symbol:
                return np.uint64(load_u32(entry + _8))
            slot = (slot + _1) & slot_mask
        if state == _0:
            return _0
        state = np.uint64(load_u32(failures + (state << _2)))


@kernel(types.uint64(types.uint64, types.uint64, types.int64))
def _read(tables: Any, state: Any, token: Any) -> Any:
    if token < 0:
        return state
    symbol = np.uint64(token)
    spelled = np.uint64(load_u32(tables + _SPELLED))
    if spelled == _0:
        return _next(tables, state, symbol) if symbol <= _LARGEST_SYMBOL else _0
    if symbol < spelled:
        ends = _part(tables, _SPELLING_OF) + (symbol << _2)
        spellings = _part(tables, _SPELLINGS)
        for at in range(np.uint64(load_u32(ends)), np.uint64(load_u32(ends + _4))):
            state = _next(tables, state, np.uint64(load_u8(spellings + at)))
    return state


@kernel(types.int64(types.uint64, types.int64))
def _length(tables: Any, token: Any) -> Any:
    """Return how many symbols a token has."""
    spelled = np.int64(load_u32(tables + _SPELLED))
    if token < 0:
        return 0
    if spelled == 0:
        return 1
    if token >= spelled:
        return 0
    ends = _part(tables, _SPELLING_OF) + (np.uint64(token) << _2)
    return np.int64(load_u32(ends + _4)) - np.int64(load_u32(ends))


@kernel(types.void(types.uint64, types.uint64, types.uint64, types.uint64, types.uint64))
def _forbid(tables: Any, state: Any, logits: Any, shift: Any, minus_infinity: Any) -> None:
    links, ranges_of = _part(tables, _LINKS), _part(tables, _RANGES_OF)
    ranges, forbidden = _part(tables, _RANGES), _part(tables, _FORBIDDEN)
    while True:
        own = ranges_of + (state << _2)
        for number in range(np.uint64(load_u32(own)), np.uint64(load_u32(own + _4))):
            pair = ranges + (number << np.uint64(3))
            for at in range(np.uint64(load_u32(pair)), np.uint64(load_u32(pair + _4))):
                token = np.uint64(load_u32(forbidden + (at << _2)))
                if shift == _2:
                    store_u32(logits + (token << _2), minus_infinity)
                else:
                    store_u16(logits + (token << _1), minus_infinity)
        if state == _0:
            return
        state = np.uint64(load_u32(links + (state << _2)))


@kernel(types.int64(types.uint64, types.uint64))
def _token(address: Any, size: Any) -> Any:
    return np.int64(np.int32(load_u32(address))) if size == _4 else np.int64(load_u64(address))


@kernel(types.int64(types.uint64, types.uint64, types.uint64, types.int64, types.uint64))
def _first_needed(tables: Any, tokens: Any, length: Any, step: Any, size: Any) -> Any:
    """Return from which token on a row must be read, to know its state as if it had been read from the beginning."""
    missing = np.int64(load_u32(tables + _LONGEST)) - 1
    at = np.int64(length)
    while at > 0 and missing > 0:
        at -= 1
        missing -= _length(tables, _token(tokens + np.uint64(at * step), size))
    return at


@kernel(
    types.int64(
        *[types.uint64] * 4,
        types.int64,
        types.uint64,
        *[types.int64] * 2,
        *[types.uint64] * 3,
        *[types.int64] * 2,
        *[types.uint64] * 2,
    )
)
def _walk(
    tables: Any,
    rows: Any,
    states: Any,
    state: Any,
    state_step: Any,
    tokens: Any,
    tokens_step: Any,
    token_step: Any,
    token_size: Any,
    length: Any,
    logits: Any,
    logits_step: Any,
    position_step: Any,
    shift: Any,
    minus_infinity: Any,
) -> Any:
    if state != _0:
        for row in range(rows):
            if np.uint64(load_u32(state + np.uint64(np.int64(row) * state_step))) >= np.uint64(
                load_u32(tables + _STATES)
            ):
                return np.int64(row)
    for row in range(rows):
        own = state + np.uint64(np.int64(row) * state_step)
        read = tokens + np.uint64(np.int64(row) * tokens_step)
        values = logits + np.uint64(np.int64(row) * logits_step)
        if state != _0:
            at, first = np.uint64(load_u32(own)), np.int64(0)
        else:
            at, first = _0, _first_needed(tables, read, length, token_step, token_size)
        for number in range(first, np.int64(length)):
            if states != _0:
                store_u32(states, at)
                states += _4
                if logits != _0:
                    _forbid(tables, at, values, shift, minus_infinity)
                    values += np.uint64(position_step)
            at = _read(tables, at, _token(read + np.uint64(number * token_step), token_size))
        if states != _0:
            store_u32(states, at)
            states += _4
        elif state != _0:
            store_u32(own, at)
        if logits != _0:
            _forbid(tables, at, values, shift, minus_infinity)
    return np.int64(-1)


walk_rows = direct(_walk)
