"""The literal search against hyperscan and two Aho-Corasick automata: long texts, prompts, batches and floods.

A prompt is a str for all, which hyperscan's users encode themselves; a long text is bytes for all. Hyperscan is given
its handler by position: by keyword, a call on a short prompt takes it half as long again.
"""

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
from measure import Arm, own_code
from result import Result, Row

from aligntax_kernels import literals

ROUNDS, QUICK_ROUNDS = 15, 3
SIZES, QUICK_SIZES = (100, 1_000, 10_000), (100,)
TEXT_SIZE, QUICK_TEXT_SIZE = 4_000_000, 200_000
HYPERSCAN, RUST = "hyperscan, literal, caseless", "the best of ahocorasick_rs and pyahocorasick"
DFA, PYAHOCORASICK = "ahocorasick_rs, DFA", "pyahocorasick"
PROMPT_SIZE, PROMPTS, REPEATS, BATCH = 200, 100, 10, 1_000
PLANTED = 100
"""How many patterns are put into what the answers are compared on: some texts hold none of themselves."""
FLOOD_WORDS = 1_000


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
            agree &= _agree(peers, text)
            main = kind == "words"
            rows += _long_text(f"{size / 1e6:g} MB, {count:,} {kind}", peers, text, rounds, with_automata=main)
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
    """Return whether all find the same in a text with patterns in it, and in pieces of it, alone and together."""
    text = f"{text} {' '.join(islice(peers.patterns, PLANTED)).upper()}"
    lower = text.lower()
    ours = _ends(peers.ours.find(text))
    by_rust = [(end, index) for index, _, end in peers.rust.find_matches_as_indexes(lower.encode(), overlapping=True)]
    by_c = [(end + 1, index) for end, index in peers.c.iter(lower)]
    # The last ones, where the patterns are.
    pieces = [text[at : at + PROMPT_SIZE] for at in range(0, len(text), PROMPT_SIZE)][-PROMPTS:]
    batch = peers.ours.find_batch(pieces)
    return (
        bool(ours)
        and ours == _found_by_hyperscan(peers, text) == sorted(by_rust) == sorted(by_c)
        and batch == [peers.ours.find(piece) for piece in pieces]
        and [_ends(hits) for hits in batch] == [_found_by_hyperscan(peers, piece) for piece in pieces]
    )


def _ends(hits: Sequence[tuple[int, int, int]]) -> list[tuple[int, int]]:
    return sorted((end, index) for _, end, index in hits)


def _found_by_hyperscan(peers: Peers, text: str) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    peers.hyperscan.scan(text.encode(), partial(_note, found))
    return sorted(found)


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


def _each(find: Callable[[str], object], prompts: Sequence[str]) -> Arm:
    """Return an arm of a call of ours for each prompt, several times over; nanoseconds for each."""

    @own_code
    def arm() -> float:
        start_ns = perf_counter_ns()
        for _ in range(REPEATS):
            for prompt in prompts:
                find(prompt)
        return (perf_counter_ns() - start_ns) / (REPEATS * len(prompts))

    return arm


def _each_by_hyperscan(scan: Callable[..., object], prompts: Sequence[str], repeats: int = REPEATS) -> Arm:
    """Return the same of hyperscan, called as directly."""

    @own_code
    def arm() -> float:
        start_ns = perf_counter_ns()
        for _ in range(repeats):
            for prompt in prompts:
                scan(prompt.encode(), _ignore)
        return (perf_counter_ns() - start_ns) / (repeats * len(prompts))

    return arm


def _long_text(case: str, peers: Peers, text: str, rounds: int, *, with_automata: bool) -> list[Row]:
    data, lower = text.encode(), text.lower()
    arms = {
        "ours": _once(lambda: peers.ours.find(data), 1e6),
        HYPERSCAN: _once(lambda: peers.hyperscan.scan(data, _ignore), 1e6),
    }
    if with_automata:
        lower_data = lower.encode()
        arms[DFA] = _once(lambda: peers.rust.find_matches_as_indexes(lower_data, overlapping=True), 1e6)
        arms[PYAHOCORASICK] = _once(lambda: list(peers.c.iter(lower)), 1e6)
    said = measure.interleave(arms, rounds)
    rates = {name: len(data) / 1e3 / measure.median(values).median for name, values in said.items()}
    more = {"megabytes_per_second": rates, "engine": peers.ours.reason}
    rows = [result.compared(case, said["ours"], HYPERSCAN, said[HYPERSCAN], "ms", 1.3, **more)]
    if with_automata:
        best = max((DFA, PYAHOCORASICK), key=lambda name: rates[name])
        rows.append(result.compared(case, said["ours"], f"{RUST}: {best}", said[best], "ms", 4, **more))
    return rows


def _prompts(case: str, peers: Peers, text: str, rounds: int) -> list[Row]:
    """Compare single prompts, none of which holds a pattern, and a batch of them as they come."""
    rows = []
    for size, wanted in ((PROMPT_SIZE, 1 / 1.5), (10 * PROMPT_SIZE, 1.0)):
        # Many prompts in turns: a processor learns the branches of one that comes again and again.
        pieces = (text[at : at + size] for at in range(0, len(text) - size, size))
        prompts = list(islice((piece for piece in pieces if not peers.ours.contains(piece)), PROMPTS))
        said = measure.interleave(
            {
                "ours": _each(peers.ours.find, prompts),
                HYPERSCAN: _each_by_hyperscan(peers.hyperscan.scan, prompts),
            },
            rounds,
        )
        name = f"a prompt of {size:,} bytes, {case}"
        rows.append(result.compared(name, said["ours"], HYPERSCAN, said[HYPERSCAN], "ns", wanted))
    batch = [text[at : at + PROMPT_SIZE] for at in range(0, BATCH * PROMPT_SIZE, PROMPT_SIZE)]
    one_by_one = _each_by_hyperscan(peers.hyperscan.scan, batch, repeats=1)
    said = measure.interleave(
        {
            "ours": _once(lambda: peers.ours.find_batch(batch), 1e3),
            HYPERSCAN: lambda: one_by_one() * len(batch) / 1e3,
        },
        rounds,
    )
    name = f"{BATCH:,} prompts of {PROMPT_SIZE} bytes in one call, {case}"
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
        case = f"flood: {name}, {len(patterns):,} patterns"
        rows.append(result.compared(case, said["ours"], DFA, said[DFA], "ms", 1, engine=peers.ours.reason))
        # Lower is better: how many times as long twice the text takes.
        growth = said["twice"] / said["ours"]
        rows.append(result.limited(f"{case}: twice the text", measure.median(growth), 2.2, "times", 0.01))
    return rows, agree


def _flood_texts(size: int) -> list[tuple[str, Sequence[str], str]]:
    choose = random.Random(6)
    words = corpus.words(FLOOD_WORDS, size)
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
