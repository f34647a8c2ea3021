"""Guards on texts that arrive in chunks: what comes out is what the whole text would have become."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntax import Verdict
from aligntax.guards import PII, Blocklist, Judgement, Secrets

PHRASES = ["foo", "foo bar", "obar"]
BLOCKLIST = Blocklist(PHRASES, on_hit="redact", stage="stream")
PERSONAL = PII(stage="stream")
SECRETS = Secrets(stage="stream")


def run(guard: Any, chunks: list[str]) -> list[Judgement]:
    """Send all chunks, and return what came out for each, and at the end."""
    stream = guard.stream()
    assert next(stream) == Judgement(Verdict.ALLOW, "")
    return [*map(stream.send, chunks), *stream]


def cut(text: str, places: tuple[int, ...]) -> list[str]:
    return [text[start:end] for start, end in zip((0, *places), (*places, len(text)), strict=True)]


@pytest.mark.parametrize(
    ("guard", "text"),
    [
        (BLOCKLIST, "a foo barfo foo"),
        (BLOCKLIST, "é FOO 😀"),
        (PERSONAL, "an a@bc.de, x"),
        (PERSONAL, "ip 10.0.0.1!"),
        (SECRETS, "no secret"),
    ],
)
def test_every_split_into_three_says_the_same_as_the_whole(guard: Any, text: str) -> None:
    whole = guard(text)
    for places in combinations(range(len(text) + 1), 2):
        said = run(guard, cut(text, places))
        assert len(said) == 4
        assert "".join(part.text for part in said) == whole.text
        assert sum(part.hits for part in said) == whole.hits
        assert {label for part in said for label in part.labels} == set(whole.labels)
        assert any(part.verdict is Verdict.MODIFY for part in said) == (whole.verdict is Verdict.MODIFY)


@given(st.lists(st.text("fobar FÉ", max_size=6), max_size=8))
def test_cutting_a_text_changes_nothing(chunks: list[str]) -> None:
    assert "".join(said.text for said in run(BLOCKLIST, chunks)) == BLOCKLIST("".join(chunks)).text


@given(text=st.text("fobar ", max_size=24), data=st.data())
def test_of_a_blocked_stream_only_what_stands_before_the_hit_is_released(text: str, data: st.DataObject) -> None:
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    said = run(STRICT, cut(text, tuple(places)))
    released = "".join(part.text for part in said)
    hit = min((text.find(phrase) for phrase in ("foo", "obar") if phrase in text), default=None)
    verdicts = [part.verdict for part in said]
    if hit is None:
        assert (released, set(verdicts)) == (text, {Verdict.ALLOW})
    else:
        assert text[:hit].startswith(released)
        first = verdicts.index(Verdict.BLOCK)
        assert set(verdicts[first:]) == {Verdict.BLOCK}
        assert said[first].hits >= 1
        assert not any(part.text for part in said[first:])


STRICT = Blocklist(["foo", "obar"], stage="stream")


def test_a_secret_that_is_spread_over_chunks_is_taken_out(github_token: str) -> None:
    said = run(SECRETS, ["key ", *github_token, " and more"])
    assert "".join(part.text for part in said) == "key [github_token] and more"
    assert sum(part.hits for part in said) == 1
    assert not any(github_token[:8] in part.text for part in said)


def test_a_stream_without_chunks_is_empty() -> None:
    assert run(PERSONAL, []) == [Judgement(Verdict.ALLOW, "")]
    assert run(STRICT, []) == [Judgement(Verdict.ALLOW, "")]


@pytest.mark.parametrize("chunk", [b"foo", 3])
def test_only_texts_can_be_sent(chunk: Any) -> None:
    stream: Any = BLOCKLIST.stream()
    next(stream)
    with pytest.raises(TypeError, match=f"chunk: got a {type(chunk).__name__}"):
        stream.send(chunk)


def test_streams_of_one_guard_know_nothing_of_each_other() -> None:
    one, other = BLOCKLIST.stream(), BLOCKLIST.stream()
    next(one), next(other)
    assert one.send("a fo").text == other.send("a fo").text == "a "
    assert one.send("o").text == ""
    assert other.send("x").text == "fox"
    assert [part.text for part in one] == ["[removed]"]


def failing(kind: str, value: str) -> str:
    raise OSError("no vault today")


def test_a_replacement_that_fails_ends_a_closed_stream_and_lets_nothing_out() -> None:
    stream = PII(replacement=failing, stage="stream").stream()
    next(stream)
    assert stream.send("my mail ").text == "my mail "
    with pytest.raises(OSError, match="no vault today"):
        stream.send("jo@example.com and")
    assert list(stream) == []


def test_a_replacement_that_fails_leaves_its_hit_alone_in_an_open_stream() -> None:
    text = "mail jo@example.com, card 4111 1111 1111 1111."
    guard = PII(
        replacement=lambda kind, value: failing(kind, value) if kind == "email" else "[x]",
        stage="stream",
        on_error="open",
    )
    for places in combinations(range(0, len(text), 5), 2):
        said = run(guard, cut(text, places))
        assert "".join(part.text for part in said) == "mail jo@example.com, card [x]."
        assert [part.labels for part in said if part.verdict is Verdict.ERROR] == [("OSError",)]


@pytest.mark.parametrize("stage", ["input", "output", "stream"])
def test_a_guard_filters_streams_wherever_it_stands(stage: Any) -> None:
    assert run(Blocklist(["foo"], on_hit="redact", stage=stage), ["f", "oo"])[1].verdict is Verdict.MODIFY
