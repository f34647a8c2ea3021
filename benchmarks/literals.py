"""The literal search against hyperscan and two Aho-Corasick automata: long texts, prompts, batches and floods."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from time import perf_counter_ns
from typing import Any, NamedTuple

import ahocorasick
import ahocorasick_rs
import corpus
import hyperscan
import measure
import result
from measure import Arm
from result import Result, Row

from aligntax_kernels import literals

ROUNDS, QUICK_ROUNDS = 15, 3
SIZES, QUICK_SIZES = (100, 1_000, 10_000), (100,)
TEXT_SIZE, QUICK_TEXT_SIZE = 4_000_000, 200_000
HYPERSCAN, RUST = "hyperscan, literal, caseless", "the best of ahocorasick_rs and pyahocorasick"
DFA = "ahocorasick_rs, DFA"
PROMPTS, REPEATS = 100, 10
FLOODS = 1_000


class Peers(NamedTuple):
    """One set of patterns in every engine.

    Attributes:
        patterns: the set.
        ours: compiled here.
        hyperscan: compiled as literals without regard to case, which nothing it offers beats.
        rust, c: automata on text in lower case, since neither folds it; that is not timed.
    """

    patterns: Sequence[str]
    ours: literals.Literals
    hyperscan: Any
    rust: Any
    c: Any


def run(quick: bool) -> Result:
    """Search the same texts for the same patterns with every engine, in turns."""
    literals.warm()
    size = QUICK_TEXT_SIZE if quick else TEXT_SIZE
    rounds = QUICK_ROUNDS if quick else ROUNDS
    text = corpus.english(size)
    rows: list[Row] = []
    agree = True
    for count in QUICK_SIZES if quick else SIZES:
        for kind, patterns in (
            ("words", corpus.words(count, size)),
            ("phrases of two words", corpus.phrases(count, size)),
            ("random letters", corpus.random_letters(count)),
        ):
            peers = _peers(patterns)
            agree &= _agree(peers, text[:TEXT_SIZE])
            main = kind == "words"
            rows += _long_text(f"4 MB, {count:,} {kind}", peers, text, rounds, with_automata=main)
            if main:
                rows += _prompts(f"{count:,} {kind}", peers, text, rounds)
    flood_rows, floods_agree = _floods(rounds, size)
    more = {"versions": result.versions("hyperscan", "ahocorasick_rs", "pyahocorasick", "numba")}
    return Result([*rows, *flood_rows], agree and floods_agree, more)


def _peers(patterns: Sequence[str]) -> Peers:
    count = len(patterns)
    encoded = [pattern.encode() for pattern in patterns]
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=encoded,
        ids=list(range(count)),
        elements=count,
        flags=[hyperscan.HS_FLAG_CASELESS] * count,
        literal=True,
    )
    rust = ahocorasick_rs.BytesAhoCorasick(encoded, implementation=ahocorasick_rs.Implementation.DFA)
    c = ahocorasick.Automaton()
    for index, pattern in enumerate(patterns):
        c.add_word(pattern, index)
    c.make_automaton()
    return Peers(patterns, literals.compile(patterns, match="overlapping"), database, rust, c)


def _agree(peers: Peers, text: str) -> bool:
    """Return whether all engines find the same pattern at the same place, and something at all."""
    lower = text.lower()
    ours = sorted((end, index) for _, end, index in peers.ours.find(text))
    by_hyperscan: list[tuple[int, int]] = []
    peers.hyperscan.scan(text.encode(), match_event_handler=partial(_note, by_hyperscan))
    by_rust = [(end, index) for index, _, end in peers.rust.find_matches_as_indexes(lower.encode(), overlapping=True)]
    by_c = [(end + 1, index) for end, index in peers.c.iter(lower)]
    return ours == sorted(by_hyperscan) == sorted(by_rust) == sorted(by_c)


def _note(found: list[tuple[int, int]], index: int, _start: int, end: int, *_: object) -> None:
    found.append((end, index))


def _ignore(*_: object) -> None:
    pass


def _once(call: Callable[[], object], unit_ns: float) -> Arm:
    def arm() -> float:
        start_ns = perf_counter_ns()
        call()
        return (perf_counter_ns() - start_ns) / unit_ns

    return arm


def _each(call: Callable[[Any], object], texts: Sequence[str] | Sequence[bytes]) -> Arm:
    """Return an arm of a call for each text, several times over; nanoseconds for each."""

    def arm() -> float:
        start_ns = perf_counter_ns()
        for _ in range(REPEATS):
            for text in texts:
                call(text)
        return (perf_counter_ns() - start_ns) / (REPEATS * len(texts))

    return arm


def _long_text(case: str, peers: Peers, text: str, rounds: int, *, with_automata: bool) -> list[Row]:
    data, lower = text.encode(), text.lower()
    arms = {
        "ours": _once(lambda: peers.ours.find(data), 1e6),
        HYPERSCAN: _once(lambda: peers.hyperscan.scan(data, match_event_handler=_ignore), 1e6),
    }
    if with_automata:
        lower_data = lower.encode()
        arms[DFA] = _once(lambda: peers.rust.find_matches_as_indexes(lower_data, overlapping=True), 1e6)
        arms["pyahocorasick"] = _once(lambda: list(peers.c.iter(lower)), 1e6)
    said = measure.interleave(arms, rounds)
    rates = {name: len(data) / 1e3 / measure.median(values).median for name, values in said.items()}
    more = {"megabytes_per_second": rates, "engine": peers.ours.reason}
    rows = [result.compared(case, said["ours"], HYPERSCAN, said[HYPERSCAN], "ms", 1.3, **more)]
    if with_automata:
        best = min((DFA, "pyahocorasick"), key=lambda name: float(said[name].mean()))
        rows.append(result.compared(case, said["ours"], f"{RUST}: {best}", said[best], "ms", 4, **more))
    return rows


def _prompts(case: str, peers: Peers, text: str, rounds: int) -> list[Row]:
    """Compare single prompts, and a batch of them; none of the prompts holds a pattern."""
    rows = []
    batch = [text[at : at + 200] for at in range(0, 200_000, 200)]
    for size, wanted in ((200, 1 / 1.5), (2_000, 1.0)):
        # Many prompts in turns: a processor learns the branches of one that comes again and again.
        pieces = (text[at : at + size] for at in range(0, len(text) - size, size))
        prompts = list(islice((piece for piece in pieces if not peers.ours.contains(piece)), PROMPTS))
        said = measure.interleave(
            {
                "ours": _each(peers.ours.find, prompts),
                HYPERSCAN: _each(
                    partial(peers.hyperscan.scan, match_event_handler=_ignore), [prompt.encode() for prompt in prompts]
                ),
            },
            rounds,
        )
        name = f"a prompt of {size:,} bytes, {case}"
        rows.append(result.compared(name, said["ours"], HYPERSCAN, said[HYPERSCAN], "ns", wanted))
    encoded = [prompt.encode() for prompt in batch]

    def one_by_one() -> None:
        for data in encoded:
            peers.hyperscan.scan(data, match_event_handler=_ignore)

    said = measure.interleave(
        {"ours": _once(lambda: peers.ours.find_batch(batch), 1e3), HYPERSCAN: _once(one_by_one, 1e3)}, rounds
    )
    name = f"1,000 prompts of 200 bytes in one call, {case}"
    rows.append(result.compared(name, said["ours"], f"{HYPERSCAN}, in a loop", said[HYPERSCAN], "us", 2))
    return rows


def _floods(rounds: int, size: int) -> tuple[list[Row], bool]:
    """Search texts that are made of the patterns' own grams, and hold hardly a pattern."""
    rows = []
    agree = True
    for name, patterns, text in _flood_texts(size):
        peers = _peers(patterns)
        agree &= _agree(peers, text[:200_000])
        data = text.encode()
        said = measure.interleave(
            {
                "ours": _once(partial(peers.ours.find, data), 1e6),
                "twice": _once(partial(peers.ours.find, data + data), 1e6),
                DFA: _once(partial(peers.rust.find_matches_as_indexes, data, overlapping=True), 1e6),
            },
            rounds,
        )
        case = f"flood: {name}, {FLOODS:,} patterns"
        rows.append(result.compared(case, said["ours"], DFA, said[DFA], "ms", 1, engine=peers.ours.reason))
        # Lower is better: how many times as long twice the text takes.
        growth = said["twice"] / said["ours"]
        rows.append(result.limited(f"{case}: twice the text", measure.median(growth), 2.2, "times", 0.01))
    return rows, agree


def _flood_texts(size: int) -> list[tuple[str, Sequence[str], str]]:
    choose = random.Random(6)
    words = corpus.words(FLOODS, size)
    beginnings = " ".join(choose.choice(words)[:-1] + "#" for _ in range(size // 9))[:size]
    run = [("z" * 15 + letter + "z" * choose.randint(10, 20)) for letter in "abcdefghijklmnopqrstuvwxy"]
    stems = [
        f"international{first}{second}" for first in "abcdefghijklmnopqrstuvwxyz" for second in "bcdfghjklmnpqrstvwx"
    ]
    repeated = "international." * (size // 14)
    windows = "".join(choose.choice(words)[1:-1] for _ in range(size // 6))[:size]
    return [
        ("the patterns without their last letters", words, beginnings),
        ("the patterns without their outer letters", words, windows),
        ("one letter, and patterns of it", run, "z" * size),
        ("one stem of many words", stems, repeated),
    ]
