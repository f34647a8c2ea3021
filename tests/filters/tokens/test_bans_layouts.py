"""TokenBans on arrays and tensors of any layout: rows apart, columns, unaligned, read-only."""

import numpy as np
import pytest
import torch

from aligntax_kernels.tokens import TokenBans

from .banned import BACKENDS, DTYPES, banned_of


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


def test_states_and_tokens_of_torch_are_shared_too():
    bans = TokenBans([[1, 2]], 3)
    state = torch.zeros(2, dtype=torch.int32)
    logits = torch.zeros(2, 3)
    bans.step(logits, state, torch.tensor([1, 2]))
    assert [banned_of(row) for row in logits] == [{2}, set()]
    assert state.tolist() == [1, 0]
    bans.apply(logits[1], state[:1])
    assert banned_of(logits[1]) == {2}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("device", [None, "cpu", torch.device("cpu"), "cpu:0"])
def test_states_are_made_for_the_device_of_logits_on_the_cpu(device, backend):
    state = TokenBans([[1]], 2, backend=backend).start(3, device=device)
    assert isinstance(state, np.ndarray)
    assert (state.tolist(), state.dtype) == ([0, 0, 0], np.int32)
