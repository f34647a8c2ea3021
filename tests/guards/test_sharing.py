"""Guards are shared among threads, and cost nothing before they are made."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import aligntax.guards
from aligntax.guards import PII, Blocklist, TokenBan
from aligntax_kernels import linear

HEAVY = ("numba", "onnxruntime", "onnx", "torch", "sklearn", "numpy")


@pytest.mark.parametrize("name", ["pii", "secrets", "blocklist", "linear_classifier", "onnx_classifier"])
def test_threads_may_share_a_guard(guards: dict[str, Any], name: str, github_token: str) -> None:
    guard = guards[name]
    parts = ["jo@example.com", github_token, "a forbidden word", "you awful fool", "größe", "x" * 40]
    texts = [f"{number} {parts[number % len(parts)]}" * (1 + number % 3) for number in range(60)]
    expected = [guard(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        for said in pool.map(lambda _: [guard(text) for text in texts], range(16)):
            assert said == expected


def test_threads_may_have_streams_of_one_guard() -> None:
    guard = PII(stage="stream")
    text = "mail jo@example.com, card 4111 1111 1111 1111, ip 10.0.0.1. " * 5

    def filtered(width: int) -> str:
        stream = guard.stream()
        next(stream)
        chunks = [text[start : start + width] for start in range(0, len(text), width)]
        return "".join(said.text for said in [*map(stream.send, chunks), *stream])

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(filtered, range(1, 33))) == {guard(text).text}


def test_threads_may_share_bans() -> None:
    guard = TokenBan([[1, 2], [5]], 100)

    def banned(rows: int) -> bool:
        state = guard.start(rows)
        logits = np.zeros((rows, 100), np.float32)
        guard(logits, np.ones(rows, np.int64), state)
        return np.flatnonzero(logits[0]).tolist() == [2, 5] and bool((logits == logits[0]).all())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(banned, list(range(1, 30)) * 8))


def loaded_by(program: str) -> str:
    code = f"{program}\nimport sys; print([name for name in {HEAVY} if name in sys.modules])"
    return subprocess.check_output([sys.executable, "-c", code], text=True).strip()


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_by("import aligntax, aligntax.guards; aligntax.guards.Judgement") == "[]"
    assert loaded_by("from aligntax.guards import from_table, FunctionGuard; FunctionGuard(str.upper)('a')") == "[]"


@pytest.mark.parametrize("make", ["Blocklist(['a'])('b')", "PII()('b')", "Secrets()('b')", "TokenBan([[1]], 4)"])
def test_a_guard_on_text_or_tokens_needs_no_model_library(make: str) -> None:
    loaded = loaded_by(f"from aligntax.guards import *; {make}")
    assert "'numba'" in loaded
    assert not any(f"'{name}'" in loaded for name in ("torch", "onnxruntime", "onnx", "sklearn"))


NOTHING_LATE = """
import sys
import numba, numba.core.dispatcher, numpy as np, torch
from aligntax.guards import PII, Secrets, Blocklist, EntropyGate, LinearClassifier, TokenBan

# No two of these share a kernel, but for the lists: none could hide what another one leaves undone.
on_streams = [PII(), Secrets(), Blocklist(["foo", "b\\u00e4r"], fold=True), Blocklist(["foo", "b\\u00e4r"])]
on_texts = [LinearClassifier(sys.argv[1])]
on_logits = [TokenBan([[1]], 8), TokenBan(bitmask=np.ones(1, np.int32)), EntropyGate(1.0)]
sequences = TokenBan([[1, 2]], 8)

def fail(self, signature):
    raise AssertionError(f"{self} was compiled in a request")

numba.core.dispatcher.Dispatcher.compile = fail
try:
    numba.njit("int64(int64)")(lambda number: number)
except AssertionError:
    print("a late compilation would be noticed")

def state():
    loaded = {name for name in sys.modules if name.startswith(("aligntax", "numba"))}
    return loaded, sys.modules["aligntax_kernels.fold.tables"].tables.cache_info().misses

before = state()
for text in ("foo", "B\\u00c4R \\uff46oo a\\u0301\\u200bb", "jo@example.com", "password = 'a1b2c3d4e5'", "\\ud800", ""):
    for guard in on_streams + on_texts:
        guard(text)
    for guard in on_streams:
        stream = guard.stream()
        next(stream)
        [*map(stream.send, text), *stream]
for library in (np, torch):
    for kind in (library.float32, library.float16):
        for rows in (1, 2):
            for guard in on_logits:
                guard(library.zeros((rows, 8), dtype=kind))
            read = library.zeros(rows, dtype=library.int64)
            sequences(library.zeros((rows, 8), dtype=kind), read, sequences.start(rows))
print("late:", sorted(state()[0] - before[0]), state()[1] - before[1])
"""


def test_nothing_is_compiled_loaded_or_built_after_a_guard_was_made(pipeline: Any, tmp_path: Path) -> None:
    linear.load(pipeline).save(tmp_path / "model.npz")
    program = [sys.executable, "-c", NOTHING_LATE, str(tmp_path / "model.npz")]
    assert subprocess.check_output(program, text=True) == "a late compilation would be noticed\nlate: [] 0\n"


def test_the_public_names_are_all_there() -> None:
    for name in aligntax.guards.__all__:
        assert getattr(aligntax.guards, name).__name__ == name
    assert set(aligntax.guards.__all__) <= set(dir(aligntax.guards))
    with pytest.raises(AttributeError, match=r"'aligntax\.guards' has no attribute 'Regex'; its names are PII"):
        aligntax.guards.Regex  # noqa: B018


def test_guards_say_what_they_are(guards: dict[str, Any]) -> None:
    assert repr(guards["pii"]) == "<PII 'pii', stage 'input'>"
    assert "forbidden" not in repr(Blocklist(["forbidden"]))
