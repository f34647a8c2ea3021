"""What the entropy and the nucleus of a row of logits cost: against torch, on one thread for both.

Torch computes the entropy in the best of several ways, chosen by trial, and the nucleus as samplers do, by sorting; in
inference mode and float32. Two threads and torch.compile are there for orientation: a server has other work for its
threads, and compiles models, not guards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter_ns
from typing import Any, NamedTuple

import measure
import numpy as np
import result
import scipy.special
import scipy.stats
import torch
from measure import Arm, own_code
from result import Result, Row

from aligntax_kernels import entropy

VOCABULARY = 128_000
ROWS = (1, 64)
TOP_P = 0.9
ROUNDS, QUICK_ROUNDS = 21, 2
# Torch sorts 64 rows for a second.
SLOW_ROUNDS, QUICK_SLOW_ROUNDS = 7, 1
TRIALS = 3
OURS_TOLERANCE, TORCH_TOLERANCE = 1e-6, 1e-3

Logits = torch.Tensor
Function = Callable[[Logits], Logits]
Answer = tuple[Any, Any]


class Case(NamedTuple):
    """Logits, what ours does with them, and what torch does: name of the peer to function and threads."""

    name: str
    rows: int
    ours: Callable[[], Answer]
    theirs: Mapping[str, tuple[Callable[[], Answer], int, float | None]]


def run(quick: bool) -> Result:
    """Check that all agree with each other and with SciPy in float64, then time them in turns."""
    warm_up_seconds = entropy.warm()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            logits = {rows: _logits(rows) for rows in ROWS}
            best = {rows: _best(tensor, 1 if quick else TRIALS) for rows, tensor in logits.items()}
            halves = f"entropy, {_spelled(1)} in bfloat16"
            flat = f"entropy and top-p {TOP_P}, {_spelled(1)} that are all likely"
            cases = [
                *(_entropy_case(f"entropy, {_spelled(rows)}", logits[rows], best[rows], quick) for rows in ROWS),
                _entropy_case(halves, logits[1].bfloat16(), best[1], quick),
                *(
                    _nucleus_case(f"entropy and top-p {TOP_P}, {_spelled(rows)}", logits[rows], best[rows])
                    for rows in ROWS
                ),
                _nucleus_case(flat, logits[1] / 4, best[1]),
            ]
            agree = all([*map(_agrees, cases), *map(_agrees_with_scipy, logits.values())])
            rows = [row for case in cases for row in _rows(case, quick)]
    finally:
        torch.set_num_threads(threads)
    versions = result.versions("torch", "numpy", "scipy", "numba")
    return Result(rows, agree, {"versions": versions, "warm_up_seconds": warm_up_seconds})


def _spelled(rows: int) -> str:
    return f"{rows} {'row' if rows == 1 else 'rows'} of {VOCABULARY:,}"


def _logits(rows: int) -> Logits:
    """Return logits of which a few stand out, as a language model's do."""
    generator = torch.Generator().manual_seed(rows)
    logits = torch.randn(rows, VOCABULARY, generator=generator) * 2
    return logits + 10 * (torch.rand(rows, VOCABULARY, generator=generator) < 0.001)


def by_log_softmax(logits: Logits) -> Logits:
    """Entropy as torch.distributions has it, without its checks."""
    logarithms = torch.log_softmax(logits, -1)
    return -(logarithms.exp() * logarithms).sum(-1)


def by_dot(logits: Logits) -> Logits:
    """The same, multiplied and summed in one step."""
    logarithms = torch.log_softmax(logits, -1)
    return -torch.linalg.vecdot(logarithms.exp(), logarithms)


def by_sums(logits: Logits) -> Logits:
    """The logarithm of the sum of masses, and the mean depth below the largest logit: the fewest passes."""
    depths = logits - logits.amax(-1, keepdim=True)
    masses = depths.exp()
    total = masses.sum(-1)
    return total.log() - torch.linalg.vecdot(masses, depths) / total


def by_entr(logits: Logits) -> Logits:
    """The function that torch has for -p log p."""
    return torch.special.entr(torch.softmax(logits, -1)).sum(-1)


def row_by_row(function: Function) -> Function:
    """One row after another, so that what lies between the passes stays in the cache."""

    def rows(logits: Logits) -> Logits:
        return torch.stack([function(row) for row in logits])

    rows.__name__ = f"{function.__name__}, row by row"
    return rows


