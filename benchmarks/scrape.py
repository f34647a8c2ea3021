"""What a scrape costs with 100 guards and 10 models, and whether threads that record have to wait for it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from time import perf_counter_ns

import measure
import result
from measure import Arm
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from result import Result
from stalls import Stalls

from aligntax import Outcome, Profiler, Verdict
from aligntax.exporters.exposition import Exposition
from aligntax.exporters.prometheus import ProfilerCollector
from aligntax.exporters.scrape import booked_scrape, read_families
from aligntax.testing import FakeClock

GUARDS, MODELS = 100, 10
SIZE = f"{GUARDS} guards, {MODELS} models"
LIMIT_MS = 20
ROUNDS, QUICK_ROUNDS = 41, 5
STALL_ROUNDS, QUICK_STALL_ROUNDS = 11, 3
STALL_SECONDS, QUICK_STALL_SECONDS = 1.0, 0.1


def run(quick: bool) -> Result:
    """Compare both texts sample by sample, time them in turns, then record on four threads with and without scrapes."""
    profiler = _populated()
    registry = CollectorRegistry()
    registry.register(ProfilerCollector(profiler))
    text = scraper(profiler)
    agree = _samples(text()) == _samples(generate_latest(registry))
    arms = {"ours": _milliseconds(text), "theirs": _milliseconds(lambda: generate_latest(registry))}
    said = measure.interleave(arms, QUICK_ROUNDS if quick else ROUNDS)
    case = f"collect and render, {SIZE}"
    peer = "prometheus_client, generate_latest"
    rows = [
        result.limited(case, measure.median(said["ours"]), LIMIT_MS, "ms", 1e-3),
        result.compared(case, said["ours"], peer, said["theirs"], "ms"),
    ]
    with Profiler(max_layers=GUARDS + MODELS, max_models=MODELS + 1) as live:
        # All guards allow: requests that were blocked would make the drain, and not the scrape, the heavy part.
        guards = _serve_every_outcome(live, lambda: None, None)
        stalls = Stalls(live, guards, scraper(live), QUICK_STALL_SECONDS if quick else STALL_SECONDS)
        rows += stalls.rows(QUICK_STALL_ROUNDS if quick else STALL_ROUNDS)
        lost = live.report().to_dict()["self"]["dropped_by_reason"]
    more = {"samples": len(_samples(text())), "bytes": len(text()), "stalls": stalls.counts, "dropped_in_stalls": lost}
    return Result(rows, agree, more)


def scraper(profiler: Profiler) -> Callable[[], bytes]:
    """Return what makes the text of one scrape."""
    exposition = Exposition()

    def text() -> bytes:
        with booked_scrape(profiler):
            return exposition.render(read_families(profiler))

    return text


def _populated() -> Profiler:
    """Return a profiler that has seen every guard, model, outcome and verdict, with times all over the grid."""
    clock = FakeClock()
    profiler = Profiler(
        clock=clock, cpu_clock=clock, cpu_share=1, drain_seconds=0, max_layers=GUARDS + MODELS, max_models=MODELS + 1
    )
    draw = random.Random(0)
    _serve_every_outcome(
        profiler,
        lambda: clock.advance(round(draw.lognormvariate(15, 2))),
        lambda _: draw.choice(list(Verdict)),
    )
    profiler.drain()
    return profiler


def _serve_every_outcome(
    profiler: Profiler, spend: Callable[[], None], verdict: Callable[[str], Verdict] | None
) -> Sequence[Callable[[str], str]]:
    """Make one request of each model with each outcome, through all guards; return the guards."""

    def layer(text: str) -> str:
        spend()
        return text

    guards = [profiler.guard(layer, name=f"guard {number}", verdict=verdict) for number in range(GUARDS)]
    for number in range(MODELS):
        model = profiler.model(layer, name=f"model {number}")
        for outcome in Outcome:
            with profiler.request() as request:
                for each in (*guards, model):
                    each("text")
                request.outcome = outcome
    return guards


def _samples(text: bytes) -> set[tuple[str, tuple[tuple[str, str], ...], float]]:
    return {
        (sample.name, tuple(sorted(sample.labels.items())), sample.value)
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def _milliseconds(work: Callable[[], object]) -> Arm:
    def arm() -> float:
        start_ns = perf_counter_ns()
        work()
        return (perf_counter_ns() - start_ns) / 1e6

    return arm
