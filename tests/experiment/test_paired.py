"""Which arm runs when, when it ends, and what is kept."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace

import pytest

from aligntax.attribution import attribute
from aligntax.experiment import paired
from aligntax.experiment.arms import arms_of, orders
from aligntax.experiment.call import Measurement
from aligntax.experiment.paired import Columns, Design, run_paired
from aligntax.inference import median_of_differences
from aligntax.trace import Layer, Outcome, Span, Trace, Verdict

PROMPTS = ["a", "b", "c"]


def quiet(stage: str, done: float, detail: str) -> bool:
    return True


def taking_exactly(seconds: float, log: list[str], name: str, outcome: Outcome = Outcome.ALLOWED):
    def answer(prompt: str) -> Measurement:
        log.append(name + prompt)
        return Measurement(seconds, 0.0, outcome)

    return answer


def arms(log: list[str], **seconds: float):
    return {name: taking_exactly(value, log, name) for name, value in seconds.items()}


def test_each_second_order_is_the_first_one_backwards():
    drawn = list(itertools.islice(orders(3, seed=1), 40))
    assert all(second == first[::-1] for first, second in zip(drawn[::2], drawn[1::2], strict=True))
    assert len({tuple(order) for order in drawn}) == 6


def test_arms():
    named = {arm.name: arm.bypassed for arm in arms_of(["a", "b"], each=True)}
    assert named == {
        "raw": {"a", "b"},
        "guarded": set(),
        "null": {"a", "b"},
        "only:a": {"b"},
        "only:b": {"a"},
        "without:a": {"a"},
        "without:b": {"b"},
    }
    assert [arm.name for arm in arms_of(["a"], each=True)] == ["raw", "guarded", "null"]


def test_every_prompt_goes_through_every_arm_once_a_round():
    log: list[str] = []
    design = Design(max_pairs=9, warm_up_rounds=0, width=1e-9)
    columns = run_paired(arms(log, raw=1.0, guarded=1.5), PROMPTS, design, quiet)
    assert columns.stopped == "pairs"
    assert columns.round == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert Counter(columns.prompt) == {0: 3, 1: 3, 2: 3}
    pairs = list(zip(log[::2], log[1::2], strict=True))
    assert all({one[:-1], other[:-1]} == {"raw", "guarded"} and one[-1] == other[-1] for one, other in pairs)
    first = [one[:-1] for one, _ in pairs]
    assert 4 <= first.count("raw") <= 5


def test_warm_up_rounds_do_not_count():
    log: list[str] = []
    columns = run_paired(arms(log, raw=1.0, guarded=1.5), PROMPTS, Design(max_pairs=3, warm_up_rounds=2), quiet)
    assert len(columns.prompt) == 3
    assert len(log) == 2 * (2 * 3 + 3)


def test_it_ends_when_both_intervals_are_narrow_enough():
    log: list[str] = []
    columns = run_paired(arms(log, raw=1.0, guarded=1.5), PROMPTS, Design(width=0.01), quiet)
    assert columns.stopped == "width"
    assert len(columns.prompt) == 30
    assert columns.width() == 0.0


def test_it_ends_with_the_absolute_tax_where_the_relative_one_means_nothing():
    """A raw arm of next to no time varies by more than itself, and so does what is relative to it."""
    turns = itertools.cycle([1e-9, 5e-6])

    def nothing(prompt: str) -> Measurement:
        return Measurement(next(turns), 0.0, Outcome.ALLOWED)

    chosen = {"raw": nothing, "guarded": taking_exactly(1.0, [], "guarded")}
    design = Design(width=0.05, max_pairs=100, warm_up_rounds=0)
    assert run_paired(chosen, PROMPTS, design, quiet).stopped == "pairs"
    columns = run_paired(chosen, PROMPTS, replace(design, relative=False), quiet)
    assert (columns.stopped, len(columns.prompt)) == ("width", 30)


def test_it_does_not_end_while_the_relative_tax_is_wide_open():
    """One stalled request of twenty leaves the median of the differences where it was, and the ratio unknown."""
    turns = itertools.cycle([0.5] * 19 + [40.0])

    def now_and_then_stalled(prompt: str) -> Measurement:
        return Measurement(1.0 + next(turns), 0.0, Outcome.ALLOWED)

    chosen = {"raw": taking_exactly(1.0, [], "raw"), "guarded": now_and_then_stalled}
    columns = run_paired(chosen, PROMPTS, Design(width=0.05, max_pairs=100, warm_up_rounds=0), quiet)
    assert columns.stopped == "pairs"
    pairs = columns.measured
    raw, guarded = ([each.seconds for each in pairs[arm]] for arm in ("raw", "guarded"))
    assert median_of_differences(raw, guarded).low == median_of_differences(raw, guarded).high == 0.5


def test_it_ends_when_the_time_is_up():
    columns = run_paired(arms([], raw=1.0, guarded=1.5), PROMPTS, Design(budget_seconds=1e-9), quiet)
    assert columns.stopped == "budget"
    assert len(columns.prompt) == 1


@pytest.mark.parametrize("stage", ["warming up", "measuring"])
def test_whoever_is_told_of_the_progress_can_end_it(stage):
    columns = run_paired(arms([], raw=1.0, guarded=1.5), PROMPTS, Design(), lambda now, *_: now != stage)
    assert columns.stopped == "interrupted"
    assert len(columns.prompt) == (0 if stage == "warming up" else 1)


def test_the_progress_says_how_narrow_the_wider_interval_is_and_should_be():
    turns = itertools.cycle([0.5, 0.5, 0.5, 1.5])

    def varying(prompt: str) -> Measurement:
        return Measurement(1.0 + next(turns), 0.0, Outcome.ALLOWED)

    said: list[str] = []
    columns = run_paired(
        {"raw": taking_exactly(1.0, [], "raw"), "guarded": varying},
        PROMPTS,
        Design(width=0.001, max_pairs=31, warm_up_rounds=0),
        lambda stage, done, detail: bool(said.append(detail) or True),
    )
    assert said[0] == "1 pair"
    assert said[28] == "29 pairs"
    columns.prompt.pop()
    expected = columns.width()
    assert expected > 0.05
    assert said[29] == f"30 pairs, tax to ±{expected:.2%} (wanted: ±0.10%)"


def test_progress_never_goes_back_and_ends_below_one():
    shares = []
    run_paired(
        arms([], raw=1.0, guarded=1.5),
        PROMPTS,
        Design(width=1e-9, max_pairs=100),
        lambda stage, done, _: bool(stage != "measuring" or shares.append(done) or True),
    )
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] <= 1


def test_only_requests_that_ran_to_their_end_in_both_arms_are_compared():
    log: list[str] = []
    blocked = itertools.cycle([Outcome.ALLOWED, Outcome.BLOCKED_INPUT, Outcome.MODIFIED])

    def guarded(prompt: str) -> Measurement:
        return Measurement(0.1, 0.0, next(blocked))

    chosen = {"raw": taking_exactly(1.0, log, "raw"), "guarded": guarded}
    columns = run_paired(chosen, PROMPTS, Design(max_pairs=9, warm_up_rounds=0), quiet)
    assert len(columns.comparable("raw")) == 9
    assert len(columns.comparable("raw", "guarded")) == 6


def test_an_error_of_an_arm_comes_through():
    def broken(prompt: str) -> Measurement:
        raise KeyError(prompt)

    with pytest.raises(KeyError):
        run_paired({"raw": broken, "guarded": broken}, PROMPTS, Design(), quiet)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"width": 0.0}, "width=0.0 must be a finite number above 0"),
        ({"budget_seconds": -1.0}, "budget_seconds=-1.0 must be a finite number above 0"),
        ({"max_pairs": 0}, "max_pairs=0 must be 1 to 10,000"),
        ({"warm_up_rounds": -1}, "warm_up_rounds=-1 must not be negative"),
        ({"width": float("nan")}, "width=nan must be a finite number above 0"),
        ({"budget_seconds": float("inf")}, "budget_seconds=inf must be a finite number above 0"),
    ],
)
def test_designs_that_cannot_be(settings, complaint):
    with pytest.raises(ValueError, match=complaint):
        Design(**settings)


def test_no_width_is_known_of_few_pairs():
    assert Columns(["raw", "guarded"], measured={"raw": [], "guarded": []}).width() is None


def test_a_warm_up_takes_no_longer_than_the_measurement_may():
    log: list[str] = []
    design = Design(budget_seconds=1e-9, warm_up_rounds=5)
    columns = run_paired(arms(log, raw=1.0, guarded=1.5), PROMPTS, design, quiet)
    assert len(log) == 2 * (1 + 1)
    assert columns.warm_up_cut == 14
    assert run_paired(arms([], raw=1.0, guarded=1.5), PROMPTS, Design(max_pairs=1), quiet).warm_up_cut == 0


def test_traces_are_kept_of_so_many_requests_and_spans_only(monkeypatch):
    layer = Layer("guard", "guard", "input")
    trace = Trace(0, 100, tuple(Span(layer, at, at + 1, Verdict.ALLOW) for at in range(10)))
    columns = Columns(["raw", "guarded"], measured={"raw": [], "guarded": []})
    whole = Measurement(1.0, None, Outcome.ALLOWED, trace, attribute(trace))
    monkeypatch.setattr(paired, "MAX_SPANS", 55)
    for index in range(300):
        columns.add(index, 0, {"raw": whole, "guarded": whole})
    kept = [each.trace is not None for each in columns.measured["guarded"]]
    assert kept == [True] * 5 + [False] * 295
    assert all(each.attribution is not None for each in columns.measured["guarded"])
    assert not any(each.trace or each.attribution for each in columns.measured["raw"])
    assert columns.spans["guard"].verdicts == {"allow": 3000}
    monkeypatch.setattr(paired, "MAX_SPANS", 10**6)
    fresh = Columns(["raw", "guarded"], measured={"raw": [], "guarded": []})
    for index in range(paired.MAX_TRACES + 100):
        fresh.add(index, 0, {"raw": whole, "guarded": whole})
    assert sum(each.trace is not None for each in fresh.measured["guarded"]) == paired.MAX_TRACES == 500
