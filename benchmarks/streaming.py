"""Redaction of a stream in chunks of 20 bytes with 1,000 patterns, against hyperscan's stream mode and a regex."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from time import perf_counter_ns

import corpus
import hyperscan
import measure
import result
from measure import Arm
from result import Result

from aligntax_kernels import literals

ROUNDS, QUICK_ROUNDS = 31, 3
COUNT, CHUNK = 1_000, 20
TEXT_SIZE = 4_000_000
STREAMED = 40_000
LIMIT_US = 2.0
MARK = "[removed]"

Redactor = Callable[[Iterator[str]], Iterator[str]]
"""Takes the chunks of one text, and gives the redacted ones; each call is a stream of its own."""


def run(quick: bool) -> Result:
    """Stream the same text, which has a pattern every few kilobytes, through each redactor in turns."""
    literals.warm()
    patterns = corpus.words(COUNT, TEXT_SIZE)
    text = _with_hits(corpus.english(TEXT_SIZE)[:STREAMED], patterns)
    chunks = [text[at : at + CHUNK] for at in range(0, len(text), CHUNK)]
    words = literals.compile(patterns)
    whole = words.redact(text, MARK)
    redactors: dict[str, Redactor] = {
        "ours": _ours(words),
        "hyperscan": _Hyperscan(patterns).redact,
        "re": _Buffered(patterns).redact,
    }
    agree = whole.count(MARK) > 5 and all("".join(redact(iter(chunks))) == whole for redact in redactors.values())
    said = measure.interleave(
        {name: _arm(redact, chunks) for name, redact in redactors.items()}, QUICK_ROUNDS if quick else ROUNDS
    )
    case = f"a chunk of {CHUNK} bytes, {COUNT:,} words, redacted"
    return Result(
        [
            result.limited(case, measure.median(said["ours"]), LIMIT_US, "us", 0.001),
            result.compared(
                case, said["ours"], "hyperscan's stream mode, and the holding back in Python", said["hyperscan"], "us"
            ),
            result.compared(case, said["ours"], "re on the buffer, the longest pattern held back", said["re"], "us"),
        ],
        agree,
        {"versions": result.versions("hyperscan", "numba"), "engine": words.reason},
    )


def _arm(redact: Redactor, chunks: list[str]) -> Arm:
    def arm() -> float:
        start_ns = perf_counter_ns()
        for _ in redact(iter(chunks)):
            pass
        return (perf_counter_ns() - start_ns) / 1e3 / len(chunks)

    return arm


def _with_hits(text: str, patterns: tuple[str, ...]) -> str:
    pieces = [text[at : at + 3_000] for at in range(0, len(text), 3_000)]
    return "".join(f"{piece} {patterns[7 * index]} " for index, piece in enumerate(pieces))


def _ours(words: literals.Literals) -> Redactor:
    def redact(chunks: Iterator[str]) -> Iterator[str]:
        stream = words.stream(MARK)
        for chunk in chunks:
            yield stream.feed(chunk)
        yield str(stream.finish())

    return redact


class _Buffered:
    """A regex over what is held: each chunk is searched with as much before it as the longest pattern is long."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        longest_first = sorted(patterns, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)
        self._hold = len(longest_first[0]) - 1

    def redact(self, chunks: Iterator[str]) -> Iterator[str]:
        held = ""
        for chunk in chunks:
            held += chunk
            # What begins before the last `hold` characters is complete.
            output, at, safe = "", 0, max(0, len(held) - self._hold)
            for found in self._pattern.finditer(held):
                if found.start() >= safe:
                    break
                output += held[at : found.start()] + MARK
                at = found.end()
            keep = max(at, safe)
            yield output + held[at:keep]
            held = held[keep:]
        yield self._pattern.sub(MARK, held)


class _Hyperscan:
    """Hyperscan finds across chunks; what may still become a hit has to be held back by its user."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_STREAM)
        count = len(patterns)
        self._database.compile(
            expressions=[pattern.encode() for pattern in patterns],
            ids=list(range(count)),
            elements=count,
            flags=[hyperscan.HS_FLAG_CASELESS] * count,
            literal=True,
        )
        self._lengths = [len(pattern) for pattern in patterns]
        self._hold = max(self._lengths) - 1

    def redact(self, chunks: Iterator[str]) -> Iterator[str]:
        spans: list[tuple[int, int]] = []

        def note(index: int, _start: int, end: int, *_: object) -> None:
            spans.append((end - self._lengths[index], end))

        held, begin = b"", 0
        with self._database.stream(match_event_handler=note) as stream:
            for chunk in chunks:
                data = chunk.encode()
                stream.scan(data)
                held += data
                safe = begin + max(0, len(held) - self._hold)
                output, keep = _released(held, begin, safe, spans) if spans else (held[: safe - begin], safe)
                held, begin = held[keep - begin :], keep
                yield output.decode()
        yield _released(held, begin, begin + len(held), spans)[0].decode()


def _released(held: bytes, begin: int, safe: int, spans: list[tuple[int, int]]) -> tuple[bytes, int]:
    """Return what may be released of the text from `begin` on, and where the rest begins; forget the hits in it."""
    output, at = b"", begin
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start >= safe:
            break
        if start >= at:
            output += held[at - begin : start - begin] + MARK.encode()
            at = end
    keep = max(at, safe)
    spans[:] = [span for span in spans if span[0] >= keep]
    return output + held[at - begin : keep - begin], keep
