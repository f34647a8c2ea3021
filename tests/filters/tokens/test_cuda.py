"""The CUDA kernels against the CPU's, bit for bit: on a real device where there is one, and under numba's simulator.

`tests/filters/test_simulator.py` runs this module once more in a process with NUMBA_ENABLE_CUDASIM=1; without a device
and outside of the simulator there is nothing to run it on.
"""

import os

import numpy as np
import pytest
import torch

from aligntax_kernels import tokens
from aligntax_kernels.tokens import TokenBans

SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"
DEVICE = "cpu" if SIMULATED else "cuda"
DTYPES = (torch.float32, torch.float16, torch.bfloat16)
SPECIAL_BITS = [0x7F800001, 0xFFC54321, 0x7F800000, 0xFF800000, 0x80000000, 1]

pytestmark = pytest.mark.skipif(not SIMULATED and not torch.cuda.is_available(), reason="needs a CUDA device")


def bits(values):
    return values.view(torch.int32 if values.dtype is torch.float32 else torch.int16).cpu()


def random_logits(rng, *shape, dtype):
    raw = rng.integers(0, 2**32, shape, np.uint32)
    raw.ravel()[: len(SPECIAL_BITS)] = SPECIAL_BITS[: raw.size]
    if dtype is torch.float32:
        return torch.from_numpy(raw.view(np.int32)).view(torch.float32)
    return torch.from_numpy(raw.astype(np.uint16).view(np.int16)).view(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("words", ["a row each", "one row", "one axis"])
@pytest.mark.parametrize("vocabulary", [1, 33, 2049])
def test_bitmask(vocabulary, words, dtype):
    rng = np.random.default_rng(vocabulary)
    logits = random_logits(rng, 2, vocabulary, dtype=dtype)
    bitmask = torch.from_numpy(rng.integers(-(2**31), 2**31, (2, -(-vocabulary // 32)), np.int32))
    bitmask = {"a row each": bitmask, "one row": bitmask[:1], "one axis": bitmask[0]}[words]
    expected, masked = logits.clone(), logits.to(DEVICE, copy=True)
    tokens.apply_bitmask(expected, bitmask, backend="cpu")
    tokens.apply_bitmask(masked, bitmask.to(DEVICE), backend="cuda")
    assert torch.equal(bits(masked), bits(expected))


@pytest.mark.parametrize("dtype", DTYPES)
def test_bitmask_on_rows_that_lie_apart_and_on_one_axis(dtype):
    outer = torch.ones(3, 2, 40, dtype=dtype, device=DEVICE)
    bitmask = torch.tensor([[0b1010, 0]] * 3, dtype=torch.int32, device=DEVICE)
    tokens.apply_bitmask(outer[:, -1, :36], bitmask, backend="cuda")
    assert (outer[:, 0] == 1).all()
    assert (outer[:, 1, 36:] == 1).all()
    assert torch.isneginf(outer[:, 1, :36]).sum(dim=1).tolist() == [34] * 3
    tokens.apply_bitmask(outer[0, 0], bitmask[:1], backend="cuda")
    assert torch.isneginf(outer[0, 0]).sum() == 38


def test_bitmask_on_nothing():
    for shape in ((0, 40), (3, 0)):
        logits = torch.zeros(shape, device=DEVICE)
        words = torch.zeros(shape[0], -(-shape[1] // 32), dtype=torch.int32, device=DEVICE)
        tokens.apply_bitmask(logits, words, backend="cuda")
        assert logits.shape == shape


def bans_of(kind, rng, backend):
    if kind == "tokens":
        sequences = [rng.integers(0, 5, rng.integers(1, 5)).tolist() for _ in range(6)]
        return TokenBans(sequences, 8, backend=backend)
    letters = np.frombuffer(b"abc", np.uint8)
    strings = [rng.choice(letters, rng.integers(1, 5)).tobytes() for _ in range(4)]
    table = [rng.choice(letters, rng.integers(0, 4)).tobytes() for _ in range(24)]
    return TokenBans.from_bytes(strings, table, backend=backend)


@pytest.mark.parametrize("kind", ["tokens", "bytes"])
@pytest.mark.parametrize("seed", range(4))
def test_bans(seed, kind):
    rng = np.random.default_rng(seed)
    dtype = DTYPES[seed % 3]
    on_cpu, on_device = (bans_of(kind, np.random.default_rng(seed), backend) for backend in ("cpu", "cuda"))
    width = on_cpu.vocab_size + 3
    read = torch.from_numpy(rng.integers(-1, width, (2, 4)))
    logits = random_logits(rng, 2, width, dtype=dtype)
    drafted = random_logits(rng, 2, 5, width, dtype=dtype)
    found = []
    for bans, device in ((on_cpu, "cpu"), (on_device, DEVICE)):
        given, after, stepped, drafts = read.to(device), *(x.to(device, copy=True) for x in (logits, logits, drafted))
        state = bans.start(2) if bans is on_cpu else bans.start(2, device=device, drafts=4)
        bans.apply_after(after, given)
        states = torch.as_tensor(bans.draft(drafts, state, given)).cpu()
        bans.advance(state, given[:, :2].to(torch.int32))
        bans.step(stepped, state, given[:, 2])
        bans.apply(stepped, state)
        bans.advance(state, given[:, 3])
        last = torch.as_tensor(state if bans is on_cpu else state.values).cpu()
        found.append((bits(after), bits(stepped), bits(drafts), states, last))
    for of_cpu, of_device in zip(*found, strict=True):
        assert torch.equal(of_cpu, of_device)
    assert torch.equal(found[0][3][:, -1], found[0][4])


def test_a_state_that_is_none_bans_everything_in_its_row():
    bans = TokenBans([[1, 2]], 4, backend="cuda")
    state = bans.start(3, device=DEVICE)
    state.values[1], state.values[2] = 9, -1
    logits = torch.zeros(3, 4, device=DEVICE)
    bans.step(logits, state, torch.tensor([1, 1, 1], device=DEVICE))
    assert torch.isneginf(logits).cpu().tolist() == [[False, False, True, False], [True] * 4, [True] * 4]


def test_states_are_reordered_in_place():
    bans = TokenBans([[1, 2], [3, 4]], 5, backend="cuda")
    state = bans.start(2, device=DEVICE)
    bans.advance(state, torch.tensor([1, 3], device=DEVICE))
    state.values[:] = state.values[[1, 1]]
    logits = torch.zeros(2, 5, device=DEVICE)
    bans.apply(logits, state)
    assert torch.isneginf(logits).nonzero().tolist() == [[0, 4], [1, 4]]


LOGITS, READ = torch.zeros(2, 4, device=DEVICE if SIMULATED else "cpu"), torch.zeros(2, dtype=torch.int64)
WORDS = torch.zeros(2, 1, dtype=torch.int32)
BAD_BITMASKS = [
    ("float64", LOGITS.double(), WORDS, TypeError, "float64; convert"),
    ("int64 words", LOGITS, WORDS.long(), TypeError, "words are .*int64; pack"),
    ("too few words", torch.zeros(2, 40), WORDS, ValueError, "does not fit"),
    ("three axes", LOGITS[None], WORDS, ValueError, r"shape \(1, 2, 4\); expected"),
    ("columns apart", torch.zeros(2, 8)[:, ::2], WORDS, ValueError, "adjacent"),
    ("overlapping rows", torch.zeros(1, 4).expand(2, 4), WORDS, ValueError, "overlap"),
    ("requires grad", torch.zeros(2, 4, requires_grad=True), WORDS, TypeError, "detach"),
    ("a list", [[0.0]], WORDS, TypeError, "logits: got a list"),
]


@pytest.mark.parametrize(
    ("logits", "words", "error", "message"), [case[1:] for case in BAD_BITMASKS], ids=[c[0] for c in BAD_BITMASKS]
)
def test_a_bad_bitmask_is_refused(logits, words, error, message):
    if not SIMULATED and isinstance(logits, torch.Tensor):
        moved = logits.detach().to(DEVICE)
        logits = moved.as_strided(logits.shape, logits.stride()) if message == "overlap" else moved
        logits = torch.zeros(2, 8, device=DEVICE)[:, ::2] if message == "adjacent" else logits
        logits = logits.requires_grad_() if message == "detach" else logits
    with pytest.raises(error, match=message):
        tokens.apply_bitmask(logits, words.to(DEVICE), backend="cuda")


@pytest.mark.parametrize(
    ("logits", "read", "error", "message"),
    [
        (torch.zeros(2, 3), READ, ValueError, "3 columns, fewer than the vocabulary of 4"),
        (torch.zeros(3, 4), READ, ValueError, r"shape \(3, 4\); expected"),
        (LOGITS, READ.float(), TypeError, "tokens are .*float32; pass token ids"),
        (LOGITS, READ[:1], ValueError, "tokens have shape"),
        (LOGITS, READ[None, None], ValueError, "tokens have shape"),
        (LOGITS, [0, 0], TypeError, "tokens: got a list"),
        (LOGITS, None, TypeError, "tokens: got None"),
    ],
)
def test_a_bad_step_is_refused(logits, read, error, message):
    bans = TokenBans([[1, 2]], 4, backend="cuda")
    with pytest.raises(error, match=message):
        bans.step(logits.to(DEVICE), bans.start(2, device=DEVICE), getattr(read, "to", lambda _: read)(DEVICE))


def test_what_is_neither_logits_nor_tokens_is_refused_without_a_state_too():
    bans = TokenBans([[1, 2]], 4, backend="cuda")
    with pytest.raises(TypeError, match="logits: got a list"):
        bans.apply_after([[0.0] * 4], READ[:1].to(DEVICE))
    with pytest.raises(ValueError, match=r"tokens have shape \(1, 1, 2\); expected \(rows,\) or \(rows, length\)"):
        bans.apply_after(LOGITS.to(DEVICE), READ[None, None].to(DEVICE))
    with pytest.raises(TypeError, match="state: got None"):
        bans.step(LOGITS.to(DEVICE), None, READ.to(DEVICE))


def test_states_of_other_bans_and_drafts_without_room_are_refused():
    bans, others = (TokenBans([[1, 2]], 4, backend="cuda") for _ in range(2))
    state = bans.start(2, device=DEVICE, drafts=1)
    read = READ.to(DEVICE)
    with pytest.raises(TypeError, match=r"pass what start\(\) of these bans returned"):
        others.advance(state, read)
    with pytest.raises(TypeError, match="got a ndarray"):
        bans.advance(np.zeros(2, np.int32), read)
    with pytest.raises(ValueError, match="drafts of 2 tokens, and room for 1"):
        bans.draft(torch.zeros(2, 3, 4, device=DEVICE), state, torch.zeros(2, 2, dtype=torch.int64, device=DEVICE))


def test_warm_runs_every_kernel():
    assert tokens.warm(cuda=True) > 0


@pytest.mark.skipif(SIMULATED, reason="needs a CUDA device")
def test_tensors_on_a_device_choose_the_kernels_themselves():
    logits = torch.zeros(2, 40, device="cuda")
    tokens.apply_bitmask(logits, torch.zeros(2, 2, dtype=torch.int32, device="cuda"))
    assert torch.isneginf(logits).all()
    bans = TokenBans([[1, 2]], 4)
    logits = torch.zeros(1, 4, device="cuda")
    bans.apply_after(logits, torch.tensor([[1]], device="cuda"))
    assert torch.isneginf(logits).nonzero().tolist() == [[0, 2]]
    state = bans.start(1, device="cuda")
    bans.advance(state, torch.tensor([1], device="cuda"))
    assert state.values.tolist() == [1]
    with pytest.raises(TypeError, match=r"on cpu; move it"):
        bans.apply_after(logits, torch.tensor([[1]]))
    with pytest.raises(TypeError, match=r"on cuda:0, out of the CPU's reach"):
        tokens.apply_bitmask(logits, torch.zeros(1, 1, dtype=torch.int32, device="cuda"), backend="cpu")


@pytest.mark.skipif(SIMULATED, reason="needs a CUDA device")
def test_a_launch_waits_for_the_stream_it_is_called_on_and_for_no_other():
    side = torch.cuda.Stream()
    words = torch.zeros(1, 2, dtype=torch.int32, device="cuda")
    torch.cuda.synchronize()
    with torch.cuda.stream(side):
        torch.cuda._sleep(100_000_000)
        logits = torch.ones(1, 64, device="cuda")
        tokens.apply_bitmask(logits, words)
        assert torch.isneginf(logits).all()
