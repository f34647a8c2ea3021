"""Results of experiments whose traces are real: guards of `aligntax.testing` that a profiler watched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from aligntax import Profiler
from aligntax.experiment.load import Arm, Arrivals, InProcess, Objective, Plan, SearchPlan, Slo, load
from aligntax.experiment.whatif import Drop, Faster, Parallel, predict, trace_of
from aligntax.exporters.record import record
from aligntax.inference import Estimate, mean, median, median_of_differences, ratio_of_means
from aligntax.testing import sleeping, sleeping_async, spinning

from ...experiment.results import make_result

HOSTILE = "<script>document.title='broken in'</script> $x^2$ & \"quoted\" " + "long " * 9 + "λ 检"

Traces = list[dict[str, Any]]
MakeResult = Callable[..., dict[str, Any]]


def recorded(serve: Callable[[Profiler], Callable[[], Any]], requests: int) -> Traces:
    """Serve requests under a profiler, and return their traces as a result file holds them."""
    found: Traces = []
    with Profiler(drain_seconds=0, cpu_share=1.0) as profiler:
        profiler.subscribe(lambda trace, attribution: found.append(record(trace, attribution, 0)))
        answer = serve(profiler)
        for _ in range(requests):
            answer()
            profiler.drain()
    return found


def busy(name: str, traces: Traces) -> Any:
    """Return how long a layer ran in each request, in seconds."""
    return np.array(
        [sum(span["duration_ns"] for span in trace["spans"] if span["layer"] == name) / 1e9 for trace in traces]
    )


def _shop(profiler: Profiler) -> Callable[[], Any]:
    pii = profiler.guard(spinning(0.002), name="pii", stage="input", verdict=lambda _: "modify")
    model = profiler.model(sleeping_async(0.012), name="gpt2")
    toxicity = profiler.guard(sleeping_async(0.016), name="toxicity", stage="parallel")
    hostile = profiler.guard(sleeping_async(0.006), name=HOSTILE, stage="parallel")
    check = profiler.guard(spinning(0.001), name="check", stage="output")

    async def answer() -> None:
        async with profiler.request():
            text = pii("text")
            await asyncio.gather(model(text), toxicity(text), hostile(text))
            check(text)

    return lambda: asyncio.run(answer())


def _blocking(profiler: Profiler) -> Callable[[], Any]:
    pii = profiler.guard(spinning(0.001), name="pii", stage="input", verdict=lambda _: "block")

    def answer() -> None:
        with profiler.request():
            pii("text")

    return answer


def _many(profiler: Profiler) -> Callable[[], Any]:
    chain = [profiler.guard(sleeping(0.0005), name=f"guard-{number:02}") for number in range(12)]
    model = profiler.model(sleeping(0.003), name="gpt2")

    def answer() -> None:
        with profiler.request():
            for guard in chain:
                guard("text")
            model("text")

    return answer


@pytest.fixture(scope="session")
def shop_traces() -> Traces:
    return recorded(_shop, 9)


@pytest.fixture(scope="session")
def blocked_traces() -> Traces:
    return recorded(_blocking, 3)


@pytest.fixture(scope="session")
def many_traces() -> Traces:
    return recorded(_many, 3)


@pytest.fixture(scope="session")
def make(shop_traces: Traces) -> MakeResult:
    """Makes results on requests of about 12 ms and 8 ms of guards, which have it as in the traces, times `cost`."""

    def result(n: int = 400, *, cost: float = 1.0, seed: int = 1, **settings: Any) -> dict[str, Any]:
        random = np.random.default_rng(seed)
        prompt = random.lognormal(-4.4, 0.25, n)
        noise = random.lognormal(0, 0.02, (3, n))
        found = {name: sum(trace["shares_ns"][name] for trace in shop_traces) for name in shop_traces[0]["shares_ns"]}
        of_traces = {name: share / sum(found.values()) * 0.008 * cost for name, share in found.items()}
        shares = {name: share * random.lognormal(0, 0.2, n) for name, share in of_traces.items()}
        tax = sum(shares.values(), np.zeros(n))
        settings = {"shares": shares, "traces": shop_traces, **settings}
        settings.setdefault("cpu_seconds", {"raw": prompt * 0.1, "guarded": prompt * 0.1 + shares["pii"]})
        settings.setdefault("stages", {"pii": "input", "toxicity": "parallel", HOSTILE: "parallel", "check": "output"})
        raw, guarded, null = prompt * noise[0], prompt * noise[1] + tax * 1.03, prompt * noise[2]
        made = make_result(raw, guarded, null, **settings)
        for guard in made["guards"]:
            guard["busy_seconds"] = mean(busy(guard["name"], shop_traces) * cost).to_dict()
        return made

    return result


def _point(value: int, seed: int) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    raw = random.lognormal(-3, 0.1, 40)
    guarded = raw + 0.0004 * value**0.5 * random.lognormal(0, 0.1, 40)
    tax = median_of_differences(raw, guarded)
    ratio = ratio_of_means(raw, guarded, paired=True)
    return {
        "value": value,
        "n": 40,
        "raw_seconds": median(raw).to_dict(),
        "guarded_seconds": median(guarded).to_dict(),
        "tax_seconds": tax.to_dict(),
        "mean_tax_seconds": mean(guarded - raw).to_dict(),
        "relative": Estimate(*(end - 1 for end in ratio if end is not None)).to_dict(),
        "distinguishable": not tax.covers(0),
    }


@pytest.fixture(scope="session")
def sweeps() -> dict[str, Any]:
    """Two sweeps, one of them with too few sizes for an exponent; as /1 of their schema says."""
    many = [_point(value, seed) for seed, value in enumerate((10, 100, 1000, 10_000))]
    fit = {"exponent": Estimate(0.5, 0.46, 0.54).to_dict(), "coefficient": 0.0004, "p_of_fit": 0.4, "widened": 1.2}
    common = {"warnings": [], "stopped": "done"}
    return {
        "patterns": {
            "parameter": "patterns",
            "label": None,
            "points": many,
            "reason": None,
            "fit": {**fit, "fitted": [10, 100, 1000, 10_000]},
            **common,
        },
        "prompt_length": {
            "parameter": "prompt_length",
            "label": "characters",
            "points": many[:2],
            "fit": None,
            "reason": "2 sizes, and an exponent needs at least 4",
            **common,
            "warnings": ["few sizes"],
        },
    }


@pytest.fixture(scope="session")
def scenarios(shop_traces: Traces) -> list[dict[str, Any]]:
    """Predictions on the real traces, one of them with a verification."""
    traces = [trace for trace in map(trace_of, shop_traces) if trace is not None]
    found = [
        predict(traces, [change]).to_dict()
        for change in (Drop("pii"), Faster("toxicity", 2), Drop(HOSTILE), Parallel("pii"))
    ]
    after = found[0]["tax"]
    measured = {
        name: {"predicted": after[name]["after"], "measured": after[name]["after"]}
        for name in ("mean_seconds", "p50_seconds")
    }
    saving = {
        name: {"predicted": after[name]["difference"], "measured": after[name]["difference"]}
        for name in ("mean_seconds", "p50_seconds")
    }
    error = {"tax": 0.013, "request": -0.002}
    found[0]["verification"] = {"target": "shop", "n": 60, "tax": measured, "saving": saving, "error": error}
    return found


@pytest.fixture(scope="session")
def loaded() -> dict[str, Any]:
    """A real load on two pipelines that sleep, with a search for the highest rate."""
    objective = Objective.parse("p50<=30ms")
    plan = Plan(
        Arrivals("poisson", 60.0, 1),
        seconds=1.2,
        windows=2,
        warm_up_seconds=0.1,
        slo=Slo(seconds=0.03),
        search=SearchPlan(objective, requests=12, extensions=0, tolerance=0.5, budget_seconds=4.0),
    )
    arms = {
        name: Arm(InProcess(sleeping(seconds), threads=1)) for name, seconds in (("raw", 0.004), ("guarded", 0.007))
    }
    return load(arms, ["a", "b", "c"], plan)


@pytest.fixture(scope="session")
def history(make: MakeResult) -> list[dict[str, Any]]:
    """A trend as a gate's history gives it: rows with a change point, on two kinds of machine."""
    rows = []
    for month in range(1, 9):
        tax = make(60, cost=1.0 if month < 5 else 0.7, seed=month)["tax"]
        rows.append(
            {
                "file": f"{month}.json",
                "created": f"2025-{month:02}-01T12:00:00+00:00",
                "cpu_model": "Fast CPU 9000" if month > 2 else "Slow CPU",
                "metrics": {"tax.relative": tax["relative"], "tax.absolute": tax["seconds"]},
                "change_point": month == 5,
            }
        )
    return rows


