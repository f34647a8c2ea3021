"""TokenBans mean the same in other threads, in copies, in other processes, and however they were compiled."""

import copy
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from aligntax_kernels.tokens import TokenBans

from .banned import BACKENDS, banned_of


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
