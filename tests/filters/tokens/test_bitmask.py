"""apply_bitmask: every backend against the case table, the reference, and torch's masked_fill bit for bit."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aligntax_kernels import tokens
from aligntax_kernels.tokens import cpu

from .masks import BACKENDS, bits_of, floats, masked_by_torch, pack

QUIET_NAN, NEGATIVE_NAN, SIGNALLING_NAN = 0x7FC12345, 0xFFC54321, 0x7F800001
INFINITY, MINUS_INFINITY, MINUS_ZERO, SUBNORMAL = 0x7F800000, 0xFF800000, 0x80000000, 0x00000001
SPECIAL_BITS = [
    QUIET_NAN,
    NEGATIVE_NAN,
    SIGNALLING_NAN,
    INFINITY,
    MINUS_INFINITY,
    MINUS_ZERO,
    SUBNORMAL,
]


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    logits: list  # bits of float32
    bitmask: list
    expected: list  # bits of float32


ONES = [0x3F800000]
BANNED = [MINUS_INFINITY]
CASES = [
    Case("first token only", [ONES * 3], [[0b001]], [ONES + BANNED * 2]),
    Case("last token only", [ONES * 3], [[0b100]], [BANNED * 2 + ONES]),
    Case("the sign bit of a word is token 31", [ONES * 32], [[-(2**31)]], [BANNED * 31 + ONES]),
    Case("all but token 0", [ONES * 32], [[-2]], [BANNED + ONES * 31]),
    Case("all but token 31", [ONES * 32], [[2**31 - 1]], [ONES * 31 + BANNED]),
    Case("token 32 is the lowest bit of the second word", [ONES * 33], [[0, 1]], [BANNED * 32 + ONES]),
    Case("all allowed", [ONES * 70], [[-1, -1, -1]], [ONES * 70]),
    Case("all banned", [ONES * 70], [[0, 0, 0]], [BANNED * 70]),
    Case("bits past the vocabulary are ignored", [ONES * 33], [[-1, -2]], [ONES * 32 + BANNED]),
    Case("no set bit past the vocabulary is needed", [ONES * 33], [[-1, 1]], [ONES * 33]),
    Case("a row each", [ONES * 2, ONES * 2], [[0b01], [0b10]], [ONES + BANNED, BANNED + ONES]),
    Case("one row for all", [ONES * 2] * 3, [[0b01]], [ONES + BANNED] * 3),
    Case("one row without its axis for all", [ONES * 2] * 3, [0b01], [ONES + BANNED] * 3),
    Case("special values allowed, short of a word", [SPECIAL_BITS], [[-1]], [SPECIAL_BITS]),
    Case(
        "special values allowed, in a mixed word",
        [SPECIAL_BITS + ONES * 25],
        [[2**31 - 1]],
        [SPECIAL_BITS + ONES * 24 + BANNED],
    ),
    Case("special values banned", [SPECIAL_BITS], [[0]], [BANNED * len(SPECIAL_BITS)]),
    Case("special values banned, in a whole word", [SPECIAL_BITS * 5], [[0, 0]], [BANNED * 35]),
    Case("one axis", ONES * 3, [0b101], ONES + BANNED + ONES),
    Case("one axis, words with two", ONES * 3, [[0b101]], ONES + BANNED + ONES),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case_table(case, backend):
    logits = floats(case.logits)
    assert tokens.apply_bitmask(logits, np.array(case.bitmask, np.int32), backend=backend) is None
    assert bits_of(logits) == case.expected


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("rows", "vocabulary", "words"), [(0, 40, (0, 2)), (0, 40, (1, 2)), (3, 0, (3, 0)), (0, 0, (0, 0))]
)
def test_nothing_to_mask_is_no_error(rows, vocabulary, words, backend):
    logits = np.empty((rows, vocabulary), np.float32)
    tokens.apply_bitmask(logits, np.zeros(words, np.int32), backend=backend)
    assert logits.shape == (rows, vocabulary)


@st.composite
def logits_and_bitmask(draw):
    rows, vocabulary = draw(st.integers(1, 4)), draw(st.integers(1, 200))
    width = -(-vocabulary // 32)
    any_bits = st.one_of(st.sampled_from(SPECIAL_BITS), st.integers(0, 2**32 - 1))
    any_word = st.one_of(st.sampled_from([0, -1, 1, -(2**31)]), st.integers(-(2**31), 2**31 - 1))
    bits = draw(arrays(np.uint32, (rows, vocabulary), elements=any_bits))
    bitmask = draw(arrays(np.int32, (draw(st.sampled_from([1, rows])), width), elements=any_word))
    return bits.view(np.float32), bitmask


HALF_SPECIAL_BITS = [0x7E11, 0xFE22, 0x7C01, 0x7C00, 0xFC00, 0x8000, 0x0001, 0x7FC1, 0xFF81, 0x7F80, 0xFF80]


@st.composite
def halves_and_bitmask(draw):
    """Bits that are float16 or bfloat16, and as many words."""
    rows, vocabulary = draw(st.integers(1, 4)), draw(st.integers(1, 200))
    any_bits = st.one_of(st.sampled_from(HALF_SPECIAL_BITS), st.integers(0, 2**16 - 1))
    any_word = st.one_of(st.sampled_from([0, -1, 1, -2, -(2**31)]), st.integers(-(2**31), 2**31 - 1))
    bits = draw(arrays(np.uint16, (rows, vocabulary), elements=any_bits))
    return bits, draw(arrays(np.int32, (draw(st.sampled_from([1, rows])), -(-vocabulary // 32)), elements=any_word))


@settings(max_examples=100, deadline=None)
@given(halves_and_bitmask(), st.sampled_from([torch.float16, torch.bfloat16]))
def test_every_backend_gives_the_bits_of_torch_in_half_precision(arguments, dtype):
    bits, bitmask = arguments
    words = np.broadcast_to(bitmask, (len(bits), bitmask.shape[1]))
    octets = np.ascontiguousarray(words.astype("<i4")).view(np.uint8)
    banned = torch.from_numpy(~np.unpackbits(octets, axis=-1, bitorder="little")[:, : bits.shape[1]].astype(bool))
    logits = torch.from_numpy(bits.view(np.int16).copy()).view(dtype)
    expected = logits.masked_fill(banned, float("-inf")).view(torch.int16)
    for backend in BACKENDS:
        masked = logits.clone()
        tokens.apply_bitmask(masked, torch.from_numpy(bitmask.copy()), backend=backend)
        assert torch.equal(masked.view(torch.int16), expected)
        if dtype is torch.float16:
            array = bits.copy().view(np.float16)
            tokens.apply_bitmask(array, bitmask, backend=backend)
            assert np.array_equal(array.view(np.int16), expected.numpy())


@settings(max_examples=200, deadline=None)
@given(logits_and_bitmask())
def test_every_backend_gives_the_bits_of_torch(arguments):
    logits, bitmask = arguments
    expected = bits_of(masked_by_torch(logits, bitmask))
    for backend in BACKENDS:
        masked, words = logits.copy(), bitmask.copy()
        tokens.apply_bitmask(masked, words, backend=backend)
        assert bits_of(masked) == expected
        assert np.array_equal(words, bitmask)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.9, 1.0])
@pytest.mark.parametrize("vocabulary", [2048, 2047, 2049, 4096 + 33, 5000])
def test_blocks_of_words_sparse_and_dense(vocabulary, share, dtype):
    random = np.random.default_rng(vocabulary)
    allowed = random.random((3, vocabulary)) >= share
    logits = torch.from_numpy(random.standard_normal((3, vocabulary), np.float32)).to(dtype)
    expected = logits.masked_fill(torch.from_numpy(~allowed), float("-inf"))
    tokens.apply_bitmask(logits, torch.from_numpy(pack(allowed)), backend="cpu")
    assert torch.equal(logits, expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_nothing_beside_the_rows_is_written(dtype):
    """Every vocabulary around a word's and a block's end, with a sentinel behind each row."""
    for vocabulary in (*range(1, 67), 2046, 2047, 2048, 2049, 2080):
        outer = torch.ones(3, vocabulary + 1, dtype=dtype)
        tokens.apply_bitmask(outer[:, :vocabulary], torch.zeros(1, -(-vocabulary // 32), dtype=torch.int32))
        assert (outer[:, vocabulary] == 1).all()
        assert torch.isneginf(outer[:, :vocabulary]).all()


@pytest.mark.parametrize("rows", [1, 9])
def test_both_sides_of_the_size_that_releases_the_gil(rows):
    vocabulary = cpu._LONG_RUN_LOGITS // 8 + 5
    random = np.random.default_rng(rows)
    logits = random.integers(0, 2**32, (rows, vocabulary), dtype=np.uint32).view(np.float32)
    bitmask = random.integers(-(2**31), 2**31, (rows, -(-vocabulary // 32)), dtype=np.int32)
    expected = masked_by_torch(logits, bitmask)
    assert (logits.size >= cpu._LONG_RUN_LOGITS) == (rows == 9)
    tokens.apply_bitmask(logits, bitmask, backend="cpu")
    assert np.array_equal(logits.view(np.uint32), expected.view(np.uint32))