@pytest.fixture(scope="session")
def whole(
    make: MakeResult, sweeps: dict[str, Any], scenarios: list[dict[str, Any]], loaded: dict[str, Any]
) -> dict[str, Any]:
    """A result with every part that there is."""
    known = Estimate(0.004, 0.0038, 0.0042)
    result = make(
        scaling=sweeps,
        whatif=scenarios,
        load=loaded,
        warnings=["400 pairs from 20 prompts", f"the guard {HOSTILE} is not the same every time"],
        cold_start={
            "runs": 3,
            "raw": {"import_seconds": Estimate(0.41).to_dict(), "first_call_seconds": Estimate(0.03).to_dict()},
            "guarded": {"import_seconds": Estimate(0.41).to_dict(), "first_call_seconds": Estimate(0.09).to_dict()},
            "guards": {"pii": Estimate(0.05).to_dict()},
        },
    )
    heap = {"raw": Estimate(52_000, 51_000, 53_000), "guarded": Estimate(3e6, 2.9e6, 3.1e6)}
    result["compute"] |= {
        "memory_bytes": {arm: bytes_.to_dict() for arm, bytes_ in heap.items()},
        "energy_joules": {"raw": 1.5, "guarded": 1.9, "source": ["rapl package-0"], "estimated": False},
    }
    for guard in result["guards"][:2]:
        guard |= {"alone_seconds": known.to_dict(), "left_out_seconds": known.to_dict(), "cpu_seconds": 0.002}
    return result
