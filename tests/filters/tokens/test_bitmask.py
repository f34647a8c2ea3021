"""apply_bitmask: every backend against the case table, the reference, and torch's masked_fill bit for bit."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aligntax_kernels import tokens
from aligntax_kernels.tokens import cpu

BACKENDS = ("reference", "cpu", "auto")

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


def floats(bits):
    return np.array(bits, np.uint32).view(np.float32)


def bits_of(values):
    return np.ascontiguousarray(values).view(np.uint32).tolist()


def pack(allowed):
    """Words of a boolean array, (..., vocabulary), by numpy's own bit packing; the bits past the end are set."""
    allowed = np.asarray(allowed, bool)
    width = -(-allowed.shape[-1] // 32)
    padding = [(0, 0)] * (allowed.ndim - 1) + [(0, width * 32 - allowed.shape[-1])]
    padded = np.pad(allowed, padding, constant_values=True)
    return np.packbits(padded, axis=-1, bitorder="little").view("<i4").astype(np.int32)


def masked_by_torch(logits, bitmask):
    """What torch makes of it, with the words unpacked by numpy."""
    words = np.broadcast_to(np.atleast_2d(bitmask), (logits.shape[0], np.shape(bitmask)[-1]))
    octets = np.ascontiguousarray(words.astype("<i4")).view(np.uint8)
    allowed = np.unpackbits(octets, axis=-1, bitorder="little")[:, : logits.shape[1]].astype(bool)
    return torch.from_numpy(logits.copy()).masked_fill(torch.from_numpy(~allowed), float("-inf")).numpy()


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


@pytest.mark.parametrize("backend", BACKENDS)
def test_rows_that_lie_apart_are_masked_and_nothing_between_them(backend):
    outer = np.full((5, 3, 50), 7, np.float32)
    allowed = np.arange(5 * 40).reshape(5, 40) % 3 == 0
    tokens.apply_bitmask(outer[:, -1, :40], pack(allowed), backend=backend)
    assert np.array_equal(outer[:, -1, :40], np.where(allowed, np.float32(7), -np.inf))
    assert (outer[:, :2] == 7).all()
    assert (outer[:, :, 40:] == 7).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_rows_in_reverse_and_single_row_broadcast(backend):
    logits = np.zeros((4, 40), np.float32)
    allowed = np.arange(40) % 2 == 0
    tokens.apply_bitmask(logits[::-2], pack(allowed), backend=backend)
    expected = np.where(allowed, np.float32(0), -np.inf)
    assert np.array_equal(logits[3], expected)
    assert np.array_equal(logits[1], expected)
    assert (logits[[0, 2]] == 0).all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("layout", ["read-only", "transposed", "broadcast", "unaligned", "sliced"])
def test_any_layout_of_the_bitmask(layout, backend):
    allowed = np.random.default_rng(5).random((3, 70)) < 0.5
    if layout == "broadcast":
        allowed = allowed[[0, 0, 0]]
    words = pack(allowed)
    if layout == "read-only":
        given = np.frombuffer(words.tobytes(), np.int32).reshape(words.shape)
        assert not given.flags.writeable
    elif layout == "transposed":
        given = np.asfortranarray(words)
    elif layout == "broadcast":
        given = np.broadcast_to(words[0], words.shape)
    elif layout == "unaligned":
        given = np.frombuffer(b"." + words.tobytes(), np.int32, offset=1).reshape(words.shape)
        assert not given.flags.aligned
    else:
        given = np.zeros((6, 9), np.int32)[::2, 1:4]
        given[:] = words
    logits = np.zeros(allowed.shape, np.float32)
    tokens.apply_bitmask(logits, given, backend=backend)
    assert np.array_equal(np.isneginf(logits), ~allowed)


@pytest.mark.parametrize("backend", BACKENDS)
def test_torch_tensors_are_masked_in_place(backend):
    allowed = np.arange(3 * 70).reshape(3, 70) % 4 != 1
    logits = torch.zeros(3, 70)
    storage = logits.data_ptr()
    tokens.apply_bitmask(logits, torch.from_numpy(pack(allowed)), backend=backend)
    assert logits.data_ptr() == storage
    assert torch.equal(torch.isneginf(logits), torch.from_numpy(~allowed))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("words", ["a row each", "one row", "one axis", "sliced", "transposed"])
def test_any_bitmask_tensor_on_any_type_of_logits(words, dtype, backend):
    allowed = np.random.default_rng(3).random((3, 70)) < 0.5
    if words in ("one row", "one axis"):
        allowed[:] = allowed[0]
    bitmask = torch.from_numpy(pack(allowed))
    if words == "one row":
        bitmask = bitmask[:1]
    elif words == "one axis":
        bitmask = bitmask[0]
    elif words == "sliced":
        bitmask = torch.cat([bitmask, bitmask], dim=1)[:, : bitmask.shape[1]]
    elif words == "transposed":
        bitmask = bitmask.T.contiguous().T
    logits = torch.zeros(3, 70, dtype=dtype)
    tokens.apply_bitmask(logits, bitmask, backend=backend)
    assert torch.equal(torch.isneginf(logits), torch.from_numpy(~allowed))


def test_threads_mask_rows_of_their_own():
    random = np.random.default_rng(8)
    allowed = random.random((8, 40_000)) < 0.5
    logits = torch.zeros(8, 40_000)
    words = torch.from_numpy(pack(allowed))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda row: tokens.apply_bitmask(logits[row : row + 1], words[row : row + 1]), range(8)))
    assert torch.equal(torch.isneginf(logits), torch.from_numpy(~allowed))


