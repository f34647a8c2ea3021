"""Predictions against the same change made for real: exact in made-up time, close on the real clock."""

from __future__ import annotations

import asyncio

import pytest

from aligntax import Profiler, Trace, attribute
from aligntax.experiment.paired import Design
from aligntax.experiment.whatif import Change, Drop, Faster, Parallel, Reorder, predict, verify_target

from ...calibration.made_up_time import MadeUpTime
from . import sleepers
from .sleepers import UNITS, Call, build

CHANGES: dict[str, tuple[Change, ...]] = {
    "drop": (Drop("toxicity"),),
    "faster": (Faster("toxicity", 2),),
    "parallel": (Parallel("toxicity"),),
    "reorder": (Reorder(("toxicity", "pii")),),
    "all at once": (Drop("pii"), Parallel("toxicity"), Faster("toxicity", 1.2), Faster("shield", 0.5)),
    "hidden": (Faster("toxicity", 2), Parallel("toxicity")),
}
REQUESTS = 5
every_change = pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)


def in_made_up_time(changes: tuple[Change, ...] = ()) -> list[Trace]:
    """Requests of different lengths, in time that passes only inside of the layers."""
    time = MadeUpTime()
    profiler = Profiler(clock=time.clock, cpu_clock=time.clock, cpu_share=0, drain_seconds=0)

    def taking(name: str, factor: float) -> Call:
        async def layer(number: int) -> int:
            await asyncio.sleep(round(UNITS[name] * (1_000 + 30 * number * len(name)) / factor) / 1e9)
            return number

        return layer

    pipeline = build(profiler, taking, changes)
    assert pipeline is not None

    async def serve() -> None:
        for number in range(REQUESTS):
            await pipeline(number)

    time.run(serve())
    return profiler.traces()


@every_change
def test_in_made_up_time_a_prediction_is_exact(changes: tuple[Change, ...]) -> None:
    recorded, real = in_made_up_time(), in_made_up_time(changes)
    for before, after in zip(recorded, real, strict=True):
        found = predict([before], changes)
        assert found.request["mean"].after.value == after.duration_ns / 1e9
        assert found.tax["mean"].after.value == pytest.approx(attribute(after).tax_ns / 1e9, abs=1e-15)
    found = predict(recorded, changes)
    assert found.raw.value == pytest.approx(sum(attribute(trace).raw_ns for trace in real) / REQUESTS / 1e9)


@pytest.mark.parametrize("name", ["drop", "faster", "parallel", "all at once"])
def test_on_the_real_clock_a_prediction_is_within_five_per_cent(name: str) -> None:
    """The requests that are predicted from are those of the same experiment: a machine may be busier in the next."""
    traces: list[Trace] = []
    unsubscribe = sleepers.profiler.subscribe(lambda trace, _: traces.append(trace))
    found = verify_target(
        predict(in_made_up_time(), CHANGES[name]),
        "tests.experiment.whatif.sleepers:pipeline",
        None,
        Design(width=1e-9, max_pairs=15, warm_up_rounds=0),
        lambda stage, done, detail: True,
    )
    sleepers.profiler.drain()
    unsubscribe()
    # What stands in for a guard that is left out is timed as well, and takes next to nothing.
    guarded = [trace for trace in traces if min(span.duration_ns for span in trace.spans) > 1_000_000]
    prediction = predict(guarded[-found.n :], CHANGES[name])
    assert found.n == 15
    for predicted, measured in (
        (prediction.request["p50"].after, found.request["p50"].measured),
        (prediction.tax["p50"].after, found.tax["p50"].measured),
    ):
        assert measured.low is not None
        assert measured.high is not None
        assert 0.95 * measured.low <= predicted.value <= 1.05 * measured.high
