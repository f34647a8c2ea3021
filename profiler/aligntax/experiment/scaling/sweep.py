"""The tax at several sizes of something: patterns in a list, the length of a prompt, a batch, a model, concurrency."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aligntax.experiment.arms import GUARDED, RAW
from aligntax.experiment.scaling.fitting import Fit, Point, fit_exponent
from aligntax.inference import mean_of_differences, median, median_of_differences, relative_difference

__all__ = ["SCHEMA", "Scaling", "Sweep", "check_values"]

SCHEMA = "aligntax.scaling/1"
MAX_SIZES = 50
FEW_PAIRS = 30

Measure = Callable[[Any], Mapping[str, Sequence[float]]]
"""From what the factory made to the seconds of each request, by arm: `raw` and `guarded`, with the same index for the
same prompt in the same round. It raises `KeyboardInterrupt` to end the sweep."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """How the tax changes with one parameter.

    Attributes:
        parameter: its name.
        points: by value, ascending.
        fit: the power law through them; None where there is none.
        reason: why there is none; None where there is one.
        warnings: what the figures do not tell.
        stopped: `done`, or `interrupted` when sizes are missing.
    """

    parameter: str
    points: tuple[Point, ...]
    fit: Fit | None
    reason: str | None
    warnings: tuple[str, ...]
    stopped: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as a result file holds it, at `scaling[parameter]`.

        `parameter`; `points[] {value, n, raw_seconds, guarded_seconds, tax_seconds, mean_tax_seconds, relative,
        distinguishable}`, by value: medians, the median and the mean of the pairwise differences, and the ratio of the
        means less 1, each `{value, low, high}` whose ends are null where n is too small; `distinguishable` says
        whether the interval of the tax leaves out 0. `fit {exponent {value, low, high}, coefficient, fitted[],
        p_of_fit, widened}` or null: tax_seconds = coefficient * value ** exponent at the values in `fitted`; `p_of_fit`
        is small where no power law describes the points, and null where they have no spread; `widened` says how many
        times as far from the line they lie as their intervals say, if more than once: so much wider is the exponent's
        interval. `reason` says why there is no fit; `warnings`; `stopped`: `done` or `interrupted`.
        """
        return {
            "parameter": self.parameter,
            "points": [point.to_dict() for point in self.points],
            "fit": None if self.fit is None else self.fit.to_dict(),
            "reason": self.reason,
            "warnings": list(self.warnings),
            "stopped": self.stopped,
        }


@dataclass(frozen=True, slots=True)
class Sweep:
    """A parameter, its values, and what makes something to measure of each.

    Attributes:
        parameter: its name, e.g. `patterns`, `prompt_length`, `batch_size`, `concurrency` or `model_size`.
        values: 1 to 50 different numbers above 0.
        factory: makes of a value what `run` hands to its `measure`.

    Raises:
        ValueError: see `check_values`.
    """

    parameter: str
    values: tuple[float, ...]
    factory: Callable[[float], Any]

    def __post_init__(self) -> None:
        check_values(self.parameter, self.values)

    def run(self, measure: Measure, *, seed: int = 0) -> Scaling:
        """Measure at every value, in an order drawn at random: what drifts meanwhile then looks like no growth.

        Args:
            measure: takes the seconds of what the factory made.
            seed: of the order.

        Raises:
            ValueError: if nothing was measured at some value, or the raw requests took no time.
            KeyboardInterrupt: if `measure` ended it before it was done with one value.
            Exception: what the factory or `measure` raised.
        """
        order = list(self.values)
        random.Random(seed).shuffle(order)  # noqa: S311 (an order is no secret)
        points = []
        stopped = "done"
        for value in order:
            try:
                points.append(_point(value, measure(self.factory(value))))
            except KeyboardInterrupt:
                if not points:
                    raise
                stopped = "interrupted"
                break
            except ValueError as error:
                raise ValueError(f"{self.parameter}={value:g}: {error}") from error
        points.sort(key=lambda point: point.value)
        found = fit_exponent(points)
        fit, reason = (found, None) if isinstance(found, Fit) else (None, found)
        return Scaling(self.parameter, tuple(points), fit, reason, tuple(_warnings(points, fit)), stopped)


def check_values(parameter: str, values: Sequence[float]) -> None:
    """Refuse what cannot be swept over.

    Raises:
        ValueError: for an empty name, or values that are none, too many, not numbers above 0, or there twice.
    """
    if not parameter.isidentifier():
        raise ValueError(f"parameter {parameter!r} is no name; write one such as patterns or prompt_length")
    if not 1 <= len(values) <= MAX_SIZES:
        raise ValueError(f"{parameter}: {len(values)} values; name 1 to {MAX_SIZES}")
    for value in values:
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{parameter}: {value} is no size; use numbers above 0")
        if values.count(value) > 1:
            raise ValueError(f"{parameter}: {value:g} is there twice; name each value once")


def _point(value: float, seconds: Mapping[str, Sequence[float]]) -> Point:
    raw, guarded = seconds[RAW], seconds[GUARDED]
    relative = relative_difference(raw, guarded, paired=True)  # first, since it says which arm is none
    return Point(
        value,
        len(raw),
        median(raw),
        median(guarded),
        median_of_differences(raw, guarded),
        mean_of_differences(raw, guarded),
        relative,
    )


def _warnings(points: Sequence[Point], fit: Fit | None) -> list[str]:
    warnings = []
    few = ", ".join(f"{point.value:g}" for point in points if point.n < FEW_PAIRS)
    if few:
        warnings.append(f"fewer than {FEW_PAIRS} pairs at {few}; let it run for longer")
    if fit is not None:
        left_out = ", ".join(f"{point.value:g}" for point in points if point.value not in fit.fitted)
        if left_out:
            warnings.append(f"not fitted, since the tax is not surely above 0 there: {left_out}")
        if fit.misfit:
            warnings.append(
                f"a power law does not describe the points (p = {fit.p:.2g}), as when a fixed cost comes on top; the "
                "exponent is a mean slope"
            )
    return warnings
