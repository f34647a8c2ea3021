"""TokenBans: every backend against the case table, the reference, and transformers' processor bit for bit."""

import copy
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import NoBadWordsLogitsProcessor

from aligntax_kernels.tokens import TokenBans, automaton

BACKENDS = ("reference", "cpu", "auto")
DTYPES = (torch.float32, torch.float16, torch.bfloat16)


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


def banned_of(logits):
    return set(torch.isneginf(torch.as_tensor(logits)).nonzero().flatten().tolist())


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


@st.composite
def bans_and_rows(draw):
    vocabulary = draw(st.sampled_from([1, 2, 3, 9]))
    token = st.integers(0, vocabulary - 1)
    sequences = draw(st.lists(st.lists(token, min_size=1, max_size=5), min_size=1, max_size=12))
    rows, length = draw(st.integers(1, 4)), draw(st.integers(1, 9))
    read = draw(st.lists(st.lists(token, min_size=length, max_size=length), min_size=rows, max_size=rows))
    seed = draw(st.integers(0, 2**32 - 1))
    logits = torch.randn(rows, vocabulary, generator=torch.Generator().manual_seed(seed))
    return sequences, vocabulary, torch.tensor(read), logits


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


@settings(max_examples=100, deadline=None)
@given(bans_and_rows(), st.data())
def test_a_draft_is_as_many_steps_and_leaves_the_state(arguments, data):
    sequences, vocabulary, drafts, _ = arguments
    rows, length = drafts.shape
    prompt = torch.tensor(data.draw(st.lists(st.integers(0, vocabulary - 1), min_size=rows, max_size=rows)))
    for backend in BACKENDS:
        bans = TokenBans(sequences, vocabulary, backend=backend)
        state = bans.start(rows)
        bans.advance(state, prompt)
        begun = state.copy()
        logits = torch.zeros(rows, length + 1, vocabulary)
        states = bans.draft(logits, state, drafts)
        assert np.array_equal(state, begun)
        for place in range(length + 1):
            expected = torch.zeros(rows, vocabulary)
            if place:
                bans.step(expected, state, drafts[:, place - 1])
            else:
                bans.apply(expected, state)
            assert torch.equal(logits[:, place], expected)
            assert np.array_equal(states[:, place], state)


@pytest.mark.parametrize("backend", BACKENDS)
def test_any_accepted_part_of_a_draft_goes_on_where_it_was_cut(backend):
    bans = TokenBans([[1, 2, 3], [2, 3, 4]], 5, backend=backend)
    drafts = np.array([[1, 2, 0], [1, 2, 0]])
    state = bans.start(2)
    states = bans.draft(np.zeros((2, 4, 5), np.float32), state, drafts)
    accepted = [2, 0]
    state[:] = states[range(2), accepted]
    logits = np.zeros((2, 5), np.float32)
    bans.step(logits, state, np.array([1, 2]))  # as if 1, 2, 1 and 2 had been said
    again = bans.start(2)
    bans.advance(again, np.array([[1, 2, 1], [-1, -1, 2]]))
    assert np.array_equal(state, again)
    assert banned_of(logits[0]) == banned_of(logits[1]) == set()
    bans.step(logits, state, np.array([2, 3]))
    assert banned_of(logits[0]) == {3}
    assert banned_of(logits[1]) == {4}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("layout", ["contiguous", "columns", "transposed", "reversed", "unaligned", "read-only"])
