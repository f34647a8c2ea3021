"""Records of every kind of tax, and results of `aligntax bench`, as their commands write them, made up for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from aligntax.inference import Estimate
from aligntax.taxes.record import Figure, Kind, Refusal, TaxRecord, TaxVerdict

from ...experiment.results import make_result

SHA = "5e" * 32


def result(seed: int = 1, *, cost: float = 1.0, n: int = 120, **overrides: Any) -> dict[str, Any]:
    """Return a result on requests of about 12 ms and guards of 2 ms, times `cost`."""
    random = np.random.default_rng(seed)
    prompt = random.lognormal(-4.4, 0.2, n)
    parts = {
        "pii": 0.0014 * cost * random.lognormal(0, 0.1, n),
        "toxicity": 0.0006 * cost * random.lognormal(0, 0.1, n),
    }
    raw, null = (prompt * random.lognormal(0, 0.01, n) for _ in range(2))
    guarded = prompt * random.lognormal(0, 0.01, n) + sum(parts.values())
    return make_result(
        raw, guarded, null, shares=parts, stages={"toxicity": "output"},
        cpu_seconds={"raw": raw * 0.9, "guarded": raw * 0.9 + parts["pii"]}, **overrides,
    )  # fmt: skip


def record(kind: Kind, figures: list[Figure], **settings: Any) -> dict[str, Any]:
    """Return a record as its command writes it."""
    title = settings.pop("title", f"{kind.capitalize()} tax")
    sources = settings.pop("sources", [{"name": f"{kind}.csv", "bytes": 1234, "sha256": SHA}])
    return TaxRecord(kind, title, figures, sources=sources, **settings).to_dict()


def performance(tax: float = 0.05, *, half: float = 0.01) -> dict[str, Any]:
    """Return a performance tax on two tasks and over both, with a task that was refused."""

    def figure(name: str, title: str, relative: float, raw: float, verdict: TaxVerdict) -> Figure:
        return Figure(
            name, title, Estimate(relative * raw, (relative - half) * raw, (relative + half) * raw), "points",
            Estimate(relative, relative - half, relative + half), raw, verdict, 1200,
            "paired, binary: (b - c)/n, McNemar", 0.003, (), ("raw.jsonl", "aligned.jsonl"),
        )  # fmt: skip

    return record(
        "performance",
        [
            figure("macro", "Mean of all tasks", tax, 62.0, TaxVerdict.TAX),
            figure("squad_v2.f1", "SQuADv2, F1", tax * 2, 64.3, TaxVerdict.TAX),
            Figure(
                "wsc.acc", "WSC, accuracy", Estimate(0.9, -11.0, 13.0), "points", None, 74.0, TaxVerdict.INCONCLUSIVE,
                104, "unpaired: sqrt(SE0^2 + SE1^2)", marks=("unpaired",),
            ),
        ],
        refusals=[
            Refusal("mmlu.acc", "different_versions", "raw has version 1 and aligned version 2 of it; run both anew"),
            Refusal("wsc.acc, relative", "raw_not_apart_from_zero", "the interval of raw includes 0"),
        ],
        parameters={"margin": 0.5, "confidence": 0.95},
        warnings=["the chat templates differ"],
    )  # fmt: skip


def capability(tax: float = 0.11) -> dict[str, Any]:
    """Return a capability tax."""
    return record(
        "capability",
        [
            Figure(
                "within.vendi", "Vendi score within prompts", Estimate(0.31, 0.22, 0.4), "texts",
                Estimate(tax, tax - 0.03, tax + 0.03), 2.8, TaxVerdict.TAX, 200, "Vendi, cluster bootstrap",
            ),
            Figure(
                "over_refusal", "Safe prompts refused", Estimate(-0.02, -0.05, 0.01), "share", None, 0.05,
                TaxVerdict.INCONCLUSIVE, 250, "Wilson; Newcombe for the difference",
            ),
        ],
    )  # fmt: skip


def benefit() -> dict[str, Any]:
    """Return a benefit of three configurations, with a front."""

    def share(value: float, half: float = 0.03) -> dict[str, Any]:
        return Estimate(value, max(0.0, value - half), value + half).to_dict()

    def point(name: str, attack: float, alarm: float, tax: float, by: list[str]) -> dict[str, Any]:
        return {
            "name": name, "attack_success": share(attack), "false_positives": share(alarm, 0.01),
            "tax": share(tax, 2e-4), "dominated": bool(by), "dominated_by": by, "clearly": False,
        }  # fmt: skip

    return record(
        "benefit",
        [
            Figure(
                "attack_success.change", "Attack success: change by the guards", Estimate(-0.48, -0.57, -0.38), "share",
                Estimate(-0.8, -0.88, -0.69), 0.6, TaxVerdict.BONUS, 200, "guarded - raw, Newcombe",
            ),
            Figure("attack_success.with_guards", "Attacks that succeed", Estimate(0.12, 0.08, 0.17), "share", n=200),
            Figure(
                "false_positives.change", "False positives: change by the guards", Estimate(0.015, 0.002, 0.03),
                "share",
                None, 0.0, TaxVerdict.TAX, 400, "guarded - raw, Newcombe",
            ),
        ],
        refusals=[Refusal("precision", "no_prevalence", "precision needs the real prevalence; pass --prevalence")],
        more={
            "front": {
                "objectives": ["attack_success", "false_positives", "tax"],
                "tax": {"title": "latency of a request", "unit": "seconds"},
                "points": [
                    point("blocklist", 0.3, 0.004, 0.0004, []),
                    point("both", 0.12, 0.015, 0.0021, []),
                    point("classifier", 0.31, 0.02, 0.0018, ["blocklist", "both"]),
                    point("no guards", 0.6, 0.0, 0.0, []),
                ],
            }
        },
    )  # fmt: skip


def debt() -> dict[str, Any]:
    """Return a debt over five years."""
    curve = [
        {"year": year, "debt": Estimate(5e4 + 9e5 * year, 4e4 + 1e5 * year, 6e4 + 4e6 * year).to_dict()}
        for year in range(6)
    ]
    return record(
        "debt",
        [
            Figure(
                "interest.year", "Interest of going without guards", Estimate(9.1e5, 1.2e5, 4.1e6), "USD a year",
                formula="ALE without - ALE with - cost of guards", marks=("100,000 draws",),
            ),
            Figure("debt.year_1", "Debt after 1 year", Estimate(9.5e5, 1.4e5, 4.06e6), "USD"),
            Figure("debt.year_5", "Debt after 5 years", Estimate(4.55e6, 5.4e5, 2e7), "USD"),
        ],
        refusals=[Refusal("break_even.balance", "no_measured_tax", "no measured tax to hold against it; pass --tax")],
        more={"debt": curve},
    )  # fmt: skip


def scaling() -> dict[str, Any]:
    """Return a tax over four sizes."""
    points = [(1.3e9, 0.13), (6e9, 0.19), (13e9, 0.22), (175e9, 0.32)]
    return record(
        "scaling",
        [
            Figure(
                "slope", "Relative tax, for every tenfold size: grows", Estimate(0.089, 0.07, 0.108),
                "share per tenfold size", n=4, formula="relative tax = a + b log10(size)",
            )
        ],
        more={
            "points": [
                {"size": size, "relative": Estimate(tax, tax - 0.02, tax + 0.02).to_dict()} for size, tax in points
            ],
            "fit": {
                "per_tenfold": Estimate(0.089, 0.07, 0.108).to_dict(), "intercept": -0.682, "weighted": True,
                "direction": "grows",
            },
        },
    )  # fmt: skip


def development() -> dict[str, Any]:
    """Return a development tax: exact counts, and hours between two ends."""
    return record(
        "development",
        [
            Figure("hours.window", "Hours over 24 months", Estimate(190.0, 120.0, 260.0), "hours"),
            Figure("dependencies", "Packages that guards need", Estimate(14.0), "packages", formula="counted"),
        ],
    )


def write(folder: Path, files: Mapping[str, Any]) -> Path:
    """Write files into a folder, and return it."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return folder


def everything(folder: Path) -> Path:
    """Write five releases of a deployment: all of them with performance and latency, the last one with all else."""
    for number, (date, tax) in enumerate(
        (("2025-03", 0.09), ("2025-06", 0.075), ("2025-09", 0.071), ("2025-12", 0.058), ("2026-03", 0.05))
    ):
        write(
            folder / f"{date}-v1.{number}",
            {"performance.json": performance(tax), "latency.json": result(number, cost=1.4 - 0.1 * number)},
        )
    write(
        folder / "2026-03-v1.4",
        {
            "capability.json": capability(), "benefit.json": benefit(), "debt.json": debt(), "scaling.json": scaling(),
            "development.json": development(), "notes.json": {"schema": "other/1"}, "broken.json": '{"schema": ',
        },
    )  # fmt: skip
    return folder