def by_categorical(logits: Logits) -> Logits:
    """Entropy as its users call it."""
    return torch.distributions.Categorical(logits=logits, validate_args=False).entropy()


def by_sorting(logits: Logits) -> Logits:
    """The size of the nucleus as samplers compute it: sort, softmax, cumulative sum."""
    held = torch.softmax(torch.sort(logits, dim=-1, descending=True).values, -1).cumsum(-1)
    return (held < TOP_P).sum(-1) + 1


EXPRESSIONS: Sequence[Function] = (by_log_softmax, by_dot, by_sums, by_entr)


def _best(logits: Logits, trials: int) -> Function:
    """Return the expression that takes the least time for these logits."""
    candidates = [*EXPRESSIONS, *map(row_by_row, EXPRESSIONS)] if len(logits) > 1 else EXPRESSIONS
    return min(candidates, key=lambda function: min(_seconds(lambda: function(logits)) for _ in range(trials)))


def _seconds(call: Callable[[], Any]) -> float:
    start_ns = perf_counter_ns()
    call()
    return (perf_counter_ns() - start_ns) / 1e9


def _entropy_case(name: str, logits: Logits, best: Function, quick: bool) -> Case:
    def by(function: Function) -> Callable[[], Answer]:
        return lambda: (function(logits.float()), None)  # no copy of what is float32 already

    theirs: dict[str, tuple[Callable[[], Answer], int, float | None]] = {
        "torch Categorical(logits).entropy()": (by(by_categorical), 1, 1),
        f"torch, best expression ({best.__name__})": (by(best), 1, 1),
    }
    if logits.dtype is torch.float32 and not quick:  # the C++ compiler alone takes seconds
        theirs["torch, the same with 2 threads"] = (by(best), 2, None)
        theirs["torch.compile(by_sums)"] = (by(torch.compile(by_sums, dynamic=False)), 1, None)
    return Case(name, len(logits), lambda: (entropy.statistics(logits).entropy, None), theirs)


def _nucleus_case(name: str, logits: Logits, best: Function) -> Case:
    def ours() -> Answer:
        found = entropy.statistics(logits, top_p=TOP_P)
        return found.entropy, found.nucleus_size

    peer = f"torch, {best.__name__}; sort, softmax, cumsum"
    return Case(name, len(logits), ours, {peer: (lambda: (best(logits), by_sorting(logits)), 1, 1)})


def _agrees(case: Case) -> bool:
    ours, size = case.ours()
    agree = True
    for call, _, _ in case.theirs.values():
        theirs, their_size = (None if answer is None else answer.double().numpy() for answer in call())
        agree &= bool(np.allclose(ours, theirs, rtol=TORCH_TOLERANCE))
        agree &= size is None or bool(np.allclose(size, their_size, rtol=TORCH_TOLERANCE, atol=1))
    return agree


def _agrees_with_scipy(logits: Logits) -> bool:
    exact = scipy.stats.entropy(scipy.special.softmax(logits.double().numpy(), axis=-1), axis=-1)
    return bool(np.allclose(entropy.statistics(logits).entropy, exact, rtol=OURS_TOLERANCE))


def _rows(case: Case, quick: bool) -> list[Row]:
    is_slow = case.rows > 1 and "top-p" in case.name
    rounds = (QUICK_SLOW_ROUNDS if quick else SLOW_ROUNDS) if is_slow else (QUICK_ROUNDS if quick else ROUNDS)
    calls = 1 if case.rows > 1 else 3 if "top-p" in case.name else 10
    arms: dict[str, Arm] = {"ours": _arm(case.ours, calls, 1)}
    arms |= {name: _arm(call, calls, threads) for name, (call, threads, _) in case.theirs.items()}
    said = measure.interleave(arms, rounds)
    return [
        result.compared(case.name, said["ours"], name, said[name], "us", wanted)
        for name, (_, _, wanted) in case.theirs.items()
    ]


def _arm(call: Callable[[], Answer], calls: int, threads: int) -> Arm:
    @own_code
    def batch() -> float:
        torch.set_num_threads(threads)
        start_ns = perf_counter_ns()
        for _ in range(calls):
            call()
        elapsed_ns = perf_counter_ns() - start_ns
        torch.set_num_threads(1)
        return elapsed_ns / calls / 1e3

    return batch
