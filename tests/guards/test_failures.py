"""What becomes of a call in which a guard fails: an error, never a block, and never a silent pass."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from aligntax import Outcome, Profiler, Verdict
from aligntax.guards import PII, AsyncFunctionGuard, FunctionGuard, Judgement, OnnxClassifier

EMAIL = "mail jo@example.com"


def failing(*_: Any) -> Any:
    raise OSError("no vault today: " + EMAIL)


def test_an_error_is_raised_by_default() -> None:
    for guard in (PII(replacement=failing), FunctionGuard(failing)):
        assert guard.on_error == "closed"
        with pytest.raises(OSError, match="no vault today"):
            guard(EMAIL)


def test_an_open_guard_lets_the_text_pass_and_says_that_it_failed() -> None:
    assert FunctionGuard(failing, on_error="open")(EMAIL) == Judgement(Verdict.ERROR, EMAIL, 0, ("OSError",))
    said = PII(replacement=failing, on_error="open")(EMAIL)
    assert said == Judgement(Verdict.ERROR, EMAIL, 1, ("OSError",))


def test_an_open_guard_takes_out_what_it_still_can() -> None:
    guard = PII(replacement=lambda kind, value: failing() if kind == "email" else "[x]", on_error="open")
    assert guard("jo@example.com, 4111 1111 1111 1111").text == "jo@example.com, [x]"


def test_a_replacement_that_is_no_text_is_an_error() -> None:
    with pytest.raises(TypeError, match="replacement: got a int"):
        PII(replacement=lambda kind, value: 3)(EMAIL)  # type: ignore[arg-type,return-value]
    guard = PII(replacement=lambda kind, value: 3, on_error="open")  # type: ignore[arg-type,return-value]
    assert guard(EMAIL)[:2] == (Verdict.ERROR, EMAIL)


def test_a_guard_that_blocks_needs_no_replacement() -> None:
    assert PII(on_hit="block", replacement=failing)(EMAIL).verdict is Verdict.BLOCK


def test_open_failures_are_logged_once_for_each_type_and_without_text(caplog: pytest.LogCaptureFixture) -> None:
    errors = [OSError(EMAIL), ValueError(EMAIL), OSError(EMAIL)]

    def fail(text: str) -> str:
        raise errors.pop()

    guard = FunctionGuard(fail, on_error="open")
    with caplog.at_level(logging.WARNING, "aligntax.guards"):
        for _ in range(3):
            guard(EMAIL)
    assert [record.getMessage() for record in caplog.records] == [
        "guard fail failed (OSError) and let a text pass; the next ones are not logged",
        "guard fail failed (ValueError) and let a text pass; the next ones are not logged",
    ]
    assert EMAIL not in caplog.text


def test_a_forgiven_replacement_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    guard = PII(replacement=failing, on_error="open")
    with caplog.at_level(logging.WARNING, "aligntax.guards"):
        guard(EMAIL)
        stream = guard.stream()
        next(stream)
        assert [stream.send(EMAIL).text, *(rest.text for rest in stream)] == ["mail ", "jo@example.com"]
    (record,) = caplog.records
    assert record.getMessage().startswith("guard pii failed (OSError)")


class Refusal(Exception):  # noqa: N818 (a block is no error)
    verdict = Verdict.BLOCK


@pytest.mark.parametrize("policy", ["closed", "open"])
def test_an_exception_that_means_a_block_is_one_whatever_the_policy(policy: Any) -> None:
    def refuse(text: str) -> str:
        raise Refusal

    with pytest.raises(Refusal):
        FunctionGuard(refuse, on_error=policy)(EMAIL)


def test_a_tokenizer_that_fails_is_an_error_of_the_guard(
    make_graph: Callable[..., bytes], tokenize: Callable[[str], Any]
) -> None:
    def tokenizer(text: str) -> Any:
        return failing() if "bad" in text else tokenize(text)

    graph = make_graph(-20.0)
    with pytest.raises(OSError, match="no vault"):
        OnnxClassifier(graph, tokenizer)("bad")
    assert OnnxClassifier(graph, tokenizer, on_error="open")("bad")[:2] == (Verdict.ERROR, "bad")


def test_a_score_that_is_no_probability_is_never_allowed(make_graph: Callable[..., bytes]) -> None:
    import numpy as np

    def tokenizer(text: str) -> Any:
        return {"length": np.array([[float("nan") if text == "bad" else 0.0]], np.float32)}

    with pytest.raises(ValueError, match="gave nan, which is no probability"):
        OnnxClassifier(make_graph(0.0), tokenizer)("bad")


@pytest.mark.parametrize(("policy", "outcome"), [("closed", Outcome.ERROR), ("open", Outcome.ALLOWED)])
def test_the_profiler_counts_a_failure_as_an_error_and_not_as_a_block(
    profiler: Profiler, policy: Any, outcome: Outcome
) -> None:
    guard = profiler.guard(PII(replacement=failing, on_error=policy))
    try:
        with profiler.request() as request:
            guard(EMAIL)
    except OSError:
        assert policy == "closed"
    assert request.outcome is outcome
    (layer,) = profiler.report().to_dict()["layers"]
    assert layer["verdicts"] == {"error": 1}
    assert layer["errors"] == ({"OSError": 1} if policy == "closed" else {})


# -- functions of the user's -----------------------------------------------------------------------------------------

RESULTS = {
    "the same text": (lambda text: text, (Verdict.ALLOW, "a text")),
    "another text": (str.upper, (Verdict.MODIFY, "A TEXT")),
    "an empty text": (lambda text: "", (Verdict.MODIFY, "")),
    "allow": (lambda text: Verdict.ALLOW, (Verdict.ALLOW, "a text")),
    "skipped": (lambda text: Verdict.SKIPPED, (Verdict.SKIPPED, "a text")),
    "block": (lambda text: Verdict.BLOCK, (Verdict.BLOCK, "")),
    "a judgement": (lambda text: Judgement(Verdict.MODIFY, "b"), (Verdict.MODIFY, "b")),
    "a block with a text": (lambda text: Judgement(Verdict.BLOCK, text), (Verdict.BLOCK, "")),
}


@pytest.mark.parametrize("case", RESULTS)
def test_what_a_function_returns_is_told_in_a_judgement(case: str) -> None:
    function, expected = RESULTS[case]
    assert FunctionGuard(function)("a text")[:2] == expected


@pytest.mark.parametrize("result", [None, True, 3, b"text", {"verdict": "allow"}, ("allow", "text")])
def test_nonsense_is_an_error_and_not_consent(result: Any) -> None:
    with pytest.raises(TypeError, match=r"check returned a .*; return a str, a Verdict or a Judgement"):
        FunctionGuard(lambda text: result, name="check")("a text")


@pytest.mark.parametrize("said", [Judgement("block", "a text"), Judgement(Verdict.ALLOW, None)])  # type: ignore[arg-type]
def test_a_judgement_of_other_types_is_an_error_and_not_consent(said: Judgement) -> None:
    with pytest.raises(TypeError, match=r"check returned a Judgement of a (str and a str|Verdict and a NoneType); put"):
        FunctionGuard(lambda text: said, name="check")("a text")


async def later(text: str) -> str:
    return text


def piecewise(text: str) -> Iterator[str]:
    yield text


class Later:
    async def __call__(self, text: str) -> str:
        return text


@pytest.mark.parametrize("function", [None, 3, "check", later, piecewise, Later(), partial(later)])
def test_what_cannot_be_called_with_a_text_is_refused_before_a_policy_lets_texts_pass(function: Any) -> None:
    with pytest.raises(TypeError, match=r"^function: .* is no plain function; pass one that takes a text"):
        FunctionGuard(function, on_error="open")


@pytest.mark.parametrize(
    ("result", "verdict", "text"),
    [
        ("a text", Verdict.ALLOW, "a text"),
        ("changed", Verdict.MODIFY, "changed"),
        (Verdict.BLOCK, Verdict.BLOCK, ""),
        (Verdict.SKIPPED, Verdict.SKIPPED, "a text"),
        (Judgement(Verdict.BLOCK, "a text", 2), Verdict.BLOCK, ""),
    ],
)
async def test_what_a_coroutine_returns_is_read_by_the_same_rules(result: Any, verdict: Verdict, text: str) -> None:
    async def check(_: str) -> Any:
        return result

    said = await AsyncFunctionGuard(check)("a text")
    assert (said.verdict, said.text) == (verdict, text)
    assert FunctionGuard(lambda _: result)("a text") == said


@pytest.mark.parametrize("result", [None, 3, Verdict.ERROR, Judgement("block", "a text")])  # type: ignore[arg-type]
async def test_a_coroutine_that_fails_follows_its_policy(result: Any) -> None:
    async def check(_: str) -> Any:
        return result

    with pytest.raises((TypeError, ValueError), match=r"check returned|alone does not say"):
        await AsyncFunctionGuard(check)("a text")
    said = await AsyncFunctionGuard(check, on_error="open")("a text")
    assert (said.verdict, said.text) == (Verdict.ERROR, "a text")
    with pytest.raises(TypeError, match="got a int"):
        await AsyncFunctionGuard(check, on_error="open")(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("function", [None, 3, "check", str.upper, piecewise])
def test_what_is_no_coroutine_function_is_refused(function: Any) -> None:
    with pytest.raises(TypeError, match=r"^function: .* is no coroutine function; pass one that takes a text"):
        AsyncFunctionGuard(function)


@pytest.mark.parametrize("verdict", [Verdict.MODIFY, Verdict.ERROR, Verdict.TIMEOUT, Verdict.CANCELLED])
def test_a_verdict_that_leaves_open_what_goes_on_is_an_error(verdict: Verdict) -> None:
    with pytest.raises(ValueError, match=f"the verdict '{verdict.value}' alone does not say what goes on"):
        FunctionGuard(lambda text: verdict)("a text")