def test_any_layout_of_the_tokens(layout, dtype, backend):
    read = np.array([[1, 2, 1], [2, 1, 2], [0, 2, 1]], dtype)
    given = read
    if layout == "columns":
        given = np.zeros((3, 7), dtype)[:, 1::2]
        given[:] = read
    elif layout == "transposed":
        given = np.asfortranarray(read)
    elif layout == "reversed":
        given = read[::-1, ::-1].copy()[::-1, ::-1]
    elif layout == "unaligned":
        given = np.frombuffer(b"." + read.tobytes(), dtype, offset=1).reshape(read.shape)
        assert not given.flags.aligned
    elif layout == "read-only":
        given = np.frombuffer(read.tobytes(), dtype).reshape(read.shape)
    bans = TokenBans([[2, 1, 0], [1, 2, 2]], 3, backend=backend)
    logits = np.zeros((3, 3), np.float32)
    bans.apply_after(logits, given)
    assert [banned_of(row) for row in logits] == [{0}, {2}, {0}]
    state = np.zeros(6, np.int32)[::2]
    bans.advance(state, given)
    again = bans.start(3)
    bans.advance(again, read)
    assert np.array_equal(state, again)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_apart_and_wider_than_the_vocabulary(dtype, backend):
    bans = TokenBans([[1, 2], [0]], 4, backend=backend)
    output = torch.ones(3, 2, 6, dtype=dtype)
    bans.apply_after(output[:, -1, :], torch.tensor([[1], [2], [1]]))
    assert [banned_of(row) for row in output[:, -1]] == [{0, 2}, {0}, {0, 2}]
    assert (output[:, 0] == 1).all()
    assert (output[:, -1][~torch.isneginf(output[:, -1])] == 1).all()


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


def test_states_and_tokens_of_torch_are_shared_too():
    bans = TokenBans([[1, 2]], 3)
    state = torch.zeros(2, dtype=torch.int32)
    logits = torch.zeros(2, 3)
    bans.step(logits, state, torch.tensor([1, 2]))
    assert [banned_of(row) for row in logits] == [{2}, set()]
    assert state.tolist() == [1, 0]
    bans.apply(logits[1], state[:1])
    assert banned_of(logits[1]) == {2}


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


def test_threads_share_the_bans():
    rng = np.random.default_rng(6)
    sequences = [rng.integers(0, 50, rng.integers(1, 5)).tolist() for _ in range(60)]
    bans = TokenBans(sequences, 50)
    read = torch.from_numpy(rng.integers(0, 50, (32, 40)))
    expected = torch.zeros(32, 50)
    TokenBans(sequences, 50, backend="reference").apply_after(expected, read)
    logits = torch.zeros(32, 50)

    def generate(row):
        state = bans.start(1)
        for place in range(40):
            logits[row] = 0
            bans.step(logits[row], state, read[row, place : place + 1])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(generate, range(32)))
    assert torch.equal(logits, expected)


COMPARE_ALL = """
import numpy as np
from aligntax_kernels.tokens import TokenBans, apply_bitmask

rng = np.random.default_rng(2)
sequences = [rng.integers(0, 6, rng.integers(1, 5)).tolist() for _ in range(9)]
table = [rng.choice(np.frombuffer(b"abc", np.uint8), rng.integers(0, 4)).tobytes() for _ in range(20)]
read = rng.integers(0, 20, (3, 7))
for make in (
    lambda backend: TokenBans(sequences, 20, backend=backend),
    lambda backend: TokenBans.from_bytes([b"abca", b"cc"], table, backend=backend),
):
    found = []
    for backend in ("reference", "cpu"):
        bans, logits = make(backend), np.zeros((3, 20), np.float16)
        state = bans.start(3)
        bans.advance(state, read[:, :5])
        bans.step(logits, state, read[:, 5:])
        found.append((state.tolist(), logits.tolist()))
    assert found[0] == found[1]
    assert np.isneginf(found[0][1]).any()
"""


@pytest.mark.parametrize(("variable", "value"), [("NUMBA_DISABLE_JIT", "1"), ("NUMBA_OPT", "0")])
def test_the_bans_mean_the_same_without_compiler_or_optimiser(variable, value, tmp_path):
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", COMPARE_ALL],
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), variable: value},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert result.returncode == 0, result.stderr


REFUSED = [
    ("no sequence", [3], 5, TypeError, r"sequences\[0\]: got 3; pass a sequence of token ids"),
    ("no integers", [[1.5]], 5, TypeError, r"sequences\[0\]: got \[1.5\]"),
    ("text", ["ab"], 5, TypeError, r"sequences\[0\]: got 'ab'"),
    ("an empty sequence", [[1], []], 5, ValueError, r"sequences\[1\] is empty.*leave it out"),
    ("outside the vocabulary", [[1, 5]], 5, ValueError, r"sequences\[0\] has the token 5, outside.* of 5; leave"),
    ("negative", [[-1]], 5, ValueError, r"sequences\[0\] has the token -1, outside"),
    ("no vocabulary", [], 0, ValueError, "vocab_size is 0; pass the number of tokens"),
    ("too large a vocabulary", [], 2**31, ValueError, "vocab_size is 2147483648"),
    ("half a vocabulary", [], 1.5, TypeError, "vocab_size: got a float"),
]