@pytest.mark.parametrize("backend", BACKENDS)
def test_last_position_of_a_torch_model_output_is_masked_in_place(backend):
    allowed = np.arange(2 * 40).reshape(2, 40) % 3 == 0
    with torch.inference_mode():
        output = torch.zeros(2, 4, 40)
        tokens.apply_bitmask(output[:, -1, :], pack(allowed), backend=backend)
    assert torch.equal(torch.isneginf(output[:, -1]), torch.from_numpy(~allowed))
    assert (output[:, :-1] == 0).all()


def read_only_ones():
    frozen = np.ones((2, 40), np.float32)
    frozen.flags.writeable = False
    return frozen


WORDS = np.zeros((2, 2), np.int32)
REJECTED = [
    ("float64", np.ones((2, 40)), WORDS, TypeError, r"float64; convert them with .astype\(np.float32\)"),
    ("swapped bytes", np.ones((2, 40), ">f4"), WORDS, TypeError, ">f4; convert"),
    ("half, swapped bytes", np.ones((2, 40), ">f2"), WORDS, TypeError, ">f2; convert"),
    ("torch float64", torch.ones(2, 40).double(), WORDS, TypeError, "float64; convert"),
    ("torch integers", torch.ones(2, 40).int(), WORDS, TypeError, "int32; convert"),
    ("a subclass of tensors", torch.nn.Parameter(torch.ones(2, 40)), WORDS, TypeError, r"logits\.detach\(\)"),
    (
        "bfloat16 that requires grad",
        torch.ones(2, 40).bfloat16().requires_grad_(),
        WORDS,
        TypeError,
        r"logits\.detach\(\)",
    ),
    ("bfloat16 elsewhere", torch.ones(2, 40, device="meta").bfloat16(), WORDS, TypeError, r"on meta.*\.cpu\(\)"),
    ("bfloat16 sparse", torch.ones(2, 40).bfloat16().to_sparse(), WORDS, TypeError, "bfloat16.*dense copy"),
    ("bfloat16 columns apart", torch.ones(2, 80).bfloat16()[:, ::2], WORDS, ValueError, "adjacent, 2 bytes apart"),
    ("negated view", torch._neg_view(torch.ones(2, 40)), torch.from_numpy(WORDS), TypeError, "dense copy"),
    ("torch requires grad", torch.ones(2, 40, requires_grad=True), WORDS, TypeError, r"logits\.detach\(\)"),
    ("torch elsewhere", torch.ones(2, 40, device="meta"), WORDS, TypeError, r"on meta.*\.cpu\(\)"),
    ("torch sparse", torch.ones(2, 40).to_sparse(), WORDS, TypeError, "dense copy"),
    ("list", [[1.0] * 40] * 2, WORDS, TypeError, "logits: got a list; pass a numpy array"),
    ("no logits", None, WORDS, TypeError, "logits: got a NoneType"),
    ("bitmask list", np.ones((2, 40), np.float32), [[0, 0]] * 2, TypeError, "bitmask: got a list"),
    ("uint32 words", np.ones((2, 40), np.float32), WORDS.view(np.uint32), TypeError, r"uint32.*\.view\(np\.int32\)"),
    ("int64 words", np.ones((2, 40), np.float32), WORDS.astype(np.int64), TypeError, "int64; pack 32 tokens"),
    ("boolean mask", np.ones((2, 40), np.float32), np.ones((2, 40), bool), TypeError, "words are bool; pack"),
    ("numpy scalar", np.float32(1), WORDS, TypeError, "got a float32"),
    ("zero axes", np.ones((), np.float32), WORDS, ValueError, r"shape \(\); expected \(rows, vocabulary\)"),
    ("three axes", np.ones((2, 1, 40), np.float32), WORDS, ValueError, r"shape \(2, 1, 40\); expected"),
    ("too few words", np.ones((2, 65), np.float32), WORDS, ValueError, r"\(2, 2\) does not fit .*\(2, 65\).*\(2, 3\)"),
    ("too many words", np.ones((2, 32), np.float32), WORDS, ValueError, r"\(2, 2\) does not fit .*\(2, 32\).*\(2, 1\)"),
    (
        "too few rows",
        np.ones((3, 40), np.float32),
        WORDS,
        ValueError,
        r"\(2, 2\) does not fit .*\(3, 40\).*one row of 2",
    ),
    ("no mask rows", np.ones((3, 40), np.float32), WORDS[:0], ValueError, r"\(0, 2\) does not fit"),
    ("mask rows for one", np.ones(40, np.float32), WORDS, ValueError, r"\(2, 2\) does not fit .*\(40,\)"),
    ("mask of no axis", np.ones(40, np.float32), np.zeros((), np.int32), ValueError, r"\(\) does not fit"),
    ("mask of three axes", np.ones((2, 40), np.float32), WORDS[None], ValueError, r"\(1, 2, 2\) does not fit"),
    ("read-only", read_only_ones(), WORDS, ValueError, "read-only"),
    ("columns apart", np.ones((2, 80), np.float32)[:, ::2], WORDS, ValueError, "must be adjacent"),
    ("transposed", np.ones((40, 2), np.float32).T, WORDS, ValueError, "must be adjacent"),
    ("one row apart", np.ones(80, np.float32)[::2], WORDS[0], ValueError, "must be adjacent"),
    ("overlapping rows", torch.ones(1, 40).expand(2, 40), WORDS, ValueError, "rows overlap in memory"),
    (
        "unaligned",
        np.frombuffer(bytearray(2 * 40 * 4 + 1), np.float32, offset=1).reshape(2, 40),
        WORDS,
        ValueError,
        "not aligned to 4 bytes",
    ),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("logits", "bitmask", "error", "message"), [case[1:] for case in REJECTED], ids=[case[0] for case in REJECTED]
)
def test_what_cannot_be_masked_is_refused_with_the_mend(logits, bitmask, error, message, backend):
    with pytest.raises(error, match=message):
        tokens.apply_bitmask(logits, bitmask, backend=backend)


def test_refused_logits_are_left_as_they_were():
    logits = np.ones((2, 80), np.float32)
    with pytest.raises(ValueError, match="adjacent"):
        tokens.apply_bitmask(logits[:, ::2], WORDS)
    assert (logits == 1).all()


def test_an_unknown_backend_is_named():
    with pytest.raises(
        ValueError, match="backend 'gpu' is unknown here; use one of 'auto', 'reference', 'cpu', 'cuda'"
    ):
        tokens.apply_bitmask(np.ones(32, np.float32), np.zeros(1, np.int32), backend="gpu")
