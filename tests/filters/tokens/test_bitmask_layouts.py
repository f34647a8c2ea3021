"""apply_bitmask on arrays and tensors of any layout, and on rows that several threads share out."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from aligntax_kernels import tokens

from .masks import BACKENDS, pack


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
