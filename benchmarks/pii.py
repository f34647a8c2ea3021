"""What searching a prompt for personal data costs: against Presidio, and the same grammar in RE2 and in re.

RE2 and re scan for candidates with one alternation, compiled once, and give them to the checks of our reference, so
that all three answer alike. Those are slow, so that RE2 is also timed without: no guard built on it can take less.
Presidio has the six recognizers as it ships them. A call is one prompt as str, out of a set of different ones.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter_ns

import measure
import phonenumbers
import pii_presidio
import pii_quality
import result
from faker import Faker
from measure import Arm, Estimate, Float64Array, own_code
from pii_candidates import Candidates
from pii_texts import FILLER
from presidio_analyzer.predefined_recognizers import PhoneRecognizer
from result import Result, Row

from aligntax_kernels import pii

ROUNDS, QUICK_ROUNDS = 31, 5
SIZES = {"200 bytes": 200, "2 KB": 2_000}
BARE = "2 KB without a digit or sign"
COMPARED = {
    "2 KB": ("ours", "presidio", "presidio US", "re2", "re2 scan", "re"),
    "200 bytes": ("ours", "presidio", "re2", "re2 scan"),
    BARE: ("ours", "presidio", "re2"),
}
"""Who searches which prompts."""
PROMPTS, QUICK_PROMPTS = 32, 6
TIMES_PRESIDIO, TIMES_RE2 = 200, 2
CHUNK = 20
DOUBLED = 2.2
"""How many times the time twice the text may take."""
FLOODS = ("1", "1 ", "1-", "1.", "a@", "0171 ", ":", "DE89 ")
FLOOD_BYTES = 100_000

Planted = tuple[str, tuple[tuple[int, int, str], ...]]
"""A text, and where personal data was put into it."""


def run(quick: bool) -> Result:
    """Check that all find the same, time them in turns, and measure how well what they find is right."""
    warm_up_seconds = pii.warm()
    count = QUICK_PROMPTS if quick else PROMPTS
    planted = {name: prompts(size, count) for name, size in SIZES.items()}
    texts = {name: [text for text, _ in given] for name, given in planted.items()}
    texts[BARE] = [text.translate(str.maketrans("", "", "0123456789@:")) for text in texts["2 KB"]]
    re2, re = Candidates("re2"), Candidates("re")
    agree = all(_agree(given, re2, re) for given in planted.values())
    peers: Mapping[str, Callable[[str], object]] = {
        "ours": pii.find,
        "presidio": pii_presidio.analyze,
        "presidio US": _analyze_american,
        "re2": re2.find,
        "re2 scan": re2.scan,
        "re": re.find,
    }
    arms: dict[str, Arm] = {}
    for size, names in COMPARED.items():
        arms |= {f"{name} {size}": _arm(peers[name], texts[size], 50 if name == "ours" else 1) for name in names}
    chunks = [_chunks(text) for text in texts["2 KB"]]
    arms |= {
        "stream": _arm(_streamed, chunks, 1, sum(map(len, chunks))),
        "re2 chunks": _arm(_each(re2.find), chunks, 1, sum(map(len, chunks))),
    }
    for unit in FLOODS:
        for times in (1, 2):
            arms[f"flood {unit} {times}"] = _arm(pii.find, [unit * (FLOOD_BYTES * times // len(unit))], 1)
    with measure.frozen_heap():
        said = measure.interleave(arms, QUICK_ROUNDS if quick else ROUNDS)
    more = {
        "versions": result.versions("presidio-analyzer", "phonenumbers", "google-re2", "Faker", "numba"),
        "warm_up_seconds": warm_up_seconds,
        "prompts": count,
        "hits_per_prompt": {name: sum(map(len, map(pii.find, given))) / count for name, given in texts.items()},
        "quality": pii_quality.measured(quick),
    }
    return Result([*_rows(said), *_linear(said)], agree, more)


def prompts(size: int, count: int) -> list[Planted]:
    """Return different English prompts with up to one value for 250 bytes, of forms that both sides know."""
    draw = random.Random(size)
    faker = Faker("en_US")
    faker.seed_instance(size)
    found = []
    for _ in range(count):
        planted = [_value(draw, faker) for _ in range(draw.randint(0, max(1, size // 250)))]
        sentences: list[str] = []
        while sum(map(len, sentences)) + sum(len(value) + 8 for _, value in planted) < size:
            sentences.append(f"{draw.choice((faker.sentence(12), faker.sentence(9), draw.choice(FILLER)))} ")
        places = sorted(draw.randrange(len(sentences)) for _ in planted)
        for place, (_, value) in zip(reversed(places), reversed(planted), strict=True):
            sentences.insert(place, f"Use {value} now. ")
        text, spans, at = "".join(sentences), [], 0
        for kind, value in planted:
            start = text.index(f"Use {value} now. ", at) + len("Use ")
            at = start + len(value)
            spans.append((start, at, kind))
        found.append((text, tuple(spans)))
    return found


def _value(draw: random.Random, faker: Faker) -> tuple[str, str]:
    kind = draw.choice(pii.TYPES)
    if kind == "phone":
        while True:
            value = f"({draw.randint(201, 989)}) {draw.randint(200, 999)}-{draw.randint(0, 9999):04}"
            if phonenumbers.is_valid_number(phonenumbers.parse(value, "US")):
                return kind, value
    if kind == "card":
        number = faker.credit_card_number("visa16")
        return kind, " ".join(number[at : at + 4] for at in range(0, 16, 4))
    return kind, str({"email": faker.email, "iban": faker.iban, "ip": faker.ipv4, "ssn": faker.ssn}[kind]())


def _agree(planted: Sequence[Planted], re2: Candidates, re: Candidates) -> bool:
    """Return whether the grammar finds the same in all engines and streams, and it and Presidio all that was put in."""
    for text, spans in planted:
        stream = pii.stream()
        if "".join([*map(stream.feed, _chunks(text)), str(stream.finish())]) != pii.redact(text):
            return False
        ours = [tuple(hit) for hit in pii.find(text)]
        if not ours == re2.find(text) == re.find(text) == [tuple(hit) for hit in pii.find(text, backend="reference")]:
            return False
        theirs = {(start, end, kind) for start, end, kind, _ in pii_presidio.scored(text)}
        if not {hit[:3] for hit in ours} >= set(spans) <= theirs:
            return False
    return True


def _rows(said: dict[str, Float64Array]) -> list[Row]:
    names = {
        "presidio": "presidio-analyzer, six recognizers",
        "presidio US": "the same, its phone recognizer for one region only",
        "re2": "the same grammar in google-re2",
        "re2 scan": "google-re2, its candidates unchecked",
        "re": "the same grammar in re",
    }
    wanted = {"presidio": TIMES_PRESIDIO, "re2": TIMES_RE2, "re2 scan": TIMES_RE2}
    rows = []
    for size, peers in COMPARED.items():
        for peer in peers[1:]:
            least = wanted.get(peer) if size == "2 KB" else None
            ours, theirs = said[f"ours {size}"], said[f"{peer} {size}"]
            rows.append(result.compared(f"a prompt of {size}", ours, names[peer], theirs, "us", least))
    chunk = f"a chunk of {CHUNK} characters, redacted on the fly"
    rows.append(result.compared(chunk, said["stream"], "google-re2, each chunk alone", said["re2 chunks"], "us"))
    return rows


def _linear(said: dict[str, Float64Array]) -> list[Row]:
    """Return, for the flood that does worst, how many times the time twice the text takes."""
    ratios = {unit: measure.ratio_of_medians(said[f"flood {unit} 2"], said[f"flood {unit} 1"]) for unit in FLOODS}
    slowest = max(FLOODS, key=lambda unit: float(measure.median(said[f"flood {unit} 1"]).median))
    worst = max(ratios, key=lambda unit: ratios[unit].median)
    nanoseconds = 1_000 * measure.median(said[f"flood {slowest} 1"]).median / FLOOD_BYTES
    ratio: Estimate = ratios[worst]
    return [
        result.limited(
            f"twice the text, {len(FLOODS)} floods, the worst: {worst!r}", ratio, DOUBLED, "times", 0.01,
            all_ratios={unit: ratios[unit].median for unit in FLOODS},
            slowest={"flood": slowest, "nanoseconds_per_byte": nanoseconds},
        )
    ]  # fmt: skip


def _analyze_american(text: str) -> object:
    recognizers = [one for kind, one in pii_presidio.RECOGNIZERS.items() if kind != "phone"]
    return [one.analyze(text, one.supported_entities, nlp_artifacts=None) for one in (*recognizers, _AMERICAN)]


_AMERICAN = PhoneRecognizer(supported_regions=("US",))


def _chunks(text: str) -> list[str]:
    return [text[at : at + CHUNK] for at in range(0, len(text), CHUNK)]


def _streamed(chunks: Sequence[str]) -> None:
    stream = pii.stream()
    for chunk in chunks:
        stream.feed(chunk)
    stream.finish()


def _each(find: Callable[[str], object]) -> Callable[[Sequence[str]], None]:
    def each(chunks: Sequence[str]) -> None:
        for chunk in chunks:
            find(chunk)

    return each


def _arm(call: Callable[..., object], given: Sequence[object], repeats: int, calls: int | None = None) -> Arm:
    """Return what calls with each argument in turn, and how many microseconds a call takes.

    Args:
        call: what is timed.
        given: its arguments.
        repeats: how often all are called in one round.
        calls: how many calls that is meant to be for each repeat; the number of arguments if left out.
    """
    count = repeats * (calls or len(given))

    @own_code
    def batch() -> float:
        start_ns = perf_counter_ns()
        for _ in range(repeats):
            for argument in given:
                call(argument)
        return (perf_counter_ns() - start_ns) / count / 1_000

    return batch
