"""Runs that never were: paired samples with the noise, the prompts and the slowdown that a test asks for."""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.experiment.results import make_result

PII_SECONDS, TOXICITY_SECONDS = 0.002, 0.003


def simulated(
    seed: int, n: int = 400, *, slowdown: float = 1.0, noise: float = 0.03, prompts: int = 20, **overrides: Any
) -> dict[str, Any]:
    """A run of a pipeline with two guards, one at each end of a model whose time goes by the prompt.

    Args:
        seed: of this run's noise; the prompts are the same in all runs.
        n: pairs.
        slowdown: what the guarded requests take is so many times more, all of it by the guard `toxicity`.
        noise: standard deviation of the logarithm of a model's time.
        prompts: how many are asked in turn.
    """
    draw = np.random.default_rng(seed)
    lengths = np.random.default_rng(1).lognormal(0, 0.5, prompts)
    expected = 0.05 * lengths[np.arange(n) % prompts]
    raw, plain, null = (expected * draw.lognormal(0, noise, n) for _ in range(3))
    pii, toxicity = (seconds * draw.lognormal(0, 0.1, n) for seconds in (PII_SECONDS, TOXICITY_SECONDS))
    guarded = (plain + pii + toxicity) * slowdown
    settings: dict[str, Any] = {
        "shares": {"pii": pii, "toxicity": toxicity + guarded * (1 - 1 / slowdown)},
        "stages": {"toxicity": "output"},
        "cpu_seconds": {"raw": 0.9 * raw, "guarded": 0.9 * guarded},
        "compute": {"memory_bytes": {"raw": _around(1e6), "guarded": _around(3e6), "tax": _around(2e6)}},
        "cold_start": {
            "raw": {"import_seconds": _once(1.0), "first_call_seconds": _once(0.1)},
            "guarded": {"import_seconds": _once(1.0), "first_call_seconds": _once(0.4)},
        },
    }
    return make_result(raw, guarded, null, prompts=prompts, **{**settings, **overrides})


def _around(value: float) -> dict[str, float]:
    return {"value": value, "low": 0.95 * value, "high": 1.05 * value}


def _once(value: float) -> dict[str, float | None]:
    return {"value": value, "low": None, "high": None}
