"""Predictions over many requests: the right means and quantiles, honest intervals, and what goes unsaid otherwise."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from aligntax import Layer, Outcome, Span, Trace, Verdict
from aligntax.experiment.whatif import Change, Drop, Faster, Parallel, Prediction, Reorder, predict
from aligntax.experiment.whatif.contrast import Seconds, contrast_of_quantiles
from aligntax.inference import Estimate

PII, TOXICITY = (Layer(name, stage="input") for name in ("pii", "toxicity"))
MODEL = Layer("model", kind="model")
MILLISECOND = 1_000_000


def served(pii_ms: float, toxicity_ms: float, model_ms: float, said: Verdict = Verdict.ALLOW) -> Trace:
    """A request; a guard that blocks ends it."""
    now, spans = 0, []
    for layer, took_ms in ((PII, pii_ms), (TOXICITY, toxicity_ms), (MODEL, model_ms)):
        start, now = now, now + round(took_ms * MILLISECOND)
        verdict = said if layer is TOXICITY else Verdict.ALLOW
        spans.append(Span(layer, start, now, verdict))
        if verdict is Verdict.BLOCK:
            return Trace(0, now, tuple(spans), Outcome.BLOCKED_INPUT)
    return Trace(0, now, tuple(spans), Outcome.MODIFIED if said is Verdict.MODIFY else Outcome.ALLOWED)


def many(n: int, seed: int = 0) -> list[Trace]:
    random = np.random.default_rng(seed)
    return [served(*(5, 20, 100) * np.exp(0.3 * random.standard_normal(3))) for _ in range(n)]


TEN = [served(2, number, 100) for number in range(1, 11)]
"""Toxicity takes 1 to 10 ms, 5.5 on average."""


@pytest.mark.parametrize(
    ("change", "mean", "median"),
    [
        (Drop("pii"), 5.5, 5.5),
        (Drop("toxicity"), 2.0, 2.0),
        (Faster("toxicity", 2), 4.75, 4.75),
        (Faster("pii", 0.5), 9.5, 9.5),
        (Parallel("toxicity"), 2.0, 2.0),
        (Reorder(("toxicity", "pii")), 7.5, 7.5),
    ],
    ids=str,
)
def test_the_tax_before_and_after(change: Change, mean: float, median: float) -> None:
    found = predict(TEN, [change])
    assert found.tax["mean"].before.value == pytest.approx(7.5e-3)
    assert found.tax["mean"].after.value == pytest.approx(mean * 1e-3)
    assert found.tax["mean"].difference.value == pytest.approx((mean - 7.5) * 1e-3)
    assert found.tax["p50"].after.value == pytest.approx(median * 1e-3)
    assert found.raw.value == pytest.approx(0.1)
    assert found.request["mean"].after.value == pytest.approx(0.1 + mean * 1e-3)
    assert found.relative is not None
    assert found.relative[0].value == pytest.approx(0.075)
    assert found.relative[1].value == pytest.approx(mean / 100)


@pytest.mark.parametrize("change", [Drop("pii"), Faster("toxicity", 2), Parallel("toxicity")], ids=str)
def test_contention_that_was_measured_stays(change: Change) -> None:
    """The model would have been 3 ms faster without guards: the tax has that on top, before and after."""
    bare = predict(TEN, [change])
    found = predict(TEN, [change], residual=Estimate(3e-3, 2e-3, 5e-3))
    assert found.residual == (3e-3, 2e-3, 5e-3)
    for name, one in bare.tax.items():
        with_it = found.tax[name]
        for without, estimate in ((one.before, with_it.before), (one.after, with_it.after)):
            if without.low is None:
                assert estimate == pytest.approx((without.value + 3e-3, None, None))
            else:
                assert estimate == pytest.approx((without.value + 3e-3, without.low + 2e-3, without.high + 5e-3))
        assert with_it.difference == pytest.approx(one.difference)
    assert found.request == bare.request
    assert found.raw == pytest.approx((0.097, 0.095, 0.098))
    assert found.relative is not None
    assert found.relative[0].value == pytest.approx(10.5 / 97)
    assert found.to_dict()["tax"]["residual_seconds"] == {"value": 3e-3, "low": 2e-3, "high": 5e-3}


def test_contention_without_an_interval_leaves_the_tax_without_one() -> None:
    found = predict(TEN, [Drop("pii")], residual=Estimate(3e-3))
    assert found.tax["mean"].before == pytest.approx((10.5e-3, None, None))


def test_what_every_request_gains_alike_is_known_exactly() -> None:
    found = predict(TEN, [Drop("pii")])
    assert found.tax["mean"].difference == pytest.approx((-2e-3, -2e-3, -2e-3))
    assert found.tax["p50"].difference == pytest.approx((-2e-3, -2e-3, -2e-3))


@pytest.mark.parametrize(("n", "known"), [(5, []), (6, ["p50"]), (298, ["p50"]), (299, ["p50", "p99"])])
def test_quantiles_have_intervals_where_there_are_enough_requests(n: int, known: list[str]) -> None:
    found = predict(many(n), [Drop("pii")])
    for name in ("p50", "p99"):
        for estimate in found.tax[name]:
            assert (estimate.low is not None) == (name in known)
    one = predict(many(1), [Drop("pii")])
    assert one.tax["mean"].difference.low is None


@pytest.mark.parametrize("q", [0.5, 0.8])
def test_the_interval_of_a_difference_of_quantiles_covers_it(q: float) -> None:
    """A guard of lognormal time becomes twice as fast, another stays as it is; the truth is that of a million."""

    def draw(n: int, seed: int) -> tuple[Seconds, Seconds]:
        random = np.random.default_rng(seed)
        stays, halved = 5 * np.exp(0.3 * random.standard_normal(n)), 20 * np.exp(0.3 * random.standard_normal(n))
        return stays + halved, stays + halved / 2

    before, after = draw(1_000_000, seed=1_000)
    truth = float(np.quantile(after, q) - np.quantile(before, q))
    found = [contrast_of_quantiles(*draw(60, seed), q, seed).difference.covers(truth) for seed in range(200)]
    assert 0.92 <= np.mean(found) <= 0.99  # percentiles of a bootstrap are a little generous with medians


def test_the_bootstrap_takes_pairs_and_not_two_samples() -> None:
    """Requests differ by seconds, and each is a millisecond faster: that millisecond is known well."""
    before = np.random.default_rng(0).uniform(1, 10, 200)
    contrast = contrast_of_quantiles(before, before - 1e-3, 0.5)
    assert contrast.difference == pytest.approx((-1e-3, -1e-3, -1e-3))
    assert contrast.before.width > 0.5


def test_blocked_requests_have_no_tax_and_a_line_of_their_own() -> None:
    blocked = [served(2, 10, 0, Verdict.BLOCK)] * 4
    failed = [replace(TEN[0], outcome=Outcome.ERROR), replace(TEN[0], outcome=Outcome.CANCELLED)]
    requests = [*TEN, *blocked, *failed]

    found = predict(requests, [Reorder(("toxicity", "pii"))])
    assert (found.read, found.comparable, found.left_out) == (16, 10, 2)
    assert found.blocked is not None
    assert found.blocked.seconds is not None
    assert (found.blocked.n, found.blocked.let_through) == (4, 0)
    assert found.blocked.seconds.before.value == pytest.approx(12e-3)
    assert found.blocked.seconds.after.value == pytest.approx(10e-3)
    assert found.tax["mean"].difference.value == 0

    found = predict(requests, [Drop("toxicity")])
    assert found.blocked is not None
    assert (found.blocked.n, found.blocked.let_through, found.blocked.seconds) == (0, 4, None)
    assert "without toxicity, 4 requests that it blocked and 0 that it modified pass" in found.warnings[0]
    assert found.to_dict()["blocked"]["mean_seconds"] == {"before": None, "after": None, "difference": None}
    assert found.to_dict()["traces"] == {"read": 16, "comparable": 10, "blocked": 4, "left_out": 2}


def test_one_that_had_not_run_takes_its_mean_time() -> None:
    """Pii is cheap and comes last; ahead of toxicity it runs on the requests that toxicity blocks, too."""

    def reversed_order(trace: Trace) -> Trace:
        pii, toxicity, *rest = trace.spans
        swapped = (
            toxicity._replace(start_ns=0, end_ns=toxicity.duration_ns),
            pii._replace(start_ns=toxicity.duration_ns, end_ns=toxicity.duration_ns + pii.duration_ns),
        )
        return replace(trace, spans=(*swapped, *rest))

    blocked = Trace(0, 10 * MILLISECOND, (Span(TOXICITY, 0, 10 * MILLISECOND, Verdict.BLOCK),), Outcome.BLOCKED_INPUT)
    found = predict([*map(reversed_order, TEN), blocked], [Reorder(("pii", "toxicity"))])
    assert found.blocked is not None
    assert found.blocked.seconds is not None
    assert found.blocked.seconds.before.value == pytest.approx(10e-3)
    assert found.blocked.seconds.after.value == pytest.approx(12e-3)
    assert any("it is taken to let the request pass, in its mean time" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("changes", "said", "warning"),
    [
        ([Drop("pii")], Verdict.ALLOW, None),
        ([Faster("toxicity", 2)], Verdict.MODIFY, None),
        (
            [Drop("toxicity")],
            Verdict.MODIFY,
            "without toxicity, 0 requests that it blocked and 1 that it modified pass",
        ),
        ([Parallel("toxicity")], Verdict.ALLOW, "toxicity beside other work is taken to slow nothing down"),
        (
            [Parallel("toxicity")],
            Verdict.MODIFY,
            "toxicity modified 1 of 11 requests; what runs beside it would not see",
        ),
        (
            [Parallel("toxicity")],
            Verdict.BLOCK,
            "toxicity blocked 1 of 11 requests; what runs beside it would be started",
        ),
        ([Reorder(("toxicity", "pii"))], Verdict.MODIFY, "toxicity modified 1 of 11 requests; guards that move across"),
    ],
)
def test_what_a_change_does_beyond_its_time_is_said(
    changes: Sequence[Change], said: Verdict, warning: str | None
) -> None:
    warnings = predict([*TEN, served(1, 1, 1, said)], changes).warnings
    assert bool(warnings) == (warning is not None)
    assert warning is None or any(warning in found for found in warnings)


def test_without_any_guard_the_contention_is_gone_too() -> None:
    """Whatever the guards slowed down runs as without them, as sure as it is by how much they did."""
    residual = Estimate(3e-3, 2e-3, 5e-3)
    found = predict(TEN, [Drop("pii"), Drop("toxicity")], residual=residual)
    tax, request = found.tax["mean"], found.request["mean"]
    assert tax.before.value == pytest.approx(10.5e-3)
    assert tax.after == (0, 0, 0)
    assert tax.difference.value == pytest.approx(-10.5e-3)
    assert tax.difference.low == pytest.approx(-tax.before.high)
    assert tax.difference.high == pytest.approx(-tax.before.low)
    assert found.relative is not None
    assert found.relative[1].value == 0
    assert request.after == pytest.approx(found.raw)
    assert request.after.value == pytest.approx(97e-3)
    assert request.difference == pytest.approx(tax.difference)
    one = predict(TEN, [Drop("toxicity")], residual=residual)
    assert one.tax["mean"].after.value == pytest.approx(5e-3)


def test_a_request_without_a_model_has_no_relative_tax() -> None:
    found = predict([served(2, 3, 0)] * 3, [Drop("pii")])
    assert found.relative is None
    assert found.to_dict()["tax"]["relative"] is None


def test_guards_that_a_request_did_not_call_change_nothing_in_it() -> None:
    alone = Trace(0, 100 * MILLISECOND, (Span(MODEL, 0, 100 * MILLISECOND),))
    found = predict([*TEN, alone], [Drop("toxicity"), Faster("pii", 2)])
    assert found.comparable == 11
    assert found.tax["mean"].after.value == pytest.approx(1e-3 * 10 / 11)


def test_as_plain_data_it_is_json() -> None:
    found: Prediction = predict(many(20), [Drop("pii"), Faster("toxicity", 2), Parallel("toxicity")])
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert data["schema"] == "aligntax.whatif/1"
    assert data["scenario"] == "drop pii, toxicity 2 times as fast, toxicity in parallel"
    assert data["changes"] == [
        {"change": "drop", "guard": "pii"},
        {"change": "faster", "guard": "toxicity", "factor": 2},
        {"change": "parallel", "guard": "toxicity"},
    ]
    assert data["tax"].keys() == {"mean_seconds", "p50_seconds", "p99_seconds", "relative", "residual_seconds"}
    assert data["tax"]["residual_seconds"] is None
    assert data["tax"]["p99_seconds"]["after"]["low"] is None
    assert (data["blocked"], data["verification"]) == (None, None)
    assert Reorder(("a", "b")).to_dict() == {"change": "reorder", "order": ["a", "b"]}


def test_refused() -> None:
    with pytest.raises(ValueError, match="0 traces; pass 1 to 100,000 recorded requests"):
        predict([], [Drop("pii")])
    with pytest.raises(ValueError, match="those are: pii, toxicity"):
        predict(TEN, [Drop("pi")])
    with pytest.raises(ValueError, match="none of 2 requests ran to its end"):
        predict([served(1, 1, 1, Verdict.BLOCK)] * 2, [Drop("pii")])