@pytest.mark.parametrize(
    ("sequences", "size", "error", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_what_cannot_be_banned_is_refused_with_the_mend(sequences, size, error, message):
    with pytest.raises(error, match=message):
        TokenBans(sequences, size)


def test_an_unknown_backend_is_named_where_the_bans_are_made():
    with pytest.raises(ValueError, match="backend 'gpu' is unknown here; use one of 'auto', 'reference', 'cpu'"):
        TokenBans([[1]], 2, backend="gpu")


LOGITS, STATE, READ = np.zeros((2, 4), np.float32), np.zeros(2, np.int32), np.zeros(2, np.int64)
SHARED_STATE = torch.zeros(1, dtype=torch.int32).expand(2).numpy()


def frozen(array):
    array = array.copy()
    array.flags.writeable = False
    return array


BAD_CALLS = [
    ("float64", (LOGITS.astype(float), STATE, READ), TypeError, "logits are float64"),
    ("three axes", (LOGITS[None], STATE, READ), ValueError, r"shape \(1, 2, 4\); expected \(rows, vocabulary\)"),
    ("narrow", (LOGITS[:, :3].copy(), STATE, READ), ValueError, "3 columns, fewer than the vocabulary of 4; make"),
    ("columns apart", (np.zeros((2, 8), np.float32)[:, ::2], STATE, READ), ValueError, "adjacent"),
    ("read-only", (frozen(LOGITS), STATE, READ), ValueError, "read-only"),
    ("int64 state", (LOGITS, READ, READ), TypeError, r"state is of int64; make it with start\(\)"),
    ("a state too few", (LOGITS, STATE[:1], READ), ValueError, r"state has shape \(1,\); expected \(2,\)"),
    ("state of two axes", (LOGITS, STATE[None], READ), ValueError, r"state has shape \(1, 2\)"),
    ("read-only state", (LOGITS, frozen(STATE), READ), ValueError, "state is read-only"),
    ("no state", (LOGITS, [0, 0], READ), TypeError, "state: got a list"),
    (
        "a foreign state",
        (LOGITS, np.array([0, 3], np.int32), READ),
        ValueError,
        r"state\[1\] is 3, and these bans have 3",
    ),
    ("a negative state", (LOGITS, np.array([-1, 0], np.int32), READ), ValueError, r"state\[0\] is -1"),
    ("float tokens", (LOGITS, STATE, READ.astype(float)), TypeError, "tokens are float64; pass token ids"),
    ("a token too few", (LOGITS, STATE, READ[:1]), ValueError, r"tokens have shape \(1,\); expected \(2,\)"),
    ("tokens of three axes", (LOGITS, STATE, READ[None, None]), ValueError, r"tokens have shape \(1, 1, 2\)"),
    ("a list of tokens", (LOGITS, STATE, [0, 0]), TypeError, "tokens: got a list"),
    ("one state for all rows", (LOGITS, SHARED_STATE, READ), ValueError, "state is one number for all rows.*copy"),
    ("None for logits", (None, STATE, READ), TypeError, "logits: got None; pass a numpy array"),
    ("None for the state", (LOGITS, None, READ), TypeError, r"state: got None; make it with start\(\)"),
    ("None for tokens", (LOGITS, STATE, None), TypeError, "tokens: got None; pass"),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("arguments", "error", "message"), [case[1:] for case in BAD_CALLS], ids=[case[0] for case in BAD_CALLS]
)
def test_a_bad_call_is_refused_with_the_mend_and_does_nothing(arguments, error, message, backend):
    bans = TokenBans([[1, 2, 3], [0]], 4, backend=backend)
    before = [np.copy(argument) for argument in arguments]
    with pytest.raises(error, match=message):
        bans.step(*arguments)
    for argument, kept in zip(arguments, before, strict=True):
        assert np.array_equal(argument, kept)


@pytest.mark.parametrize("backend", BACKENDS)
def test_drafts_that_do_not_fit_are_refused(backend):
    bans = TokenBans([[1, 2]], 4, backend=backend)
    drafts = np.zeros((2, 3), np.int64)
    with pytest.raises(ValueError, match=r"\(2, 3, 4\) for drafts of shape \(2, 3\); expected 4 places a row"):
        bans.draft(np.zeros((2, 3, 4), np.float32), bans.start(2), drafts)
    with pytest.raises(ValueError, match=r"expected \(rows, drafts \+ 1, vocabulary\)"):
        bans.draft(np.zeros((2, 4), np.float32), bans.start(2), drafts)


DRAFTED, DRAFTS = np.zeros((2, 3, 4), np.float32), np.zeros((2, 2), np.int64)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("method", "arguments", "name"),
    [
        ("advance", (None, READ), "state"),
        ("advance", (STATE, None), "tokens"),
        ("apply", (None, STATE), "logits"),
        ("apply", (LOGITS, None), "state"),
        ("apply_after", (None, READ), "logits"),
        ("apply_after", (LOGITS, None), "tokens"),
        ("draft", (None, STATE, DRAFTS), "logits"),
        ("draft", (DRAFTED, None, DRAFTS), "state"),
        ("draft", (DRAFTED, STATE, None), "drafts"),
    ],
)
def test_a_state_that_was_not_found_does_not_let_everything_through(method, arguments, name, backend):
    bans = TokenBans([[1, 2], [0]], 4, backend=backend)
    with pytest.raises(TypeError, match=f"{name}: got None"):
        getattr(bans, method)(*arguments)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"rows": -1}, ValueError, "rows=-1 is negative"),
        ({"rows": 1, "drafts": -2}, ValueError, "drafts=-2 is negative"),
        ({"rows": 1.5}, TypeError, "rows: got a float; pass how many"),
        ({"rows": 1, "drafts": "2"}, TypeError, "drafts: got a str; pass how many"),
    ],
)
def test_what_is_no_number_of_rows_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        TokenBans([[1]], 2).start(**options)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("device", [None, "cpu", torch.device("cpu"), "cpu:0"])
def test_states_are_made_for_the_device_of_logits_on_the_cpu(device, backend):
    state = TokenBans([[1]], 2, backend=backend).start(3, device=device)
    assert isinstance(state, np.ndarray)
    assert (state.tolist(), state.dtype) == ([0, 0, 0], np.int32)


