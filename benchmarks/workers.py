"""What a scrape costs in a server of 16 workers, whose ledgers it reads from their files, adds up and renders."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from time import perf_counter_ns

import measure
import result
from result import Result
from scrape import scraper

from aligntax import Profiler, Verdict
from aligntax.testing import FakeClock

WORKERS, LAYERS, MODELS = 16, 128, 16
GUARDS_IN_USE, MODELS_IN_USE = 8, 2
REQUESTS = 200
CASE = f"{WORKERS} workers, {GUARDS_IN_USE + MODELS_IN_USE} of {LAYERS} layers in use: read, add up and render"
LIMIT_MS = 50
ROUNDS, QUICK_ROUNDS = 41, 5


def run(quick: bool) -> Result:
    """Compare the sum with what the workers counted, then time whole scrapes, each with a drain."""
    with tempfile.TemporaryDirectory() as folder:
        profilers = [_worker(Path(folder), seed) for seed in range(WORKERS)]
        own = sum(int(profiler.ledger.requests.sum()) for profiler in profilers)
        first = profilers[0]
        agree = own == WORKERS * REQUESTS == first.report().to_dict()["requests"]
        text = scraper(first)

        def whole() -> float:
            start_ns = perf_counter_ns()
            text()
            return (perf_counter_ns() - start_ns) / 1e6

        def reading() -> float:
            start_ns = perf_counter_ns()
            first.view()
            return (perf_counter_ns() - start_ns) / 1e6

        said = measure.interleave({"whole": whole, "reading": reading}, QUICK_ROUNDS if quick else ROUNDS)
        read_and_added = measure.median(said["reading"]).median
        rows = [
            result.limited(CASE, measure.median(said["whole"]), LIMIT_MS, "ms", 1e-3, read_and_added_ms=read_and_added)
        ]
        more = {"bytes": len(text()), "bytes_of_a_file": first.ledger.buffer.nbytes}
        for profiler in profilers:
            profiler.close()
    return Result(rows, agree, more)


def _worker(folder: Path, seed: int) -> Profiler:
    """Return one of the workers, which are all of this process: their files are read as any other's are."""
    clock = FakeClock()
    profiler = Profiler(
        clock=clock,
        cpu_clock=clock,
        cpu_share=0,
        drain_seconds=0,
        max_layers=LAYERS,
        max_models=MODELS,
        ledger_dir=folder,
    )
    draw = random.Random(seed)

    def layer(text: str) -> str:
        clock.advance(round(draw.lognormvariate(15, 2)))
        return text

    def verdict(_: str) -> Verdict:
        return draw.choice([Verdict.ALLOW, Verdict.MODIFY, Verdict.BLOCK])

    guards = [profiler.guard(layer, name=f"guard {number}", verdict=verdict) for number in range(GUARDS_IN_USE)]
    models = [profiler.model(layer, name=f"model {number}") for number in range(MODELS_IN_USE)]
    for number in range(REQUESTS):
        with profiler.request():
            for each in (*guards, models[number % MODELS_IN_USE]):
                each("text")
    profiler.drain()
    return profiler
