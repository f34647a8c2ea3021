"""The headline's intervals hold what guards were made to cost: in series, beside the model, and hidden by it."""

from __future__ import annotations

import asyncio
import math
import random
from typing import Any

import pytest

from aligntax import Profiler
from aligntax.attribution import attribute
from aligntax.experiment.analysis import analyse
from aligntax.experiment.arms import GUARDED, RAW, arms_of
from aligntax.experiment.call import Measurement
from aligntax.experiment.paired import Design, run_paired
from aligntax.experiment.seconds import answering
from aligntax.experiment.target import prepare
from aligntax.inference import Estimate
from aligntax.testing import sleeping_async, spinning
from aligntax.trace import Layer, Outcome, Span, Trace

MILLI = 1_000_000
PROMPTS = [f"prompt {number}" for number in range(10)]
BEFORE, AFTER = Layer("before", stage="input"), Layer("after", stage="output")
BESIDE, MODEL = Layer("beside", stage="parallel"), Layer("model", "model")
MODEL_MS, SPREAD = 10.0, 0.05


def quiet(stage: str, done: float, detail: str) -> bool:
    return True


def simulated(drawn: random.Random, before_ms: float, beside_ms: float, after_ms: float) -> dict[str, Any]:
    """Return arms whose model varies: a guard before it, one that starts with it, and one after both."""

    def model_ns() -> int:
        return round(MODEL_MS * MILLI * drawn.lognormvariate(0, SPREAD))

    def measured(spans: list[Span]) -> Measurement:
        trace = Trace(0, max(span.end_ns for span in spans), tuple(spans))
        return Measurement(trace.duration_ns / 1e9, None, Outcome.ALLOWED, trace, attribute(trace))

    def raw(_: str) -> Measurement:
        return measured([Span(MODEL, 0, model_ns())])

    def guarded(_: str) -> Measurement:
        spans, now_ns = [], 0
        if before_ms:
            now_ns = round(before_ms * MILLI)
            spans.append(Span(BEFORE, 0, now_ns))
        spans.append(Span(MODEL, now_ns, now_ns + model_ns()))
        if beside_ms:
            spans.append(Span(BESIDE, now_ns, now_ns + round(beside_ms * MILLI)))
        now_ns = max(span.end_ns for span in spans)
        if after_ms:
            spans.append(Span(AFTER, now_ns, now_ns + round(after_ms * MILLI)))
        return measured(spans)

    return {RAW: raw, GUARDED: guarded}


MEAN_MS = MODEL_MS * math.exp(SPREAD**2 / 2)


@pytest.mark.parametrize(
    ("costs_ms", "median_ms", "mean_ms"),
    [
        ((1.0, 0.0, 0.5), 1.5, 1.5),
        ((1.0, 20.0, 0.0), 1.0 + 20.0 - MODEL_MS, 1.0 + 20.0 - MEAN_MS),
        ((1.0, 4.0, 0.5), 1.5, 1.5),
    ],
    ids=["in series", "beside the model and longer", "hidden by the model"],
)
def test_the_headline_covers_the_injected_tax(costs_ms, median_ms, mean_ms):
    """Of 200 experiments of 40 pairs, 92 to 98 % say so: the absolute tax, and the relative one."""
    guards = {layer.name: layer for layer in (BEFORE, BESIDE, AFTER)}
    absolute = relative = 0
    for seed in range(200):
        columns = run_paired(
            simulated(random.Random(1000 + seed), *costs_ms),
            PROMPTS,
            Design(width=1e-9, max_pairs=40, warm_up_rounds=0, seed=seed),
            quiet,
        )
        tax = analyse(columns, guards)["tax"]
        absolute += Estimate.from_dict(tax["seconds"]).covers(median_ms / 1e3)
        relative += Estimate.from_dict(tax["relative"]).covers(mean_ms / MEAN_MS)
    assert 184 <= absolute <= 196
    assert 184 <= relative <= 196


@pytest.mark.parametrize(
    ("beside_seconds", "tax_seconds"),
    [(0.0002, 0.0015), (0.008, 0.0015 + 0.008 - 0.002)],
    ids=["in series, and hidden", "in series, and beside"],
)
def test_the_headline_covers_it_on_a_real_clock(beside_seconds, tax_seconds):
    """Of 16 experiments of 12 pairs. The model's time varies by more than waking up on a busy machine does."""
    drawn = random.Random(20)

    async def generate(text: str) -> str:
        await asyncio.sleep(min(0.002 * drawn.lognormvariate(0, 0.5), 0.006))
        return text

    with Profiler(drain_seconds=0) as profiler:
        before = profiler.guard(spinning(0.001), name="before")
        beside = profiler.guard(sleeping_async(beside_seconds), name="beside", stage="parallel")
        after = profiler.guard(spinning(0.0005), name="after", stage="output")
        model = profiler.model(generate, name="model")

        async def pipeline(prompt: str) -> str:
            async with profiler.request():
                checked = before(prompt)
                answer, _ = await asyncio.gather(model(checked), beside(checked))
                return str(after(answer))

        target = prepare("real", pipeline, PROMPTS)
        arms = {
            arm.name: answering(target, arm.bypassed) for arm in arms_of([*target.guards]) if arm.name in (RAW, GUARDED)
        }
        covered = 0
        for seed in range(16):
            design = Design(width=1e-9, max_pairs=12, warm_up_rounds=0, seed=seed)
            tax = analyse(run_paired(arms, PROMPTS, design, quiet), target.guards)["tax"]
            covered += Estimate.from_dict(tax["seconds"]).covers(tax_seconds)
        target.caller.close()
    assert covered >= 12
