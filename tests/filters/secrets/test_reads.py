"""What the compiled kernel reads, counted and checked by its own code run as plain Python."""

import json
import os
import subprocess
import sys

from .made_up import FOUND, NOT_FOUND

COUNT = """
import json, sys
import numpy as np
from aligntax_kernels import intrinsics

TEXT, SCRATCH = 1 << 50, 1 << 51
text, memory, read, tables = b"", bytearray(), 0, None

def place(at, size):
    global read
    at = int(at)
    if at >= SCRATCH:
        at, held = at - SCRATCH, memory
    elif at >= TEXT - 4_096:
        at, held, read = at - TEXT, text, read + 1
    else:
        at, held = at - tables.address, tables_bytes
    assert 0 <= at and at + size <= len(held), (at, size, len(held))
    return held, at

def load(size):
    def loaded(address):
        held, at = place(address, size)
        return np.uint64(int.from_bytes(held[at : at + size], "little"))
    return loaded

def store(address, value):
    held, at = place(address, 8)
    held[at : at + 8] = int(value).to_bytes(8, "little")

def scratch():
    memory[:] = bytes(8 * intrinsics.SCRATCH_WORDS)
    return SCRATCH

intrinsics.load_u8, intrinsics.load_u32, intrinsics.load_u64 = load(1), load(4), load(8)
intrinsics.store_u64, intrinsics.scratch, intrinsics.address_of = store, scratch, lambda data: TEXT
from aligntax_kernels.secrets import cpu, rules, shapes, sieve
sieve._unlikely = lambda condition: condition

np.seterr(over="ignore")
search = cpu.searcher(rules.ALL_RULES)
tables = search.tables
tables_bytes = tables.memory.tobytes()

def searched(data, final):
    global text, read
    text, read, at, hits = data, 0, 0, []
    while (match := int(search(data, at, final))) >= 0:
        start, at, rule = shapes.unpack(match)
        hits.append((start, at))
    return read, hits

print(json.dumps([searched(data.encode(), final) for data, final in json.load(sys.stdin)]))
"""

SHORT = [case for case in FOUND if len(case.text) < 160]
FLOODS = {
    "one part": "eyJ" * 600 + " ",
    "a first part": "eyJ" * 600 + ".x ",
    "two parts": "eyJ" * 300 + "." + "eyJ" * 300 + ".x ",
    "parts of several tokens": "ghs_" * 60 + "." + "eyJ" * 400 + ".x ",
}
MOST_READS_PER_BYTE = 40


def counted(texts):
    """Bytes read of each text, which is the last of its chunks or is not, and where the secrets in it are."""
    finished = subprocess.run(
        [sys.executable, "-c", COUNT],
        input=json.dumps(texts),
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def test_nothing_outside_the_text_the_tables_and_the_scratch_memory_is_read():
    # The reads themselves assert it, where a secret is whole and where the text ends within it.
    texts = [
        (text[: len(text) - cut], final)
        for text in [*(case.text for case in SHORT), *(text[:160] for text in NOT_FOUND.values())]
        for cut in (0, 1, 2, 9, len(text) // 2)
        for final in (True, False)
    ]
    results = counted(texts)
    whole = {text: hits for (text, final), (_, hits) in zip(texts, results, strict=True) if final}
    for case in SHORT:
        assert whole[case.text] == [
            [len(case.before.encode()), len(case.before.encode()) + len(case.secret.encode())]
        ], str(case)


def test_each_part_of_a_token_is_read_once_whatever_the_others_are():
    # Every third byte begins a token whose first and second part are long, and whose third is too short.
    results = counted([(text, True) for text in FLOODS.values()])
    reads = {name: read / len(FLOODS[name]) for name, (read, _) in zip(FLOODS, results, strict=True)}
    assert max(reads.values()) < MOST_READS_PER_BYTE, reads
