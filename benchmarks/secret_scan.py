"""What finding secrets costs: against Hyperscan, google-re2 and `re` with the same rules, and against detect-secrets.

The peers look for a simplified form of our rules, and our reference checks what they hit. It is slow, so that Hyperscan
is also timed without the checks where there is something to check. Each call searches another prompt than the last, so
that no one meets branches that it has just learnt.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from time import perf_counter_ns
from typing import Any, NamedTuple

import hyperscan
import measure
import result
from measure import Arm, own_code
from result import Result, Row
from secret_peers import (
    DETECTORS,
    Spans,
    detect_secrets_finder,
    hyperscan_finder,
    re2_finder,
    re_finder,
    simplified,
)
from secret_texts import log, made, prompts

from aligntax_kernels import secrets

ROUNDS, QUICK_ROUNDS = 31, 5
PROMPTS = 64
LOG_BYTES, LOG_SECRETS, DENSE_SECRETS = 4_000_000, 12, 240
PART_BYTES = 200_000
"""For those who would take too long for the whole."""
CHUNK = 20
UNCHECKED = "hyperscan, its hits unchecked"
LEAST = {"hyperscan": 1.0, UNCHECKED: 1.0, "detect-secrets": 100.0}
"""How many times our time the peer's must be at least."""


class Case(NamedTuple):
    """One comparison: the same texts, one per call, through our search and a peer's."""

    name: str
    texts: Sequence[str]
    peer: str
    unit: str


def run(quick: bool) -> Result:
    """Check that all find the same, then time them in turns."""
    warm_up_seconds = secrets.warm()
    finders: dict[str, Callable[[str], Any]] = {
        "hyperscan": hyperscan_finder(),
        UNCHECKED: hyperscan_finder(check=False),
        "google-re2": re2_finder(),
        "re": re_finder(),
        "detect-secrets": detect_secrets_finder(),
    }
    cases = _cases()
    # The prompts hold no secrets: that all find the same shows only where there are some.
    compared = {log(PART_BYTES, DENSE_SECRETS), *(text for case in cases for text in case.texts)}
    agree = all(_ours(text) == finders[name](text) for name in ("hyperscan", "google-re2", "re") for text in compared)
    agree &= _detect_secrets_agrees(finders["detect-secrets"]) and all(_streams_agree(text) for text in compared)
    arms: dict[str, Arm] = {}
    for case in cases:
        arms[f"ours {case.name}"] = _arm(secrets.find, case)
        arms[f"{case.peer} {case.name}"] = _arm(finders[case.peer], case)
    streamed = prompts(2_048, PROMPTS)
    arms |= {"ours streaming": _streaming_arm(streamed), "hyperscan streaming": _hyperscan_streaming_arm(streamed)}
    said = measure.interleave(arms, QUICK_ROUNDS if quick else ROUNDS)
    rows: list[Row] = [
        result.compared(
            case.name,
            said[f"ours {case.name}"],
            case.peer,
            said[f"{case.peer} {case.name}"],
            case.unit,
            LEAST.get(case.peer),
        )
        for case in cases
    ]
    rows.append(
        result.compared(
            f"redacting a stream, a chunk of {CHUNK} characters",
            said["ours streaming"],
            "hyperscan, stream mode, which only says that there is a hit",
            said["hyperscan streaming"],
            "us",
        )
    )
    versions = result.versions("hyperscan", "google-re2", "detect-secrets", "numba")
    return Result(rows, agree, {"versions": versions, "warm_up_seconds": warm_up_seconds})


def _cases() -> list[Case]:
    short, long = prompts(200, PROMPTS), prompts(2_048, PROMPTS)
    whole, part = [log(LOG_BYTES, LOG_SECRETS)], [log(PART_BYTES, 1)]
    return [
        *(Case("a prompt of 200 characters", short, peer, "us") for peer in ("hyperscan", "google-re2", "re")),
        *(Case("a prompt of 2 KB", long, peer, "us") for peer in ("hyperscan", "google-re2", "re", "detect-secrets")),
        *(
            Case(f"a log of 4 MB, {LOG_SECRETS} secrets", whole, peer, "ms")
            for peer in ("hyperscan", UNCHECKED, "google-re2")
        ),
        *(Case("a log of 200 KB, one secret", part, peer, "ms") for peer in ("re", "detect-secrets")),
    ]


def _ours(text: str) -> Spans:
    data = text.encode()
    return [(hit.start, hit.end, hit.type) for hit in secrets.find(data)]


def _streams_agree(text: str) -> bool:
    """Return whether a text in chunks is redacted as the whole is."""
    stream = secrets.stream()
    return "".join([*map(stream.feed, _chunks([text])[0]), str(stream.finish())]) == secrets.redact(text)


def _detect_secrets_agrees(find: Callable[[str], set[tuple[str, str]]]) -> bool:
    """Return whether both find the same secrets of all types that both know, and none in the prompts."""
    if any(secrets.find(text, list(DETECTORS)) for text in prompts(2_048, PROMPTS)):
        return False
    for kind, text in made(random.Random(7), 240):
        line = f"value {text} here"
        (hit,) = secrets.find(line, [kind])
        (theirs,) = {value for name, value in find(line) if name == kind}
        # Some of its expressions return a part, and one the name with the value.
        if theirs.removeprefix("AccountKey=") not in line[hit.start : hit.end]:
            return False
    return True


def _arm(find: Callable[[str], Any], case: Case) -> Arm:
    per_unit = {"us": 1e3, "ms": 1e6}[case.unit]

    @own_code
    def batch() -> float:
        start_ns = perf_counter_ns()
        for text in case.texts:
            find(text)
        return (perf_counter_ns() - start_ns) / len(case.texts) / per_unit

    return batch


def _chunks(texts: Sequence[str]) -> list[list[str]]:
    return [[text[at : at + CHUNK] for at in range(0, len(text), CHUNK)] for text in texts]


def _streaming_arm(texts: Sequence[str]) -> Arm:
    chunks = _chunks(texts)

    @own_code
    def batch() -> float:
        start_ns = perf_counter_ns()
        for text in chunks:
            stream = secrets.stream()
            for chunk in text:
                stream.feed(chunk)
            stream.finish()
        return (perf_counter_ns() - start_ns) / sum(map(len, chunks)) / 1e3

    return batch


def _hyperscan_streaming_arm(texts: Sequence[str]) -> Arm:
    chunks = _chunks(texts)
    patterns = simplified()
    database = hyperscan.Database(mode=hyperscan.HS_MODE_STREAM)
    database.compile(expressions=patterns, ids=list(range(len(patterns))), elements=len(patterns), flags=0)
    hits: list[int] = []

    def matched(rule: int, begin: int, end: int, flags: int, context: object) -> None:  # noqa: ARG001
        hits.append(rule)

    @own_code
    def batch() -> float:
        start_ns = perf_counter_ns()
        for text in chunks:
            with database.stream(match_event_handler=matched) as stream:
                for chunk in text:
                    stream.scan(chunk.encode())
        return (perf_counter_ns() - start_ns) / sum(map(len, chunks)) / 1e3

    return batch
