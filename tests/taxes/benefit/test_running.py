"""Guards over a labelled file: what they say is written, nothing of the texts is, and a run goes on where one ended."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.taxes.benefit import guard_functions
from tests.taxes.benefit.records import write_lines

from aligntax.taxes.benefit.judging import Judge, at_once
from aligntax.taxes.benefit.labelled import Item, check_items
from aligntax.taxes.benefit.running import Plan, Ran, run
from aligntax.testing import FakeClock
from aligntax.trace import Verdict

HERE = "tests.taxes.benefit.guard_functions"
TEXTS = 30
Lines = list[dict[str, Any]]


def guard(use: str, **keys: Any) -> dict[str, Any]:
    return {"use": use if ":" not in use else f"{HERE}{use}", **keys}


BLOCKLIST = guard("blocklist", stage="input", patterns=["evil"], on_hit="block")


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Plan]:
    """Writes a configuration and labelled texts, and returns a plan for them."""

    def make(*guards: dict[str, Any], texts: Lines | None = None, **settings: Any) -> Plan:
        (tmp_path / "guards.json").write_text(json.dumps({"guards": guards}))
        some = [text(index) for index in range(TEXTS)] if texts is None else texts
        data = write_lines(tmp_path / "data.jsonl", some)
        return Plan(tmp_path / "guards.json", data, tmp_path / "out.jsonl", **settings)

    return make


def text(index: int) -> dict[str, Any]:
    label, word = ("attack", "evil") if index % 3 == 0 else ("benign", "kind")
    return {"id": f"t{index}", "label": label, "text": f"{word} {index}"}


def written(plan: Plan) -> Lines:
    return [json.loads(line) for line in plan.verdicts.read_text().splitlines()][1:]


def without_times(records: Lines) -> Lines:
    return [{key: value for key, value in found.items() if key != "latency_seconds"} for found in records]


def after(steps: int) -> Callable[[str, float, str], bool]:
    """Return a progress that ends the run after so many steps of judging."""
    left = iter(range(steps))

    def progress(stage: str, done: float, detail: str) -> bool:
        return stage != "Judging" or next(left, None) is not None

    return progress


@pytest.fixture(autouse=True)
def _every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aligntax.taxes.benefit.running._SECONDS_A_STEP", 0.0)


def test_what_is_written(make: Callable[..., Plan]) -> None:
    plan = make(BLOCKLIST, guard("pii", stage="stream"), repeats=2)
    assert run(plan) == Ran(0, 60, 60, {}, interrupted=False)
    records = written(plan)
    assert [(found["id"], found["repeat"]) for found in records] == [
        (f"t{index}", repeat) for repeat in range(2) for index in range(TEXTS)
    ]
    for found in records:
        attack = found["label"] == "attack"
        assert found["verdict"] == ("block" if attack else "allow")
        assert found["guard"] == ("blocklist" if attack else None)
        assert found["arm"] == "guarded"
        assert 0 < found["latency_seconds"] < 60
    assert not {"text", "answer"} & {key for found in records for key in found}
    assert "evil" not in plan.verdicts.read_text()
    header = json.loads(plan.verdicts.read_text().splitlines()[0])
    assert header["guards"] == ["blocklist", "pii"]
    assert header["data"]["name"] == "data.jsonl"
    assert len(header["config"]["sha256"]) == 64


@pytest.mark.parametrize("batch", [1, 4, 64])
@pytest.mark.parametrize("steps", [0, 7, 29])
def test_a_run_goes_on_where_one_ended(batch: int, steps: int, make: Callable[..., Plan]) -> None:
    plan = make(BLOCKLIST, repeats=2, batch=batch)
    ran = run(plan, after(steps))
    assert ran == Ran(0, steps + 1, 60, {}, interrupted=True)
    assert len(written(plan)) == steps + 1
    assert run(plan) == Ran(steps + 1, 60, 60, {}, interrupted=False)
    assert [(found["id"], found["repeat"]) for found in written(plan)] == [
        (f"t{index}", repeat) for repeat in range(2) for index in range(TEXTS)
    ]
    assert run(plan) == Ran(60, 60, 60, {}, interrupted=False)  # there is nothing left to do
    more = Plan(plan.config, plan.data, plan.verdicts, repeats=3)
    assert run(more) == Ran(60, 90, 90, {}, interrupted=False)


def test_progress_says_how_far_it_is_and_goes_on_from_there(make: Callable[..., Plan]) -> None:
    plan = make(BLOCKLIST, repeats=2, batch=8)
    seen: list[tuple[float, str]] = []

    def progress(stage: str, done: float, detail: str) -> bool:
        seen.append((done, detail))
        assert stage == "Judging"
        return len(seen) != 5

    assert run(plan, progress).interrupted
    assert not run(plan, progress).interrupted
    wanted = 2 * TEXTS
    assert seen == [(number / wanted, f"{number} of {wanted}") for number in range(1, wanted + 1)]


def test_a_line_that_was_cut_off_is_judged_again(make: Callable[..., Plan]) -> None:
    plan = make(BLOCKLIST)
    run(plan)
    whole = written(plan)
    content = plan.verdicts.read_bytes()
    plan.verdicts.write_bytes(content[: content.rindex(b'"repeat"')])
    assert run(plan) == Ran(TEXTS - 1, TEXTS, TEXTS, {}, interrupted=False)
    assert without_times(written(plan)) == without_times(whole)


def test_a_header_that_was_cut_off_is_written_again(make: Callable[..., Plan]) -> None:
    plan = make(BLOCKLIST)
    run(plan)
    whole = plan.verdicts.read_text().splitlines()
    plan.verdicts.write_text(whole[0])
    assert run(plan) == Ran(0, TEXTS, TEXTS, {}, interrupted=False)
    assert plan.verdicts.read_text().splitlines()[0] == whole[0]
    assert len(written(plan)) == TEXTS


def test_what_was_judged_is_kept_when_something_ends_the_batch(
    make: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make(BLOCKLIST, batch=64)
    judged = Judge.judge
    calls = iter(range(TEXTS))

    async def interrupted(self: Judge, item: Item) -> Any:
        if next(calls) == 11:
            raise KeyboardInterrupt
        return await judged(self, item)

    monkeypatch.setattr(Judge, "judge", interrupted)
    assert run(plan) == Ran(0, 11, TEXTS, {}, interrupted=True)
    assert [found["id"] for found in written(plan)] == [f"t{index}" for index in range(11)]


def keep(plan: Plan, kept: Callable[[list[str]], list[str]]) -> None:
    """Write only some lines of the verdicts back."""
    plan.verdicts.write_text("".join(kept(plan.verdicts.read_text().splitlines(keepends=True))))


CHANGES = {
    "config": (lambda plan: plan.config.write_text(plan.config.read_text() + " "), "another content of the guards'"),
    "words": (lambda plan: (plan.config.parent / "words.txt").write_text("kind"), "of a file that the configuration"),
    "data": (lambda plan: write_lines(plan.data, [text(0), text(1)]), "other labelled texts"),
    "foreign": (lambda plan: plan.verdicts.write_text("a diary\n"), "was not written by aligntax tax benefit"),
    "no record": (lambda plan: keep(plan, lambda lines: [*lines[:-1], "{}\n"]), "is no record of a verdict"),
    "one taken out": (lambda plan: keep(plan, lambda lines: lines[:4] + lines[5:]), "its 29 records should end with"),
}


@pytest.mark.parametrize(("change", "message"), CHANGES.values(), ids=CHANGES)
def test_a_file_is_only_continued_from_the_same(
    change: Callable[[Plan], Any], message: str, make: Callable[..., Plan], tmp_path: Path
) -> None:
    (tmp_path / "words.txt").write_text("evil")
    plan = make(guard("blocklist", stage="input", file="words.txt", on_hit="block"))
    run(plan)
    change(plan)
    before = plan.verdicts.read_bytes()
    with pytest.raises(ValueError, match=message):
        run(plan)
    assert plan.verdicts.read_bytes() == before


def test_settings_that_change_times_must_be_the_same(make: Callable[..., Plan]) -> None:
    plan = make(guard(":asks_a_server"))
    run(plan)
    with pytest.raises(ValueError, match="another --timeout or --concurrency"):
        run(Plan(plan.config, plan.data, plan.verdicts, repeats=2, concurrency=4))


def test_one_file_has_one_writer(make: Callable[..., Plan]) -> None:
    plan = make(BLOCKLIST)
    with plan.verdicts.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(ValueError, match="another run is writing to it"):
            run(plan)


def test_an_input_is_never_written_over(make: Callable[..., Plan]) -> None:
    plan = make(BLOCKLIST)
    before = plan.data.read_bytes()
    with pytest.raises(ValueError, match="holds the labelled texts; name another file"):
        run(Plan(plan.config, plan.data, plan.data))
    assert plan.data.read_bytes() == before


KINDS: dict[str, tuple[dict[str, Any], str, dict[tuple[str, str], int]]] = {
    "raises": (guard(":breaks_on_evil"), "error", {("breaks_on_evil", "RuntimeError"): 10}),
    "raises, open": (guard(":breaks_on_evil", on_error="open"), "error", {("breaks_on_evil", "RuntimeError"): 10}),
    "blocks": (guard(":stops_evil"), "block", {}),
    "awaited": (guard(":asks_a_server"), "block", {}),
    "too late": (guard(":never_answers"), "timeout", {("never_answers", "TimeoutError"): 3}),
    "cancels itself": (guard(":is_cancelled"), "error", {("is_cancelled", "CancelledError"): 3}),
    "blocks by an error": (guard(":raises_a_block"), "block", {}),
    "changes": (guard(":shouts"), "modify", {}),
    "starts a loop": (guard(":nests_a_loop"), "allow", {}),
    "no judgement": (guard(":ReturnsText"), "error", {("returns_text", "returned a str and no Judgement"): 3}),
}


@pytest.mark.parametrize(("made", "verdict", "failures"), KINDS.values(), ids=KINDS)
def test_what_guards_do(
    made: dict[str, Any], verdict: str, failures: dict[tuple[str, str], int], make: Callable[..., Plan]
) -> None:
    some = [text(3 * index) for index in range(10 if "breaks" in made["use"] else 3)]
    plan = make(made, texts=some, timeout_seconds=0.05)
    ran = run(plan)
    assert ran.failures == failures
    records = written(plan)
    assert {found["verdict"] for found in records} == {verdict}
    assert all(found["guard"] for found in records) == (verdict != "allow")
    passed = [found["passed"] for found in records if "passed" in found]
    assert set(passed) == ({made.get("on_error") == "open"} if verdict in {"error", "timeout"} else set())
    assert "cannot judge" not in plan.verdicts.read_text()


def test_asynchronous_guards_are_asked_side_by_side(make: Callable[..., Plan]) -> None:
    guard_functions.most_running = 0
    plan = make(guard(":asks_a_server"), concurrency=6)
    assert run(plan).done == TEXTS
    assert guard_functions.most_running == 6
    assert [found["id"] for found in written(plan)] == [f"t{index}" for index in range(TEXTS)]
    assert [found["verdict"] for found in written(plan)] == ["block", "allow", "allow"] * 10


def test_side_by_side_needs_guards_that_wait(make: Callable[..., Plan]) -> None:
    with pytest.raises(ValueError, match="concurrency=6: no guard is asynchronous"):
        run(make(BLOCKLIST, concurrency=6))


def test_a_run_side_by_side_goes_on_where_one_ended(make: Callable[..., Plan]) -> None:
    plan = make(guard(":asks_a_server"), concurrency=4, batch=8)
    ran = run(plan, after(9))
    assert ran.interrupted
    assert 8 <= ran.done < TEXTS
    assert run(plan) == Ran(ran.done, TEXTS, TEXTS, {}, interrupted=False)
    assert [found["id"] for found in written(plan)] == [f"t{index}" for index in range(TEXTS)]


def test_guards_are_asked_as_a_request_meets_them(make: Callable[..., Plan]) -> None:
    guard_functions.Cautious.seen.clear()
    cautious, shouts = guard(":Cautious"), guard(":shouts")
    some = [
        {"id": "both", "label": "attack", "text": "a question", "answer": "an answer", "succeeded": False},
        {"id": "bare", "label": "benign", "text": "a question"},
        {"id": "evil", "label": "attack", "text": "EVIL", "answer": "an answer"},
    ]
    blocklist = guard("blocklist", stage="input", patterns=["EVIL"], on_hit="block")
    plan = make(cautious, shouts, blocklist, texts=some)  # written in another order than that of a request
    run(plan)
    assert guard_functions.Cautious.seen == ["an answer", "A QUESTION"]
    found = written(plan)
    assert [each["verdict"] for each in found] == ["modify", "modify", "block"]
    assert [each.get("succeeded") for each in found] == [False, None, None]


def test_the_time_of_guards_is_all_that_they_took() -> None:
    clock = FakeClock()

    def takes(seconds: float, name: str) -> Any:
        from aligntax.guards import FunctionGuard

        def function(text: str) -> str:
            clock.advance(round(seconds * 1e9))
            return text

        return FunctionGuard(function, name=name)

    judge = Judge([takes(0.25, "one"), takes(0.5, "two")], clock=clock)
    ruling = at_once(judge.judge(Item("a", True, "text", None, None)))
    assert ruling == (Verdict.ALLOW, None, True, 0.75)


def test_guards_of_logits_have_no_place_here(make: Callable[..., Plan]) -> None:
    with pytest.raises(ValueError, match=r"guard 'entropy_gate' stands at stage 'decode' and judges logits"):
        run(make(guard("entropy_gate", above=1.0)))


BAD_TEXTS = {
    "no text": ({"id": 1, "label": "attack"}, "'text' is missing or no string"),
    "text of a list": ({"id": 1, "label": "attack", "text": ["a"]}, "'text' is missing or no string"),
    "answer of a number": ({"id": 1, "label": "attack", "text": "a", "answer": 3}, "'answer' is no string"),
    "no label": ({"id": 1, "text": "a"}, "'label' is missing"),
    "benign that succeeds": ({"id": 1, "label": "benign", "text": "a", "succeeded": True}, "only an attack can"),
    "id twice": ({"id": "t0", "label": "attack", "text": "a"}, "has the id of line 1; give each text its own"),
}


@pytest.mark.parametrize(("line", "message"), BAD_TEXTS.values(), ids=BAD_TEXTS)
def test_bad_texts_are_found_before_any_guard_runs(
    line: dict[str, Any], message: str, make: Callable[..., Plan]
) -> None:
    plan = make(BLOCKLIST, texts=[text(0), text(1), line])
    with pytest.raises(ValueError, match=rf"data\.jsonl:3: .*{message}"):
        run(plan)
    assert not plan.verdicts.exists()


def test_no_texts_at_all(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "data.jsonl", [])
    with pytest.raises(ValueError, match="no text in it"):
        check_items(path)


@pytest.mark.parametrize("setting", ["repeats", "batch", "concurrency", "timeout_seconds"])
@pytest.mark.parametrize("value", [0, 1_000_000])
def test_plans_out_of_range(setting: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"{setting}={value}"):
        Plan(Path("a"), Path("b"), Path("c"), **{setting: value})


def test_an_item_does_not_show_its_text() -> None:
    assert "secret" not in repr(Item("a", True, "secret", None, None))
