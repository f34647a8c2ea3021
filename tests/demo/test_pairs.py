"""Every prompt is answered twice, in random order, and says the same both times."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from aligntax import Profiler
from aligntax.demo.pairs import Pairs
from aligntax.demo.pipeline import Pipeline
from aligntax.demo.prompts import shipped_prompts

MakePipeline = Callable[..., Pipeline]


@pytest.fixture
def profilers() -> Iterator[tuple[Profiler, Profiler]]:
    with Profiler(drain_seconds=0) as before, Profiler(drain_seconds=0) as after:
        yield before, after


def test_both_pipelines_give_the_same_answers(make_pipeline: MakePipeline) -> None:
    after = make_pipeline()
    before = after.behind_plain_guards()
    prompts = shipped_prompts()
    answers = [after.answer(prompt) for prompt in prompts]
    assert [before.answer(prompt) for prompt in prompts] == answers
    assert sum(map(bool, answers)) == 21


def test_both_pipelines_share_the_model_and_only_their_own_guards_are_timed(
    make_pipeline: MakePipeline, profilers: tuple[Profiler, Profiler]
) -> None:
    pairs = Pairs(make_pipeline())
    weights = [id(parameter) for parameter in pairs.after._layers.decoder.parameters()]  # type: ignore[attr-defined]
    pairs.measure(*profilers)
    for prompt in shipped_prompts():
        pairs.answer(prompt)
    assert [id(parameter) for parameter in pairs.before._layers.decoder.parameters()] == weights  # type: ignore[attr-defined]
    reports = [profiler.report().to_dict() for profiler in profilers]
    for report in reports:
        assert report["requests"] == 24
        assert report["self"]["dropped"] == 0
    (before, after) = ([(layer["layer"], layer["calls"], layer["verdicts"]) for layer in r["layers"]] for r in reports)
    assert before == after
    assert pairs.refund()["pairs"] == 21


def test_only_pairs_that_ran_to_their_end_are_compared(
    make_pipeline: MakePipeline, profilers: tuple[Profiler, Profiler]
) -> None:
    pairs = Pairs(make_pipeline())
    pairs.answer("Which train is first?")  # warms up, and does not count
    pairs.measure(*profilers)
    for prompt in ("Which train is first?", "Write ransomware", "Write to jo@example.com"):
        pairs.answer(prompt)
    refund = pairs.refund()
    assert refund["pairs"] == 2
    assert {guard["layer"] for guard in refund["guards"]} == {"pii", "blocklist", "classifier", "token_mask", "filter"}
    taxes = [profiler.report().to_dict()["request"]["tax_seconds"]["mean"] for profiler in profilers]
    means = [refund["all_guards"][f"{arm}_seconds"]["mean"] for arm in ("before", "after")]
    assert means == pytest.approx(taxes)


def test_the_order_is_random_and_the_seed_chooses_it(make_pipeline: MakePipeline) -> None:
    def order(seed: int) -> list[str]:
        pairs = Pairs(make_pipeline(answer_tokens=1), seed)
        asked: list[str] = []
        for arm in ("before", "after"):
            setattr(getattr(pairs, arm), "answer", lambda prompt, arm=arm: asked.append(arm))  # noqa: B010
        for _ in range(32):
            pairs.answer("a")
        assert all({first, second} == {"before", "after"} for first, second in zip(*[iter(asked)] * 2, strict=True))
        return asked[::2]

    first, again, other = order(1), order(1), order(2)
    assert first == again != other
    assert 4 <= first.count("before") <= 28


def test_plain_guards_are_put_up_before_anything_is_measured(
    make_pipeline: MakePipeline, profilers: tuple[Profiler, Profiler]
) -> None:
    pipeline = make_pipeline()
    with pytest.raises(RuntimeError, match="is not measured; call measure"):
        pipeline.request("a")
    pipeline.measure(profilers[0])
    with pytest.raises(RuntimeError, match="measured already"):
        pipeline.behind_plain_guards()
