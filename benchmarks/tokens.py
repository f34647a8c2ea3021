"""What token filters cost a decoding step: bitmasks against xgrammar, bans against transformers.

Vocabulary of 128,000. What is banned is drawn at random, and so are the sequences, of one to four tokens; a third of
the rows end in the beginning of one. torch has as many threads as transformers' processor is fastest with. Where there
is a CUDA device, the same once more on it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle, repeat
from time import perf_counter_ns
from typing import Any, NamedTuple

import measure
import numpy as np
import result
import torch
import xgrammar
from measure import Arm, own_code
from result import Result, Row
from transformers import NoBadWordsLogitsProcessor as TheirBadWords
from transformers import SuppressTokensLogitsProcessor as TheirSuppression

from aligntax_kernels import tokens
from aligntax_kernels.tokens.transformers import NoBadWordsLogitsProcessor, SuppressTokensLogitsProcessor

VOCABULARY = 128_000
BATCHES, SHARES = (1, 64), (0.01, 0.5)
ROWS, SEQUENCES, SUPPRESSED, LENGTH = 16, 500, 1_000, 256
COLD_BATCHES = 6  # of 32 MB each, more than a cache holds
MASK_WANTED, BANS_WANTED = 2, 50
ROUNDS, QUICK_ROUNDS = 31, 3
ROUND_NS, QUICK_ROUND_NS = 10e6, 3e6
PROBES = 5


class Comparison(NamedTuple):
    """One case, and who computes it.

    Attributes:
        case: what is measured.
        ours: our function, to be called without arguments.
        peers: the others' functions by name, each with the speedup to reach, or None for orientation.
        agree: whether all have computed the same.
    """

    case: str
    ours: Callable[[], object]
    peers: dict[str, tuple[Callable[[], object], float | None]]
    agree: bool


def run(quick: bool) -> Result:
    """Check that all compute the same, then measure each case with its peers in turns."""
    torch.manual_seed(0)
    warm_seconds = tokens.warm()
    threads = _set_threads()
    with torch.inference_mode(), measure.frozen_heap():
        comparisons = [
            *_masks("cpu", torch.float32, MASK_WANTED),
            _mask_in_memory(),
            *_masks("cpu", torch.bfloat16, None),
            *_bans("cpu"),
        ]
        rows = [row for comparison in comparisons for row in _measured(comparison, quick, _called)]
        device = "no CUDA device was there, so that nothing was measured on one"
        if torch.cuda.is_available():
            tokens.warm(cuda=True)
            on_device = [*_masks("cuda", torch.float32, 1), *_masks("cuda", torch.bfloat16, 1), *_bans("cuda")]
            rows += [row for comparison in on_device for row in _measured(comparison, quick, _launched)]
            comparisons += on_device
            device = torch.cuda.get_device_name()
    more = {
        "versions": result.versions("xgrammar", "transformers", "torch", "numba"),
        "torch_threads": threads,
        "warm_seconds": warm_seconds,
        "cuda": device,
    }
    return Result(rows, all(comparison.agree for comparison in comparisons), more)


def _masks(device: str, dtype: torch.dtype, wanted: float | None) -> list[Comparison]:
    return [_mask(rows, share, device, dtype, wanted) for rows in BATCHES for share in SHARES]


def _mask(rows: int, share: float, device: str, dtype: torch.dtype, wanted: float | None) -> Comparison:
    banned = torch.from_numpy(np.random.default_rng(rows).random((rows, VOCABULARY)) < share)
    packed = np.packbits(~banned.numpy(), axis=-1, bitorder="little").view(np.int32)
    words, banned = torch.from_numpy(packed).to(device), banned.to(device)
    logits = torch.randn(rows, VOCABULARY).to(device, dtype)
    expected = logits.masked_fill(banned, float("-inf"))
    ours, theirs, filled = (logits.clone() for _ in range(3))

    def masked() -> None:
        tokens.apply_bitmask(ours, words)

    def by_xgrammar() -> None:
        xgrammar.apply_token_bitmask_inplace(theirs, words)

    def by_torch() -> None:
        filled.masked_fill_(banned, float("-inf"))

    for function in (masked, by_xgrammar, by_torch):
        function()
    name = str(dtype).removeprefix("torch.")
    return Comparison(
        f"mask, {device}, {name}, {rows} row{'s' * (rows > 1)}, {share:.0%} banned",
        masked,
        {"xgrammar": (by_xgrammar, wanted), "torch masked_fill_ by a mask of bool": (by_torch, None)},
        all(torch.equal(found, expected) for found in (ours, theirs, filled)),
    )


def _mask_in_memory() -> Comparison:
    """As the sparsest mask of many rows, on logits that were last touched too long ago to be in a cache."""
    rows, share = BATCHES[-1], SHARES[0]
    banned = np.random.default_rng(rows).random((rows, VOCABULARY)) < share
    words = torch.from_numpy(np.packbits(~banned, axis=-1, bitorder="little").view(np.int32))
    batches = [torch.zeros(rows, VOCABULARY) for _ in range(COLD_BATCHES)]
    ours, theirs = cycle(batches), cycle(batches)

    def masked() -> None:
        tokens.apply_bitmask(next(ours), words)

    def by_xgrammar() -> None:
        xgrammar.apply_token_bitmask_inplace(next(theirs), words)

    case = f"mask, cpu, float32, {rows} rows, {share:.0%} banned, logits in no cache"
    agree = True
    for function in (masked, by_xgrammar):
        for batch in batches:
            batch.zero_()
            function()
        agree &= all(torch.equal(torch.isneginf(batch), torch.from_numpy(banned)) for batch in batches)
    return Comparison(case, masked, {"xgrammar": (by_xgrammar, None)}, agree)


def _bans(device: str) -> list[Comparison]:
    rng = np.random.default_rng(7)
    sequences = [rng.integers(0, VOCABULARY, rng.integers(1, 5)).tolist() for _ in range(SEQUENCES)]
    read = torch.from_numpy(rng.integers(0, VOCABULARY, (ROWS, LENGTH)))
    for row in range(0, ROWS, 3):
        beginning = max(sequences[row : row + 9], key=len)[:-1]
        read[row, LENGTH - len(beginning) :] = torch.tensor(beginning)
    read = read.to(device)
    suppressed = rng.choice(VOCABULARY, SUPPRESSED, replace=False).tolist()
    scores = torch.randn(ROWS, VOCABULARY).to(device)
    words = f"{SEQUENCES} sequences on {ROWS} rows, {device}"
    single = f"{SUPPRESSED:,} single tokens on {ROWS} rows, {device}"
    bans = tokens.TokenBans(sequences, VOCABULARY)
    state = bans.start(ROWS) if device == "cpu" else bans.start(ROWS, device=device)
    stepped, last = scores.clone(), read[:, -1].contiguous()
    bans.advance(state, read[:, :-1])
    standing = state if device == "cpu" else state.values
    before = standing + 0

    def step() -> torch.Tensor:
        standing[:] = before  # or else the rows would not be at the beginnings of sequences after the first call
        bans.step(stepped, state, last)
        return stepped

    theirs = TheirBadWords(sequences)
    suppression = TheirSuppression(suppressed, device=device)
    return [
        _processors(
            f"bans, {words}: processor with in_place=True",
            _call(NoBadWordsLogitsProcessor(sequences, in_place=True), read, scores.clone()),
            ("NoBadWordsLogitsProcessor", _call(theirs, read, scores)),
            BANS_WANTED if device == "cpu" else None,
        ),
        _processors(
            f"bans, {words}: processor that copies the scores",
            _call(NoBadWordsLogitsProcessor(sequences), read, scores),
            ("NoBadWordsLogitsProcessor", _call(theirs, read, scores)),
            None,
            {"a copy of the scores alone, torch": (scores.clone, None)},
        ),
        _processors(
            f"bans, {words}: TokenBans.step with a state, in place",
            step,
            ("NoBadWordsLogitsProcessor", _call(theirs, read, scores)),
            None,
        ),
        _processors(
            f"bans, {single}: processor with in_place=True",
            _call(SuppressTokensLogitsProcessor(suppressed, in_place=True), read, scores.clone()),
            ("SuppressTokensLogitsProcessor", _call(suppression, read, scores)),
            None,
        ),
        _processors(
            f"bans, {single}: processor that copies the scores",
            _call(SuppressTokensLogitsProcessor(suppressed), read, scores),
            ("SuppressTokensLogitsProcessor", _call(suppression, read, scores)),
            None,
        ),
    ]


def _call(processor: Callable[..., torch.Tensor], read: torch.Tensor, scores: torch.Tensor) -> Callable[[], Any]:
    return lambda: processor(read, scores)


def _processors(
    case: str,
    ours: Callable[[], torch.Tensor],
    peer: tuple[str, Callable[[], torch.Tensor]],
    wanted: float | None,
    others: dict[str, tuple[Callable[[], object], float | None]] | None = None,
) -> Comparison:
    name, theirs = peer
    agree = torch.equal(ours(), theirs())
    return Comparison(case, ours, {f"transformers {name}": (theirs, wanted), **(others or {})}, agree)


def _measured(comparison: Comparison, quick: bool, timed: Callable[..., Arm]) -> list[Row]:
    functions = {"ours": comparison.ours, **{name: function for name, (function, _) in comparison.peers.items()}}
    arms = {}
    for name, function in functions.items():
        once_ns = _once(function, PROBES) * 1e3
        arms[name] = timed(function, max(1, int((QUICK_ROUND_NS if quick else ROUND_NS) / once_ns)))
    said = measure.interleave(arms, QUICK_ROUNDS if quick else ROUNDS)
    return [
        result.compared(comparison.case, said["ours"], name, said[name], "us", wanted)
        for name, (_, wanted) in comparison.peers.items()
    ]


def _set_threads() -> int:
    """Give torch all threads or one, whichever is faster, and return how many.

    Two threads wait for each other, which on a machine with other work to do takes longer than what they share.
    """
    processor = TheirBadWords([[token, token + 1] for token in range(SEQUENCES)])
    call = _call(processor, torch.zeros((ROWS, LENGTH), dtype=torch.int64), torch.zeros(ROWS, VOCABULARY))
    found = []
    for threads in (torch.get_num_threads(), 1):
        torch.set_num_threads(threads)
        batch = _called(call, 1)
        # Not the median: where another program wants a core, some calls take ten times as long as the others.
        found.append((float(np.quantile([batch() for _ in range(10 * PROBES)], 0.9)), threads))
    _, best = min(found)
    torch.set_num_threads(best)
    return best


def _once(function: Callable[[], object], calls: int) -> float:
    """Return the median of a few single calls, in us."""
    batch = _called(function, 1)
    return float(np.median([batch() for _ in range(calls)]))


def _called(function: Callable[[], object], calls: int) -> Arm:
    @own_code
    def batch() -> float:
        start_ns = perf_counter_ns()
        for _ in repeat(None, calls):
            function()
        return (perf_counter_ns() - start_ns) / calls / 1e3

    return batch


def _launched(function: Callable[[], object], calls: int) -> Arm:
    """As `_called`, until the device has done it all: launches overlap, so that the slower of host and device shows."""

    @own_code
    def batch() -> float:
        torch.cuda.synchronize()
        start_ns = perf_counter_ns()
        for _ in repeat(None, calls):
            function()
        torch.cuda.synchronize()
        return (perf_counter_ns() - start_ns) / calls / 1e3

    return batch
