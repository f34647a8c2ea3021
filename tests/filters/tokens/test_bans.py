"""TokenBans: every backend against the case table, the reference, and transformers' processor bit for bit."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import NoBadWordsLogitsProcessor

from aligntax_kernels.tokens import TokenBans, automaton

from .banned import BACKENDS, DTYPES, banned_of, bans_and_rows


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    sequences: list
    read: list
    banned: set


CASES = [
    Case("nothing is banned", [], [0, 1], set()),
    Case("a single token, before anything is read", [[3]], [], {3}),
    Case("token 0 alone", [[0]], [1], {0}),
    Case("token 0 as the last", [[5, 0]], [5], {0}),
    Case("token 0 as the first", [[0, 5]], [0], {5}),
    Case("token 0 twice", [[0, 0]], [0], {0}),
    Case("the last token of the vocabulary", [[9], [9, 8]], [9], {9, 8}),
    Case("begun", [[1, 2, 3]], [1, 2], {3}),
    Case("begun too early", [[1, 2, 3]], [1, 2, 0], set()),
    Case("not begun at the end", [[1, 2, 3]], [2], set()),
    Case("begun anew", [[1, 2, 3]], [1, 2, 1, 2], {3}),
    Case("its beginning repeats", [[1, 1, 2]], [1, 1, 1], {2}),
    Case("one sequence holds the other", [[2], [1, 2, 3]], [1, 2], {2, 3}),
    Case("one ends as the other begins", [[1, 2, 3], [2, 4]], [1, 2], {3, 4}),
    Case("one inside the other, left by a failure", [[1, 2, 3, 4], [2, 3, 5]], [1, 2, 3], {4, 5}),
    Case("three ends of one text", [[1, 2, 3, 4], [2, 3, 5], [3, 6]], [1, 2, 3], {4, 5, 6}),
    Case("an end without bans between two with", [[1, 2, 3, 4], [2, 3, 7, 7], [3, 6]], [1, 2, 3], {4, 6}),
    Case("many after one", [[1, token] for token in range(10)], [1], set(range(10))),
    Case("given twice", [[1, 2], [1, 2]], [1], {2}),
    Case("a banned sequence was said all the same", [[1, 2], [2, 3]], [1, 2], {3}),
    Case("and begins another", [[1, 1], [1, 1, 1]], [1, 1], {1}),
    Case("longer than what was read", [[1, 2, 3, 4, 5]], [4], set()),
    Case("a token of no sequence", [[1, 2]], [1, 7], set()),
    Case("a token behind the vocabulary", [[1, 2]], [1, 10], set()),
    Case("a token behind 32 bits is not its low bits", [[1, 2]], [2**32 + 1], set()),
    Case("no token between", [[1, 2]], [1, -1], {2}),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case_table(case, backend):
    bans = TokenBans(case.sequences, 10, backend=backend)
    state = bans.start(1)
    bans.advance(state, np.array([case.read], np.int64))
    logits = torch.zeros(10)
    bans.apply(logits, state)
    assert banned_of(logits) == case.banned
    logits = torch.zeros(1, 10)
    bans.apply_after(logits, np.array([case.read], np.int64))
    assert banned_of(logits[0]) == case.banned


@settings(max_examples=300, deadline=None)
@given(bans_and_rows(), st.sampled_from(DTYPES))
def test_every_backend_and_every_call_gives_the_bits_of_transformers(arguments, dtype):
    sequences, vocabulary, read, logits = arguments
    logits = logits.to(dtype)
    expected = NoBadWordsLogitsProcessor(sequences)(read, logits)
    states = []
    for backend in BACKENDS:
        bans = TokenBans(sequences, vocabulary, backend=backend)
        state = bans.start(len(read))
        after, applied, stepped = logits.clone(), logits.clone(), logits.clone()
        bans.apply_after(after, read)
        bans.advance(state, read[:, :-1].contiguous())
        before = state.copy()
        bans.step(stepped, state, read[:, -1])
        bans.apply(applied, state)
        for banned in (after, applied, stepped):
            assert torch.equal(banned, expected)
        states.append((before.tolist(), state.tolist()))
    assert states[0] == states[1] == states[2]


@pytest.mark.parametrize("backend", BACKENDS)
def test_allowed_values_keep_their_bits(backend):
    bits = np.array([[0x7F800001, 0x80000000, 0xFFC54321, 0x7F800000, 1]], np.uint32)
    logits = bits.view(np.float32).copy()
    TokenBans([[4, 2]], 5, backend=backend).apply_after(logits, np.array([[4]]))
    expected = bits.copy()
    expected[0, 2] = 0xFF800000
    assert np.array_equal(logits.view(np.uint32), expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_to_do_is_no_error(backend):
    bans = TokenBans([[1, 2]], 3, backend=backend)
    state = bans.start(0)
    bans.step(np.zeros((0, 3), np.float32), state, np.zeros(0, np.int64))
    assert bans.draft(np.zeros((0, 1, 3), np.float32), state, np.zeros((0, 0), np.int64)).shape == (0, 1)
    state = bans.start(2)
    bans.advance(state, np.zeros((2, 0), np.int64))
    assert state.tolist() == [0, 0]
    logits = np.zeros((2, 3), np.float32)
    bans.apply_after(logits, np.zeros((2, 0), np.int64))
    assert not logits.any()


def test_many_long_sequences_with_one_beginning():
    """Memory and work stay linear where every end of a text is the beginning of a banned sequence."""
    rng = np.random.default_rng(4)
    shared = [7] * 200
    sequences = [[*shared[: rng.integers(200)], token] for token in range(8, 3_000)]
    bans = TokenBans(sequences, 3_000)
    assert bans.longest <= 200
    assert bans._rules.automaton.tables.size < 12 * (200 + len(sequences))
    logits = torch.zeros(1, 3_000)
    bans.apply_after(logits, torch.full((1, 500), 7))
    assert banned_of(logits[0]) == set(range(8, 3_000))
    logits = torch.zeros(1, 3_000)
    bans.apply_after(logits, torch.tensor([[7] * 500 + [8]]))
    assert banned_of(logits[0]) == {sequence[0] for sequence in sequences if len(sequence) == 1}


@pytest.mark.parametrize("backend", BACKENDS)
def test_sequences_chosen_to_collide_take_no_more_memory_than_they_are_long(backend):
    tokens = np.arange(1 << 24, dtype=np.int64)
    mixed = tokens * automaton.SYMBOL_FACTOR  # what is added to a state of 0
    slots = mixed ^ (mixed >> 31) ^ (mixed >> 15)
    colliding = tokens[slots & 0xFFFF == 7][:200].tolist()
    assert len({automaton.slot_of(0, token, 0xFFFF) for token in colliding}) == 1
    bans = TokenBans([[token, 1 + place] for place, token in enumerate(colliding)], 1 << 24, backend=backend)
    tables = bans._rules.automaton.tables
    assert tables.size < 4 * 32 * len(colliding) + 10 * len(colliding)
    state = bans.start(3)
    bans.advance(state, np.array([colliding[0], colliding[-1], 5]))
    assert len(set(state.tolist())) == 3
    assert state[2] == 0


def test_random_sequences_are_found_in_a_few_steps():
    rng = np.random.default_rng(3)
    table = automaton.of_tokens(rng.integers(0, 128_000, (2_000, 4)).tolist()).tables
    assert table[automaton.MOST_PROBES] <= 8
    assert table[automaton.SLOT_MASK] < 32 * 6_000
