"""A prediction beside what was measured: the changed pipeline runs in turns with the one that it was made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from aligntax.experiment.arms import GUARDED, RAW
from aligntax.experiment.whatif.prediction import Prediction
from aligntax.inference import Estimate, mean_of_differences, median, median_of_differences, quantile

__all__ = ["CHANGED", "Beside", "Measure", "Verification", "verify"]

CHANGED = "changed"


class Measure(Protocol):
    """Runs arms in turns on the same prompts."""

    def __call__(self, arms: Mapping[str, Callable[[Any], Any]]) -> Mapping[str, Sequence[float]]:
        """Return, by arm, how many seconds each request took; the same index is the same prompt in the same round."""
        ...


class Beside(NamedTuple):
    """One figure twice, in seconds."""

    predicted: Estimate
    measured: Estimate

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {name: estimate.to_dict() for name, estimate in self._asdict().items()}


@dataclass(frozen=True, slots=True)
class Verification:
    """How well a prediction was met.

    Attributes:
        target: what was run.
        n: how many pairs.
        before: the tax without the changes, by `p50`: as recorded, and as it was measured now. Where these two differ,
            the requests were recorded in other conditions, and the rest differs as well.
        tax: with the changes, by `mean` and `p50`; measured, it is the mean and the median of the pairwise differences.
        saving: with the changes less without them, likewise; below 0 where they help.
        request: duration of a request with the changes, by `p50` and `p99`.
        design: how long it went on, and why it ended, as in a result of `aligntax bench`; empty where nobody said.
        warnings: what was cut or left out, and what else its reader should know.
    """

    target: str
    n: int
    before: Mapping[str, Beside]
    tax: Mapping[str, Beside]
    saving: Mapping[str, Beside]
    request: Mapping[str, Beside]
    design: Mapping[str, Any] = field(default_factory=dict)
    warnings: Sequence[str] = ()

    @property
    def error_of_request(self) -> float | None:
        """By which part the predicted duration (p50) of a request is off; above 0 where it was faster than predicted.

        None where n is too small for the measured one's interval.
        """
        predicted, measured = self.request["p50"]
        return None if measured.low is None else predicted.value / measured.value - 1

    @property
    def error_of_tax(self) -> float | None:
        """By which part the predicted tax (p50) is off; None where the measured one cannot be told from 0."""
        predicted, measured = self.tax["p50"]
        return None if measured.covers(0) else predicted.value / measured.value - 1

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data.

        `target`, `n`; `before {p50_seconds}`, `tax {mean_seconds, p50_seconds}`, `saving` likewise and `request
        {p50_seconds, p99_seconds}`, each `{predicted, measured}` of `{value, low, high}`; `error {tax, request}` of the
        p50, null where n is too small and, the former, where the measured tax cannot be told from 0; `design` as in a
        result of `aligntax bench`; `warnings`.
        """
        return {
            "target": self.target,
            "n": self.n,
            **{
                part: {f"{name}_seconds": figure.to_dict() for name, figure in figures.items()}
                for part, figures in (
                    ("before", self.before),
                    ("tax", self.tax),
                    ("saving", self.saving),
                    ("request", self.request),
                )
            },
            "error": {"tax": self.error_of_tax, "request": self.error_of_request},
            "design": dict(self.design),
            "warnings": list(self.warnings),
        }


def verify(
    prediction: Prediction, target: str, arms: Mapping[str, Callable[[Any], Any]], measure: Measure
) -> Verification:
    """Measure what was predicted.

    Args:
        prediction: from requests that the same pipeline served.
        target: its name.
        arms: what answers a prompt: `raw` without guards, `guarded` as it is, and `changed`.
        measure: runs them.

    Raises:
        ValueError: if an arm is missing, or nothing was measured.
        Exception: what `measure` raised.
    """
    missing = {RAW, GUARDED, CHANGED} - arms.keys()
    if missing:
        raise ValueError(f"arms {', '.join(sorted(missing))} are missing; give {RAW}, {GUARDED} and {CHANGED}")
    found = measure(arms)
    raw, guarded, changed = (np.asarray(found[arm], dtype=np.float64) for arm in (RAW, GUARDED, CHANGED))
    if not len(changed):
        raise ValueError(f"{target}: nothing was measured; let it run for longer")
    tax, request = prediction.tax, prediction.request
    return Verification(
        target,
        len(changed),
        {"p50": Beside(tax["p50"].before, median_of_differences(raw, guarded))},
        {
            "mean": Beside(tax["mean"].after, mean_of_differences(raw, changed)),
            "p50": Beside(tax["p50"].after, median_of_differences(raw, changed)),
        },
        {
            "mean": Beside(tax["mean"].difference, mean_of_differences(guarded, changed)),
            "p50": Beside(tax["p50"].difference, median_of_differences(guarded, changed)),
        },
        {
            "p50": Beside(request["p50"].after, median(changed)),
            "p99": Beside(request["p99"].after, quantile(changed, 0.99)),
        },
    )
