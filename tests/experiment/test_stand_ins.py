"""What is called instead of a guard is made from calls that it let pass."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import pytest

from aligntax import Profiler, Verdict
from aligntax.experiment.stand_ins import form_of, observing
from aligntax.guards import PII, Blocklist, TokenBan


class Said(NamedTuple):
    verdict: Verdict
    text: str
    score: float


@dataclasses.dataclass
class Answer:
    text: str
    flagged: bool


@pytest.mark.parametrize(
    ("result", "then"),
    [
        ("quiet", "other"),
        (True, True),
        (None, None),
        (0.25, 0.25),
        (Verdict.ALLOW, Verdict.ALLOW),
        (Said(Verdict.ALLOW, "quiet", 0.1), Said(Verdict.ALLOW, "other", 0.1)),
        (("quiet", False), ("other", False)),
        ({"text": "quiet", "flagged": False}, {"text": "other", "flagged": False}),
        (Answer("quiet", False), Answer("other", False)),
        ({"results": ("quiet", {"t": "quiet"})}, {"results": ("other", {"t": "other"})}),
    ],
)
def test_arguments_come_back_where_they_stood(result: Any, then: Any):
    form = form_of(result, ("quiet",), {"strict": True})
    assert form(("other",), {"strict": True}) == then


def test_arguments_by_name_and_behind_a_bound_one_come_back():
    assert form_of("quiet", (), {"text": "quiet"})((), {"text": "other"}) == "other"
    assert form_of("quiet", ("quiet",), {}, bound=1)(("self", "other"), {}) == "other"


def test_a_truth_value_is_no_argument_that_happens_to_be_the_same_one():
    form = form_of(True, ("quiet", True), {})
    assert form(("other", False), {}) is True


def test_an_array_that_is_changed_in_place_comes_back():
    logits = [1.0, 2.0]
    other = [3.0]
    assert form_of(logits, (logits,), {})((other,), {}) is other


def lesson_for(profiler: Profiler, guard: Any, *calls: Any, name: str = "guard", **keywords: Any) -> Any:
    timed = profiler.guard(guard, name=name, **keywords)
    row = [layer.name for layer in profiler.ledger.layers].index(name)
    with observing(list(profiler.recorder.taps[row])) as lessons, profiler.request():
        for call in calls:
            timed(call)
    return lessons


@pytest.fixture
def profiler():
    with Profiler(drain_seconds=0) as profiler:
        yield profiler


def test_only_calls_that_allowed_teach(profiler):
    def guard(text):
        return Verdict.BLOCK if "bad" in text else Verdict.ALLOW

    (blocked,) = lesson_for(profiler, guard, "bad", name="blocked")
    assert blocked.calls == 1
    assert blocked.stand_in() is None
    (allowed,) = lesson_for(profiler, guard, "good", "bad", name="allowed")
    assert allowed.stand_in()("bad") is Verdict.ALLOW


def test_verdicts_are_told_by_the_guards_own_mapper(profiler):
    (lesson,) = lesson_for(profiler, len, "four", verdict=lambda length: "block" if length > 3 else "allow")
    assert lesson.stand_in() is None


def test_a_mapper_that_fails_teaches_nothing_and_changes_nothing(profiler):
    def confused(_):
        raise RuntimeError("no idea")

    timed = profiler.guard(str.upper, name="guard", verdict=confused)
    with observing(list(profiler.recorder.taps[0])) as (lesson,), profiler.request():
        assert timed("quiet") == "QUIET"
    assert lesson.calls == 1
    assert lesson.stand_in() is None


def test_a_generator_that_filters_another_one_passes_it_on(profiler):
    def filtered(chunks, limit):
        yield from (chunk for chunk in chunks if len(chunk) < limit)

    timed = profiler.guard(filtered, name="filter", stage="stream")
    with observing(list(profiler.recorder.taps[0])) as (lesson,), profiler.request():
        list(timed(iter(["a", "long"]), 2))
    assert list(lesson.stand_in()(iter(["a", "long"]), 2)) == ["a", "long"]


def test_a_generator_of_anything_else_cannot_be_left_out(profiler):
    def pieces(text):
        yield from text

    timed = profiler.guard(pieces, name="pieces", stage="stream")
    with observing(list(profiler.recorder.taps[0])) as (lesson,), profiler.request():
        list(timed("abc"))
    assert lesson.stand_in() is None


async def test_coroutines_are_stood_in_for_by_coroutines(profiler):
    async def learnt(text):
        return (text, True)

    async def told(text):
        return text.upper()

    first = profiler.guard(learnt, name="learnt")
    second = profiler.guard(told, name="told", bypass=lambda text: text)
    taps = [profiler.recorder.taps[row][0] for row in (0, 1)]
    with observing(taps) as lessons, profiler.request():
        await first("quiet")
        await second("quiet")
    assert await lessons[0].stand_in()("other") == ("other", True)
    assert await lessons[1].stand_in()("other") == "other"


def test_the_guards_of_the_package_say_themselves_what_stands_in_for_them(profiler):
    pii = lesson_for(profiler, PII(), name="pii")[0].stand_in()
    assert pii("call 555-867-5309") == (Verdict.ALLOW, "call 555-867-5309", 0, (), None, 0)
    mask = lesson_for(profiler, TokenBan([[1]], vocab_size=4), name="mask")[0].stand_in()
    assert mask("logits", tokens=None).verdict is Verdict.ALLOW


def test_a_built_in_stream_is_stood_in_for_by_one_that_releases_everything(profiler):
    guard = Blocklist(["secret"], on_hit="redact", stage="stream")
    profiler.guard(guard, name="list")
    call, stream = profiler.recorder.taps[0]
    assert call.stand_in("a secret").text == "a secret"
    chunks = stream.stand_in()
    next(chunks)
    assert [said.text for said in (*map(chunks.send, ["a sec", "ret"]), *chunks)] == ["a sec", "ret", ""]
