"""The token filters on a CUDA device: one launch for each call, queued on torch's current stream.

No kernel uses the operations of a warp, so that all of them run under numba's simulator too.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from aligntax_kernels.arrays import is_on_cuda
from aligntax_kernels.cuda_target import IS_SIMULATED, cuda, device_array, kernel, launch
from aligntax_kernels.tokens import automaton
from aligntax_kernels.tokens.cuda_walking import NONE, walk_rows
from aligntax_kernels.tokens.logits import FORMATS, Format, logits_array, require_rows, require_words, require_writable
from aligntax_kernels.tokens.rules import Rules, States

__all__ = ["apply_bitmask", "start", "walk", "warm"]

_THREADS = 32 if IS_SIMULATED else 256  # to the simulator each is a thread of the interpreter
_TOKENS_EACH = 8


@kernel
def _mask(logits: Any, bitmask: Any, minus_infinity: Any) -> None:
    # A thread for a token, not for a word: the threads of a warp share the load of one word, and store side by side.
    row = cuda.blockIdx.x
    words = row if bitmask.shape[0] > 1 else 0
    token = cuda.blockIdx.y * cuda.blockDim.x * _TOKENS_EACH + cuda.threadIdx.x
    for _each in range(_TOKENS_EACH):
        if token < logits.shape[1] and not (bitmask[words, token >> 5] >> (token & 31)) & 1:
            logits[row, token] = minus_infinity
        token += cuda.blockDim.x


def apply_bitmask(logits: Any, bitmask: Any) -> None:
    """Set the logits of banned tokens to minus infinity, in place; see the function of this name in the package."""
    found = _format(logits)
    device_array(bitmask, "bitmask")
    if str(bitmask.dtype).removeprefix("torch.") != "int32":
        raise TypeError(f"bitmask words are {bitmask.dtype}; pack 32 tokens into each int32")
    require_words(tuple(logits.shape), tuple(bitmask.shape))
    _require_same_device(logits, bitmask, "bitmask")
    if 0 in logits.shape:
        return
    rows = logits[None] if logits.ndim == 1 else logits
    words = bitmask[None] if bitmask.ndim == 1 else bitmask
    blocks = (len(rows), -(-rows.shape[1] // (_THREADS * _TOKENS_EACH)))
    values = device_array(rows, "logits", bits=True)
    launch(_mask, blocks, _THREADS, logits, values, device_array(words, "bitmask"), found.minus_infinity)


def start(rules: Rules, rows: int, device: Any, drafts: int) -> States:
    """Return the states of rows that have read nothing, on a device."""
    tables = rules.automaton.tables
    size, more = len(tables), rows * (drafts + 2)
    if IS_SIMULATED:
        memory: Any = np.concatenate([tables, np.zeros(more, np.int32)])
    else:
        torch: Any = import_module("torch")
        memory = torch.zeros(size + more, dtype=torch.int32, device=device or "cuda")
        memory[:size] = torch.tensor(tables, device=memory.device)
    return States(memory, memory[size : size + rows], memory[size + rows :].reshape(rows, drafts + 1), rules)


def walk(rules: Rules, vocab_size: int, state: Any, tokens: Any, logits: Any, is_draft: bool) -> Any:
    """Read tokens row by row and ban what must not follow, in place, in one launch; see `TokenBans`.

    Args:
        rules: what is banned.
        vocab_size: how many tokens there are.
        state: a `States`, or None where it is found from the last of `tokens`.
        tokens: what is read, or None.
        logits: where to ban, or None.
        is_draft: ban at every place of `tokens`, and keep the states at all of them.

    Returns:
        For a draft the states, (rows, length + 1); else None.
    """
    if state is not None and (not isinstance(state, States) or state.rules is not rules):
        raise TypeError(f"state: got a {type(state).__name__}; pass what start() of these bans returned for a device")
    states: Any = state
    memory = _tables(rules, logits) if states is None else states.memory
    rows: Any = None if states is None else len(states.values)
    (read, values), length, minus_infinity = _nothing(None if IS_SIMULATED else memory.device), 0, 0
    if tokens is not None:
        read = _tokens(tokens, rows)
        _require_same_device(memory, read, "tokens")
        rows, length = read.shape
    if logits is not None:
        values, minus_infinity = _places(logits, rows, length + 1 if is_draft else None, vocab_size)
        _require_same_device(memory, values, "logits")
        rows = len(values)
    states_at = drafted_at = NONE
    drafted = None
    if states is not None:
        states_at = len(rules.automaton.tables)
    if is_draft:
        drafted_at, room = states_at + rows, states.drafted.shape[1] - 1
        if length > room:
            raise ValueError(f"drafts of {length} tokens, and room for {room}; ask start() for room for the longest")
        drafted = memory[drafted_at : drafted_at + rows * (length + 1)].reshape(rows, length + 1)
    if rows:
        launch(
            walk_rows,
            rows,
            _THREADS,
            memory,
            device_array(memory, "state"),
            device_array(read, "tokens"),
            device_array(values, "logits", bits=True),
            length,
            logits is not None,
            states_at,
            drafted_at,
            minus_infinity,
        )
    return drafted


def warm() -> None:
    """Compile for the usual layouts on the current device: each type of logit, and token ids as int64."""
    rules = Rules(((0, 0),), None, automaton.of_tokens([(0, 0)]))
    for name, found in FORMATS.items():
        logits, tokens, words = _warm_arrays(name, found)
        apply_bitmask(logits, words)
        states = start(rules, 1, None, 1)
        walk(rules, 1, states, tokens, None, False)
        walk(rules, 1, states, None, logits, False)
        walk(rules, 1, states, tokens, logits, False)
        walk(rules, 1, None, tokens, logits, False)


def _warm_arrays(name: str, found: Format) -> tuple[Any, Any, Any]:
    if IS_SIMULATED:
        kind = np.float32 if found.size == 4 else np.float16
        return np.zeros((1, 32), kind), np.zeros((1, 1), np.int64), np.zeros((1, 1), np.int32)
    torch: Any = import_module("torch")
    logits = torch.zeros((1, 32), dtype=getattr(torch, name), device="cuda")
    return logits, logits.new_zeros((1, 1), dtype=torch.int64), logits.new_zeros((1, 1), dtype=torch.int32)


@cache
def _nothing(device: Any) -> tuple[Any, Any]:
    """Return tokens and logits that are not looked at: the kernel must be given arrays of its types."""
    if IS_SIMULATED:
        return np.zeros((1, 1), np.int64), np.zeros((1, 1, 1), np.float32)
    torch: Any = import_module("torch")
    return torch.zeros((1, 1), dtype=torch.int64, device=device), torch.zeros((1, 1, 1), device=device)


def _tables(rules: Rules, like: Any) -> Any:
    """Return the tables on the device of a tensor, copied there once."""
    if IS_SIMULATED:
        return rules.automaton.tables
    if not is_on_cuda(like):
        device_array(like, "logits", bits=True)  # says what else it is
    device = like.device
    if device not in rules.copies:
        rules.copies[device] = import_module("torch").tensor(rules.automaton.tables, device=device)
    return rules.copies[device]


def _format(logits: Any) -> Format:
    if IS_SIMULATED:
        values, found = logits_array(logits)
        require_writable(values)
        return found
    device_array(logits, "logits", bits=True)  # refuses what is no tensor on a device
    name = str(logits.dtype).removeprefix("torch.")
    if name not in FORMATS:
        raise TypeError(f"logits are {name}; convert them with .float() and use the result")
    size = logits.element_size()
    require_rows(tuple(logits.shape), tuple([step * size for step in logits.stride()]), size)
    return FORMATS[name]


def _places(logits: Any, rows: int | None, places: int | None, vocab_size: int) -> tuple[Any, int]:
    """Return logits as (rows, places, vocabulary), and the bits of minus infinity; `places` is None for just one."""
    found = _format(logits)
    shape = tuple(logits.shape)
    if places is None and logits.ndim in (1, 2):
        logits = logits[None, None] if logits.ndim == 1 else logits[:, None]
        places = 1
    if logits.ndim != 3 or logits.shape[1] != places or rows not in (None, logits.shape[0]):
        wanted = "rows, vocabulary" if places is None else f"{rows}, {places}, vocabulary"
        raise ValueError(f"logits have shape {shape}; expected ({wanted}), a row for each state")
    if logits.shape[2] < vocab_size:
        raise ValueError(
            f"logits have {logits.shape[2]} columns, fewer than the vocabulary of {vocab_size}; "
            "make TokenBans with the width of the model's logits"
        )
    return logits, found.minus_infinity


def _tokens(tokens: Any, rows: int | None) -> Any:
    """Return tokens as (rows, length)."""
    if not hasattr(tokens, "dtype"):
        raise TypeError(f"tokens: got a {type(tokens).__name__}; pass a torch tensor on a CUDA device")
    if str(tokens.dtype).removeprefix("torch.") not in ("int32", "int64"):
        raise TypeError(f"tokens are {tokens.dtype}; pass token ids as int32 or int64")
    if tokens.ndim not in (1, 2) or rows not in (None, tokens.shape[0]):
        wanted = "rows" if rows is None else rows
        raise ValueError(f"tokens have shape {tuple(tokens.shape)}; expected ({wanted},) or ({wanted}, length)")
    return tokens[:, None] if tokens.ndim == 1 else tokens


def _require_same_device(like: Any, value: Any, name: str) -> None:
    if not IS_SIMULATED and like.device != value.device:
        raise TypeError(f"{name}: the tensor is on {value.device}, and the others on {like.device}; move it there")
