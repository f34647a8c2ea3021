"""Intervals of 95 % hold the truth in 92 to 98 % of simulated benchmarks, in absolute terms and in relative ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from aligntax.taxes.performance.aggregate import macro
from aligntax.taxes.performance.contrast import Contrast
from aligntax.taxes.performance.of_pairs import of_pairs
from aligntax.taxes.performance.of_summaries import of_summaries
from aligntax.taxes.performance.pairing import Pairs
from aligntax.taxes.performance.scores import Score

RAW, ALIGNED = 0.7, 0.6
EXPERIMENTS = 600


def binary(draw: np.random.Generator, n: int = 150) -> Contrast:
    """Items that raw has right stay right in 4 of 5 cases."""
    raw = draw.random(n) < RAW
    aligned = np.where(raw, draw.random(n) < 0.8, draw.random(n) < (ALIGNED - 0.8 * RAW) / (1 - RAW))
    return of_pairs(Pairs(raw.astype(float), aligned.astype(float), None), 1, 0.95)


def continuous(draw: np.random.Generator, n: int = 80) -> Contrast:
    raw = draw.beta(7, 3, n)
    return of_pairs(Pairs(raw, raw * draw.beta(6, 1, n), None), 1, 0.95)


def clustered(draw: np.random.Generator) -> Contrast:
    """30 passages with 4 questions each, whose difficulty is the passage's."""
    difficulty = draw.beta(2, 2, 30)
    clusters = np.repeat(np.arange(30, dtype=np.uint64), 4)
    raw = (draw.random(120) < 0.4 + 0.6 * difficulty[clusters]).astype(float)
    aligned = (draw.random(120) < 0.2 + 0.8 * difficulty[clusters]).astype(float)
    return of_pairs(Pairs(raw, aligned, clusters), 1, 0.95)


def summaries(draw: np.random.Generator, n: int = 200) -> Contrast:
    shares = [float((draw.random(n) < share).mean()) for share in (RAW, ALIGNED)]
    scores = [Score(share, (share * (1 - share) / (n - 1)) ** 0.5, n) for share in shares]
    return of_summaries(scores[0], scores[1], 1, 0.95)


def counted(draw: np.random.Generator, n: int = 60) -> Contrast:
    scores = [Score(float((draw.random(n) < share).mean()), None, n) for share in (RAW, ALIGNED)]
    return of_summaries(scores[0], scores[1], 1, 0.95, counted_of=1)


def average(draw: np.random.Generator) -> Contrast:
    return macro([binary(draw, 60), binary(draw, 90), summaries(draw, 100)], 0.95)


@pytest.mark.parametrize(
    ("world", "raw", "tax"),
    [
        (binary, RAW, RAW - ALIGNED),
        (continuous, 0.7, 0.7 / 7),
        (clustered, 0.7, 0.1),
        (summaries, RAW, RAW - ALIGNED),
        (counted, RAW, RAW - ALIGNED),
        (average, RAW, RAW - ALIGNED),
    ],
)
def test_coverage(world: Callable[[np.random.Generator], Contrast], raw: float, tax: float) -> None:
    draw = np.random.default_rng(5)
    found = [world(draw) for _ in range(EXPERIMENTS)]
    assert 0.92 <= np.mean([each.absolute.covers(tax) for each in found]) <= 0.98
    relative = [each.relative(0.95) for each in found]
    assert 0.92 <= np.mean([each.covers(tax / raw) for each in relative if each is not None]) <= 0.98
    assert None not in relative


@pytest.mark.parametrize("world", [binary, summaries])
def test_a_margin_that_is_just_reached_is_seldom_called_none(world: Callable[[np.random.Generator], Contrast]) -> None:
    draw = np.random.default_rng(6)
    ps = [world(draw).p_equivalent(RAW - ALIGNED) or 0.0 for _ in range(EXPERIMENTS)]
    assert np.mean([p <= 0.05 for p in ps]) <= 0.075
