"""Work is linear in the text: bytes read are counted, by the compiled version's own code run as plain Python."""

import json
import os
import subprocess
import sys

import pytest

from aligntax_kernels import pii

COUNT = """
import json, sys
import numpy as np
from aligntax_kernels import intrinsics

text, read = b"", 0

def load(size):
    def load(at):
        global read
        read += 1
        # Of bytes objects the terminating NUL may be read, and nothing beyond it.
        assert 0 <= at and at + size <= len(text) + 1, (at, size, len(text))
        value = int.from_bytes((text + b"\\0")[at : at + size], "little")
        return np.uint64(value) if size == 8 else value
    return load

intrinsics.load_u8, intrinsics.load_u64, intrinsics.address_of = load(1), load(8), lambda data: 0
from aligntax_kernels.pii.compiled import text as reading
reading._trailing_zeros = lambda value: (int(value) & -int(value)).bit_length() - 1
from aligntax_kernels.pii import cpu, grammar

np.seterr(over="ignore")
pairs, options = json.load(sys.stdin)

def searched(data):
    global text, read
    text, read, at, hits = data, 0, 0, 0
    while True:
        packed = cpu.next_hit(data, at, options)
        if packed == grammar.NOTHING or packed > grammar.PAUSED >> 1 and packed < 0:
            return read, hits
        hits += packed >= 0
        at = grammar.unpack(packed).end if packed >= 0 else packed - grammar.PAUSED

print(json.dumps([[searched(text.encode()) for text in pair] for pair in pairs]))
"""

UNITS = [
    "letters only and so on ", "1", "1-", "1 ", "1 1-", "1.", "1.1.1.1@", "@", "a@", "a@a.", "a@b.com", "a.", ":",
    "a:", "::1",
    "1:", "ab:1.1.1.1.", "+1", "+", "(1)", "(1", "1)", "(415) ", "12 34 56 78 ", "0171 ", "tel 12345 ",
    "order 0171-123 ",
    "DE89 ", "GB82WEST", "4111 ", "1.1.1.1 ", "10.0.0.1-", "123-45-6789-", "ext. 1 ", "é1", "漢1", "\u00a01",
    "2013–1", "._%",
    "0 ", "00", "1/1/", "1 - 1 - ",
]  # fmt: skip
SIZE = 600
MOST_READS_PER_BYTE = 400


VALUES = [
    "john.doe@example.com", "x@xn--p1ai.xn--p1ai", "müller@exämple.de", "+44 (0)20\u00a07946 0958",
    "415-555-2671 ext. 12",
    "8 (800) 123\u201345\u201167", "4111 1111 1111 1111 111", "GB82\u202fWEST 1234 5698 7654 32", "::ffff:1.2.3.4",
    "1:2:3::4.",
    "tel 0171 / 1234567", "123-45-6789°", "a@b.1.2.3.4", "10.0.0.1é",
]  # fmt: skip


@pytest.fixture(scope="module")
def counted():
    """What searching each text, and the same twice as long, took: bytes read and hits; then every cut of each value."""
    pairs = [[unit * (SIZE * times // len(unit)) for times in (1, 2)] for unit in UNITS]
    pairs += [[value[:end] for end in range(len(value) + 1)] for value in VALUES]
    finished = subprocess.run(
        [sys.executable, "-c", COUNT],
        input=json.dumps([pairs, pii._EVERYTHING]),
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


@pytest.fixture(scope="module")
def counts(counted):
    return dict(zip(UNITS, counted[: len(UNITS)], strict=True))


@pytest.mark.parametrize("unit", UNITS)
def test_twice_the_text_is_twice_the_work(unit, counts):
    (once, hits), (twice, _) = counts[unit]
    assert twice <= 2.1 * once + 400
    assert once <= MOST_READS_PER_BYTE * SIZE
    text = unit * (SIZE // len(unit))
    assert hits == len(pii.find(text)) == len(pii.find(text, backend="reference"))


def test_text_without_digits_and_signs_is_read_eight_bytes_at_a_time(counts):
    (reads, hits), _ = counts["letters only and so on "]
    assert hits == 0
    assert reads < SIZE / 8 + 10


def test_nothing_beyond_the_end_of_the_text_is_read(counted):
    # The reads themselves assert it; here is only made sure that they have happened, and found what is there.
    for value, cuts in zip(VALUES, counted[len(UNITS) :], strict=True):
        assert len(cuts) == len(value) + 1
        assert cuts[-1][0] > 0
        assert [hits for _, hits in cuts] == [len(pii.find(value[:end])) for end in range(len(value) + 1)]


@pytest.mark.parametrize("unit", ["1", "1-", "a@", "@@@@", "::::", "1.1.1.1.1", "1 ", "漢1"])
def test_ten_megabytes_without_an_end_of_line_are_searched(unit):
    data = (unit * (10_000_000 // len(unit))).encode()
    assert pii.find(data) == []
    assert pii.find(data + b" a@b.com")[-1] == (len(data) + 1, len(data) + 8, "email", 0.95)