def by_pickle(bans):
    return pickle.loads(pickle.dumps(bans))  # noqa: S301 (made here)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, by_pickle])
@pytest.mark.parametrize("backend", BACKENDS)
def test_copies_read_their_own_tables_and_no_memory_that_was_freed(backend, copied):
    for bans in (
        TokenBans([[1, 2], [3]], 5, backend=backend),
        TokenBans.from_bytes([b"bc", b"d"], [b"a", b"b", b"c", b"d", b""], backend=backend),
    ):
        again = copied(bans)
        tables = again._rules.automaton.tables
        assert again._rules.automaton.address == tables.ctypes.data
        assert np.array_equal(tables, bans._rules.automaton.tables)
        assert not tables.flags.writeable
        assert (again.vocab_size, again.longest) == (bans.vocab_size, bans.longest)
        logits = np.zeros((2, 5), np.float32)
        again.apply_after(logits, np.array([[1], [2]]))
        assert [banned_of(row) for row in logits] == [{2, 3}, {3}]


USE_ELSEWHERE = """
import pickle, sys
import numpy as np
logits = np.zeros((1, 5), np.float32)
pickle.load(sys.stdin.buffer).apply_after(logits, np.array([[1]]))
assert np.isneginf(logits).tolist() == [[False, False, True, True, False]]
"""


def test_another_process_reads_tables_of_its_own():
    bans = pickle.dumps(TokenBans([[1, 2], [3]], 5))
    subprocess.run([sys.executable, "-c", USE_ELSEWHERE], input=bans, check=True, timeout=100)


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
