"""Sweeps over made-up targets whose tax follows a known law."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from aligntax.experiment.scaling import Fit, Scaling, Sweep

SIZES = (10, 40, 160, 640, 2_560)
Seconds = Mapping[str, Sequence[float]]


def identity(value: float) -> float:
    return value


def made_up(
    law: Callable[[float], float], seed: int = 0, *, pairs: int = 40, noise: float = 0.3, heavy: bool = False
) -> Callable[[Any], Seconds]:
    """What measures a target of size `value`, whose typical request is taxed by `law(value)` seconds.

    A prompt that takes long without guards takes long with them. Noise is multiplicative, so its median is 1.
    """
    random = np.random.default_rng(seed)

    def measure(value: float) -> Seconds:
        raw = 0.05 * np.exp(0.5 * random.standard_normal(pairs))
        spread = random.standard_t(3, pairs) if heavy else random.standard_normal(pairs)
        return {"raw": raw.tolist(), "guarded": (raw + law(value) * np.exp(noise * spread)).tolist()}

    return measure


def power(exponent: float, coefficient: float = 1e-5) -> Callable[[float], float]:
    return lambda value: coefficient * value**exponent


def swept(law: Callable[[float], float], sizes: Sequence[float] = SIZES, **made: Any) -> Scaling:
    return Sweep("patterns", tuple(sizes), identity).run(made_up(law, **made))


def fitted(scaling: Scaling) -> Fit:
    assert scaling.fit is not None
    assert scaling.reason is None
    return scaling.fit


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 2.0, -0.5])
def test_a_law_without_noise_is_found_exactly(exponent: float) -> None:
    fit = fitted(swept(power(exponent, 1e-3), noise=0.0))
    assert fit.exponent.value == pytest.approx(exponent, abs=1e-9)
    assert fit.exponent.width == pytest.approx(0, abs=1e-6)
    assert fit.coefficient == pytest.approx(1e-3)
    assert fit.fitted == SIZES
    assert (fit.p, fit.scatter, fit.misfit) == (None, None, False)


@pytest.mark.parametrize(
    ("sizes", "pairs", "heavy"),
    [(4, 40, False), (6, 40, False), (5, 100, True)],
    ids=["4 sizes", "6 sizes", "heavy tails"],
)
@pytest.mark.parametrize("exponent", [0.5, 1.0])
def test_the_interval_covers_the_exponent_as_often_as_it_says(
    exponent: float, sizes: int, pairs: int, heavy: bool
) -> None:
    values = np.geomspace(10, 10_000, sizes)
    fits = [fitted(swept(power(exponent), values, seed=seed, pairs=pairs, heavy=heavy)).exponent for seed in range(400)]
    assert 0.92 <= np.mean([fit.covers(exponent) for fit in fits]) <= 0.98
    assert np.mean([fit.value for fit in fits]) == pytest.approx(exponent, abs=0.01)


def test_sizes_that_differ_by_more_than_their_requests_widen_the_interval() -> None:
    """Each size is built anew, and may lie in memory better or worse; its requests all say the same of that."""
    covered = []
    for seed in range(300):
        luck = dict(zip(SIZES, np.exp(0.2 * np.random.default_rng(seed).standard_normal(len(SIZES))), strict=True))
        scaling = swept(lambda value, luck=luck: 1e-5 * value * luck[value], seed=seed)
        covered.append(fitted(scaling).exponent.covers(1.0))
    assert 0.90 <= np.mean(covered) <= 0.98


def test_what_is_no_power_law_is_said_to_be_none() -> None:
    scaling = swept(lambda value: 0.002 + 1e-6 * value, sizes=(10, 100, 1_000, 10_000, 100_000), noise=0.1)
    fit = fitted(scaling)
    assert fit.misfit
    assert fit.to_dict()["widened"] > 2
    assert any("a power law does not describe the points" in warning for warning in scaling.warnings)


def test_of_a_power_law_nothing_of_the_kind_is_said() -> None:
    misfits = [fitted(swept(power(1.0), seed=seed)).misfit for seed in range(200)]
    assert sum(misfits) <= 0.05 * len(misfits)


def test_three_sizes_give_points_and_no_exponent() -> None:
    scaling = swept(power(1.0), sizes=SIZES[:3])
    assert scaling.fit is None
    assert scaling.reason == "3 sizes are too few for an exponent; measure at 4 or more"
    assert [point.value for point in scaling.points] == list(SIZES[:3])


def test_a_tax_that_cannot_be_told_from_nothing_is_not_fitted() -> None:
    random = np.random.default_rng(0)

    def measure(value: float) -> Seconds:
        raw = 0.05 + 0.001 * random.standard_normal(40)
        return {"raw": raw, "guarded": raw + 1e-5 * value + 0.001 * random.standard_normal(40)}

    scaling = Sweep("patterns", (1, 2, 100, 200, 400), identity).run(measure)
    assert scaling.fit is None
    assert scaling.reason is not None
    assert "surely above 0 at 3 of 5 sizes only" in scaling.reason
    assert "unclear: 1, 2" in scaling.reason
    assert [point.distinguishable for point in scaling.points] == [False, False, True, True, True]

    scaling = Sweep("patterns", (1, 100, 200, 400, 800), identity).run(measure)
    assert fitted(scaling).fitted == (100, 200, 400, 800)
    assert any("not fitted" in warning and warning.endswith(": 1") for warning in scaling.warnings)


def test_too_few_pairs_have_no_interval_and_are_not_fitted() -> None:
    scaling = swept(power(1.0), pairs=5)
    assert scaling.fit is None
    assert [point.distinguishable for point in scaling.points] == [None] * 5
    assert all(point.tax.low is None for point in scaling.points)
    assert "fewer than 30 pairs at 10, 40, 160, 640, 2560; let it run for longer" in scaling.warnings


def test_the_points_hold_what_was_measured() -> None:
    raw, guarded = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1.5, 2.5, 3.5, 4.5, 5.5, 6.5]
    scaling = Sweep("batch_size", (2,), identity).run(lambda _: {"raw": raw, "guarded": guarded})
    (point,) = scaling.points
    assert (point.n, point.raw.value, point.guarded.value, point.tax) == (6, 3.5, 4.0, (0.5, 0.5, 0.5))
    assert point.mean_tax.value == 0.5
    assert point.relative.value == pytest.approx(0.5 / 3.5)


def test_as_plain_data_it_is_json_and_whole_numbers_stay_whole() -> None:
    data = json.loads(json.dumps(swept(power(1.0)).to_dict(), allow_nan=False))
    assert [point["value"] for point in data["points"]] == list(SIZES)
    assert data["fit"].keys() == {"exponent", "coefficient", "fitted", "p_of_fit", "widened"}
    assert (data["parameter"], data["reason"], data["warnings"], data["stopped"]) == ("patterns", None, [], "done")
    line = data["fit"]["coefficient"] * SIZES[0] ** data["fit"]["exponent"]["value"]
    assert line == pytest.approx(data["points"][0]["tax_seconds"]["value"], rel=0.3)


def test_sizes_come_in_an_order_drawn_at_random_and_are_told_by_value() -> None:
    orders = set()
    for seed in range(20):
        built: list[float] = []

        def build(value: float, built: list[float] = built) -> float:
            built.append(value)
            return value

        scaling = Sweep("patterns", SIZES, build).run(made_up(power(1.0)), seed=seed)
        orders.add(tuple(built))
        assert [point.value for point in scaling.points] == sorted(built) == list(SIZES)
    assert len(orders) > 10


def test_ctrl_c_keeps_the_sizes_that_are_done() -> None:
    measured: list[float] = []

    def measure(value: float) -> Seconds:
        if len(measured) == 2:
            raise KeyboardInterrupt
        measured.append(value)
        return made_up(power(1.0))(value)

    scaling = Sweep("patterns", SIZES, identity).run(measure)
    assert scaling.stopped == "interrupted"
    assert [point.value for point in scaling.points] == sorted(measured)
    assert scaling.reason == "2 sizes are too few for an exponent; measure at 4 or more"

    def at_once(_: float) -> Seconds:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Sweep("patterns", SIZES, identity).run(at_once)


@pytest.mark.parametrize(
    ("parameter", "values", "message"),
    [
        ("", (1,), "parameter '' is no name"),
        ("a b", (1,), "parameter 'a b' is no name"),
        ("n", (), "n: 0 values; name 1 to 50"),
        ("n", tuple(range(1, 52)), "n: 51 values"),
        ("n", (1, 0), "n: 0 is no size"),
        ("n", (-1,), "n: -1 is no size"),
        ("n", (math.nan,), "n: nan is no size"),
        ("n", (math.inf,), "n: inf is no size"),
        ("n", (1, 2, 1), "n: 1 is there twice"),
    ],
)
def test_refused(parameter: str, values: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sweep(parameter, values, identity)


def test_what_is_wrong_at_one_size_says_at_which() -> None:
    with pytest.raises(ValueError, match=r"patterns=10: .*empty"):
        Sweep("patterns", (10,), identity).run(lambda _: {"raw": [], "guarded": []})
    with pytest.raises(ValueError, match="patterns=10: base holds nan"):
        Sweep("patterns", (10,), identity).run(lambda _: {"raw": [math.nan], "guarded": [1.0]})
