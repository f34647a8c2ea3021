"""How sure a language model is of its next token: entropy, perplexity and nucleus, from its logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aligntax_kernels.arrays import Tensor, shared_values
from aligntax_kernels.backends import Backend, implementation
from aligntax_kernels.devices import OFFERED, backend_for, warm_backends

__all__ = ["Backend", "Statistics", "statistics", "warm"]

_KINDS = ("float32", "float16", "bfloat16")


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the logits of some rows say; each array has the shape of the logits without their last axis.

    Attributes:
        entropy: float64, in nats, from 0 to the logarithm of the vocabulary's size.
        perplexity: float64, e ** entropy: among how many equally likely tokens the choice would be as open.
        largest_probability: float64, of the most likely token.
        nucleus_size: int64, how many of the most likely tokens hold `top_p`; None where none was given.
        nucleus_mass: float64, the probability that they hold together; None where no `top_p` was given.
    """

    entropy: NDArray[np.float64]
    perplexity: NDArray[np.float64]
    largest_probability: NDArray[np.float64]
    nucleus_size: NDArray[np.int64] | None
    nucleus_mass: NDArray[np.float64] | None


def statistics(logits: NDArray[Any] | Tensor, *, top_p: float | None = None, backend: Backend = "auto") -> Statistics:
    """Return entropy, perplexity, largest probability and nucleus of the distribution over the next token.

        for row in rows: p = softmax(row); entropy[row] = -sum(p * log(p)); perplexity[row] = exp(entropy[row])
            descending = sort(p, descending); size[row] = the least k with sum(descending[:k]) >= top_p - 1e-6
            mass[row] = sum(descending[:size[row]])

    Entropy is exact to 1e-6 of itself, but that tokens whose logits lie 86 and more below the largest add nothing to
    it, each of them less than 4e-36 (the reference adds them). Minus infinity is a token that cannot be chosen. Which
    of several equally likely tokens the nucleus would take last changes neither its size nor its mass. `top_p` is met
    to within 1e-6, since logits of 32 bits say no more about sums of probabilities. Logits on a CUDA device are read
    there, and the call waits for the result.

    Args:
        logits: float32, float16 or bfloat16, (rows, vocabulary) or (vocabulary,); a numpy array or a torch tensor.
            Rows that lie apart, as in `logits[:, -1, :]`, are read in place; values that are not adjacent are copied.
        top_p: above 0 and at most 1, the probability that the nucleus is to hold; None for no nucleus, which takes
            the CPU a fifth of the time.
        backend: `"cpu"` is compiled by numba, `"cuda"` too, a block of threads for each row, in one launch on torch's
            current stream; `"reference"` is the oracle in numpy; `"auto"` takes `"cuda"` for a tensor on a CUDA device
            and `"cpu"` else.

    Raises:
        TypeError: where the logits are neither array nor tensor, have another dtype, require grad, or lie elsewhere
            than the backend computes; where `top_p` is no number.
        ValueError: for a row with NaN or plus infinity, or with nothing but minus infinity, which is no distribution;
            for an empty vocabulary, other shapes, `top_p` out of its range, an unknown backend.
        ImportError: for `"cuda"` where no CUDA device can be used; names the install command.

    Source: Shannon, A Mathematical Theory of Communication, 1948, section 6; Holtzman and others, The Curious Case of
    Neural Text Degeneration, ICLR 2020, section 3.1 (nucleus).
    """
    share = _share(top_p)
    backend = backend_for(backend, logits)
    chosen = implementation(__name__, backend, OFFERED)
    values: Any
    if backend == "cuda":
        values, kind = logits, str(getattr(logits, "dtype", type(logits).__name__)).removeprefix("torch.")
    else:
        values, kind = shared_values(logits, "logits")
    if kind not in _KINDS:
        raise TypeError(
            f"logits are {kind}; convert them with .astype(np.float32), or .float() in torch (float16 and bfloat16 are "
            "taken too)"
        )
    shape = tuple(values.shape)
    if len(shape) not in (1, 2) or shape[-1] == 0:
        raise ValueError(f"logits have shape {shape}; expected (rows, vocabulary) or (vocabulary,), with some tokens")
    found, fault = chosen.measure(values[None] if len(shape) == 1 else values, kind, share)
    if fault is not None:
        raise ValueError(
            f"logits: row {fault.row} {fault.reason}, so that it is no distribution; "
            "minus infinity is for tokens that must not be chosen, and one at least must be left"
        )
    columns = found[0] if len(shape) == 1 else found
    size = mass = None
    if top_p is not None:
        size, mass = columns[..., 3].astype(np.int64), columns[..., 4]
    return Statistics(columns[..., 0], columns[..., 1], columns[..., 2], size, mass)


def warm(*, cuda: bool = False) -> float:
    """Compile everything here ahead of the first request, and return how many seconds that took.

    With a filled numba cache that is the time to import numba and load; a second call takes next to nothing.

    Args:
        cuda: also for the current CUDA device.

    Raises:
        ImportError: with `cuda`, where no CUDA device can be used; names the install command.
    """
    return warm_backends(__name__, cuda=cuda)


def _share(top_p: float | None) -> float:
    """Return top_p as a number; 0 for none."""
    if top_p is None:
        return 0.0
    try:
        share = float(top_p)
    except (TypeError, ValueError):
        raise TypeError(f"top_p: got a {type(top_p).__name__}; pass a number, or None for no nucleus") from None
    if not 0 < share <= 1:
        raise ValueError(f"top_p={top_p!r}: expected more than 0 and at most 1; use None for no nucleus")
    return share
