"""What a guard said: the default rules, mappers, and what happens when a mapper fails."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from aligntax import Profiler, Verdict
from aligntax.recording.verdicts import worse

from .reading import dropped, errors


@dataclass
class Decision:
    verdict: Any


Scored = namedtuple("Scored", ["score", "verdict"])
AnyText = type("AnyText", (str,), {})


class Unreadable:
    @property
    def verdict(self) -> Verdict:
        raise RuntimeError("no verdict for you")


# name: (what the guard returns, the verdict of guard("text"))
RESULTS: dict[str, tuple[Any, Verdict]] = {
    "nothing": (None, Verdict.ALLOW),
    "true": (True, Verdict.ALLOW),
    "false": (False, Verdict.ALLOW),
    "a number": (0.5, Verdict.ALLOW),
    "an object": (object(), Verdict.ALLOW),
    "the same text": ("text", Verdict.ALLOW),
    "equal text": ("".join(["te", "xt"]), Verdict.ALLOW),
    "changed text": ("t***", Verdict.MODIFY),
    "empty text": ("", Verdict.MODIFY),
    "changed text of a subclass": (AnyText("t***"), Verdict.MODIFY),
    "equal text of a subclass": (AnyText("text"), Verdict.ALLOW),
    "bytes": (b"t***", Verdict.ALLOW),
    "a list of texts": (["t***"], Verdict.ALLOW),
    "a verdict": (Verdict.BLOCK, Verdict.BLOCK),
    "a verdict's name": ("block", Verdict.MODIFY),
    "a verdict in a tuple": (("t***", Verdict.BLOCK, 0.9), Verdict.BLOCK),
    "a verdict in a named tuple": (Scored(0.9, Verdict.MODIFY), Verdict.MODIFY),
    "no verdict in a named tuple": (Scored(0.9, "block"), Verdict.ALLOW),
    "a verdict in a dict": ({"verdict": Verdict.BLOCK}, Verdict.BLOCK),
    "a name in a dict": ({"verdict": "block"}, Verdict.ALLOW),
    "a verdict as attribute": (Decision(Verdict.SKIPPED), Verdict.SKIPPED),
    "a name as attribute": (Decision("block"), Verdict.ALLOW),
    "a verdict on a namespace": (SimpleNamespace(verdict=Verdict.MODIFY), Verdict.MODIFY),
    "a verdict in a list": ([Verdict.BLOCK], Verdict.ALLOW),
}


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("name", RESULTS)
async def test_the_default_rule(name: str, asynchronous: bool, profiler: Profiler) -> None:
    result, verdict = RESULTS[name]

    async def waiting(text: str) -> Any:
        return result

    def blocking(text: str) -> Any:
        return result

    with profiler.request() as request:
        if asynchronous:
            assert await profiler.guard(waiting, name="guard")("text") is result
        else:
            assert profiler.guard(blocking, name="guard")("text") is result
    assert request.trace.spans[0].verdict is verdict
    assert dropped(profiler) == {}


def by_keyword(*, text: str) -> str:
    return text.upper()


def second(limit: int, text: str) -> str:
    return text.upper()


def rest(*texts: str) -> str:
    return texts[0].upper()


def named(**texts: str) -> str:
    return texts["text"].upper()


@pytest.mark.parametrize(
    ("guard", "args", "kwargs"),
    [
        (by_keyword, (), {"text": "x"}),
        (second, (1, "x"), {}),
        (rest, ("x", "y"), {}),
        (named, (), {"text": "x"}),
        (str.upper, ("x",), {}),
    ],
    ids=["keyword only", "second", "var positional", "var keyword", "builtin"],
)
def test_changed_text_is_found_wherever_it_was_passed(
    guard: Callable[..., str], args: Any, kwargs: Any, profiler: Profiler
) -> None:
    timed = profiler.guard(guard, name="guard")
    with profiler.request() as request:
        assert timed(*args, **kwargs) == "X"
        upper = tuple(arg.upper() if isinstance(arg, str) else arg for arg in args)
        assert timed(*upper, **{name: text.upper() for name, text in kwargs.items()}) == "X"
    assert [span.verdict for span in request.trace.spans] == [Verdict.MODIFY, Verdict.ALLOW]


def test_text_made_from_nothing_is_no_changed_text(profiler: Profiler) -> None:
    generate = profiler.guard(lambda: "text", name="generate")
    with profiler.request() as request:
        generate()
    assert request.trace.spans[0].verdict is Verdict.ALLOW


@pytest.mark.parametrize("passed", ["positionally", "by keyword"])
def test_a_verdict_put_on_the_argument_itself_is_found(passed: str, profiler: Profiler) -> None:
    @profiler.guard
    def decide(decision: Decision) -> Decision:
        decision.verdict = Verdict.BLOCK
        return decision

    with profiler.request() as request:
        decision = Decision(None)
        assert (decide(decision) if passed == "positionally" else decide(decision=decision)) is decision
    assert request.trace.spans[0].verdict is Verdict.BLOCK


@pytest.mark.parametrize(
    ("mapper", "verdict"),
    [
        (lambda score: Verdict.BLOCK if score > 0.5 else Verdict.ALLOW, Verdict.BLOCK),
        (lambda score: "block", Verdict.BLOCK),
        (lambda score: "skipped", Verdict.SKIPPED),
    ],
)
def test_a_mapper_decides(mapper: Callable[[float], Verdict | str], verdict: Verdict, profiler: Profiler) -> None:
    guard = profiler.guard(lambda text: 0.9, name="guard", verdict=mapper)
    with profiler.request() as request:
        assert guard("text") == 0.9
    assert request.trace.spans[0].verdict is verdict


@pytest.mark.parametrize(
    ("guard", "mapper"),
    [
        (lambda text: 0.9, lambda score: 1 / 0),
        (lambda text: 0.9, lambda score: "forbidden"),
        (lambda text: 0.9, lambda score: None),
        (lambda text: 0.9, lambda: "block"),
        (lambda text: Unreadable(), None),
    ],
    ids=["raises", "unknown name", "nothing", "wrong signature", "unreadable attribute"],
)
def test_a_verdict_that_cannot_be_told_is_an_error_and_counted(
    guard: Callable[[str], Any], mapper: Any, profiler: Profiler, caplog: pytest.LogCaptureFixture
) -> None:
    timed = profiler.guard(guard, name="guard", verdict=mapper)
    with profiler.request() as request:
        for _ in range(3):
            timed("secret prompt")
    assert request.outcome == "allowed"
    assert {span.verdict for span in request.trace.spans} == {Verdict.ERROR}
    assert errors(profiler, "guard") == {"verdict_mapper": 3}
    assert dropped(profiler) == {"verdict_mapper": 3}
    assert len(caplog.records) == 1
    assert "secret" not in caplog.text


def test_a_mapper_that_is_not_callable_is_refused(profiler: Profiler) -> None:
    with pytest.raises(TypeError, match="verdict='block' is not callable"):
        profiler.guard(len, name="guard", verdict="block")  # type: ignore[arg-type]
    profiler.guard(len, name="guard")


def test_what_a_block_decided(profiler: Profiler) -> None:
    with profiler.request() as request:
        for verdict in (*Verdict, *(str(verdict) for verdict in Verdict)):
            with profiler.layer("guard") as block:
                block.verdict = verdict
    assert [span.verdict for span in request.trace.spans] == [*Verdict, *Verdict]


def test_a_block_with_an_unknown_verdict_is_an_error_and_counted(profiler: Profiler) -> None:
    with profiler.request() as request, profiler.layer("guard") as block:
        block.verdict = "forbidden"
    assert request.trace.spans[0].verdict is Verdict.ERROR
    assert dropped(profiler) == {"verdict_mapper": 1}


def test_a_block_is_the_gravest_verdict() -> None:
    order = [
        Verdict.SKIPPED, Verdict.ALLOW, Verdict.MODIFY, Verdict.CANCELLED, Verdict.TIMEOUT, Verdict.ERROR, Verdict.BLOCK
    ]  # fmt: skip
    for place, verdict in enumerate(order):
        for other in order[: place + 1]:
            assert worse(verdict, other) is worse(other, verdict) is verdict
