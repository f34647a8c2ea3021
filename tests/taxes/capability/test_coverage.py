"""An interval of 95 % holds the truth in 92 to 98 % of simulated experiments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from aligntax.inference import Estimate
from aligntax.taxes.capability import distinct, expectation_adjusted_distinct, vendi
from aligntax.taxes.capability.estimating import MOST_CLUSTERS, Gap, gap_of_means, gap_of_sets, groups, relative_to_raw

VOCABULARY = 800
WORDS = 25


def covered(gaps: list[Gap], truth: float, *, relative: float | None = None) -> tuple[float, float | None]:
    absolute = float(np.mean([gap.tax.covers(truth) for gap in gaps]))
    if relative is None:
        return absolute, None
    return absolute, float(np.mean([gap.relative.covers(relative) for gap in gaps if gap.relative is not None]))


def _prompts(draw: np.random.Generator, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the variety of prompts: skewed, and the raw one sets most of the aligned one, which is 20 % less."""
    raw = draw.beta(2, 6, n)
    return raw, raw * draw.beta(8, 2, n)


def test_within_prompts() -> None:
    draw, n = np.random.default_rng(60), 60
    gaps = []
    for _ in range(400):
        gap = gap_of_means(*_prompts(draw, n), 1, seed=1, resamples=999)
        assert gap is not None
        gaps.append(gap)
    assert 0.92 <= covered(gaps, 0.25 * 0.2)[0] <= 0.98


def test_many_prompts_in_clusters_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    values = _prompts(np.random.default_rng(5), 4990)
    expected = gap_of_means(*values, 1)
    monkeypatch.setattr("aligntax.taxes.capability.estimating.MOST_CLUSTERS", 200)
    found = gap_of_means(*values, 1)
    assert expected is not None
    assert found is not None
    assert found.n == expected.n == 4990 < MOST_CLUSTERS
    assert found.tax.value == pytest.approx(expected.tax.value)
    assert found.tax.width == pytest.approx(expected.tax.width, rel=0.2)
    assert found.relative == expected.relative


@pytest.mark.parametrize("n", [20, 100])
def test_within_prompts_relative_to_raw(n: int) -> None:
    draw = np.random.default_rng(n)
    found = []
    for _ in range(2000):
        raw, aligned = _prompts(draw, n)
        relative = relative_to_raw(raw - aligned, raw)
        assert relative is not None
        found.append(relative.covers(0.2))
    assert 0.92 <= np.mean(found) <= 0.98


def _texts(draw: np.random.Generator, n: int, own: float) -> list[list[int]]:
    """Return texts of words that are drawn from a list of all and, more or less, from a few of the text's own."""
    lengths = np.maximum(4, draw.lognormal(np.log(WORDS), 0.5, n)).astype(int)
    texts = []
    for length in lengths:
        few = draw.integers(0, VOCABULARY, 4)
        share = own * draw.beta(1.5, 1.5)
        texts.append(
            np.where(draw.random(length) < share, draw.choice(few, length), draw.integers(0, VOCABULARY, length))
        )
    return texts  # type: ignore[return-value]


def _distinct(texts: Any) -> float:
    found = distinct(texts, 1)
    assert found is not None
    return found


def _ead(texts: Any) -> float:
    found = expectation_adjusted_distinct(texts, VOCABULARY)
    assert found is not None
    return found


@pytest.mark.parametrize("measure", [_distinct, _ead])
def test_across_prompts(measure: Callable[[Any], float]) -> None:
    draw, n = np.random.default_rng(11), 50
    gaps = []
    for _ in range(250):
        raw, aligned = _texts(draw, n, 0.6), _texts(draw, n, 1.0)

        def both(places: NDArray[np.intp], raw: Any = raw, aligned: Any = aligned) -> tuple[float, float]:
            return measure([raw[place] for place in places]), measure([aligned[place] for place in places])

        gap = gap_of_sets(both, n, 1)
        assert gap is not None
        gaps.append(gap)
    # What a set of this size has on average is what the figure is about: the mean of many of them.
    taxes, raws = np.mean([(gap.tax.value, gap.raw) for gap in gaps], axis=0)
    found = covered(gaps, taxes, relative=taxes / raws)
    assert all(0.92 <= share <= 0.98 for share in found if share is not None), found


def test_vendi_across_prompts() -> None:
    draw, n = np.random.default_rng(12), 40
    gaps = []
    for _ in range(250):
        arms = [_vectors(draw, n, collapse) for collapse in (0.3, 0.7)]

        def both(places: NDArray[np.intp], arms: Any = arms) -> tuple[float, float]:
            raw, aligned = (vendi(vectors[places] @ vectors[places].T) for vectors in arms)
            return raw, aligned

        gap = gap_of_sets(both, n, 1)
        assert gap is not None
        gaps.append(gap)
    taxes, raws = np.mean([(gap.tax.value, gap.raw) for gap in gaps], axis=0)
    found = covered(gaps, taxes, relative=taxes / raws)
    assert all(0.92 <= share <= 0.98 for share in found if share is not None), found


def test_texts_of_nothing_but_common_words_get_wide_intervals() -> None:
    # Efron and Stein: the variance is not too small on average. Here it is three times too large.
    draw, n = np.random.default_rng(13), 50
    gaps = []
    for _ in range(150):
        raw, aligned = (draw.integers(0, VOCABULARY, (n, WORDS)) for _ in range(2))
        gap = gap_of_sets(
            lambda places, raw=raw, aligned=aligned: (_distinct(raw[places]), _distinct(aligned[places])), n, 1
        )  # type: ignore[misc]
        assert gap is not None
        gaps.append(gap)
    assert covered(gaps, 0.0)[0] >= 0.95


def test_what_is_the_same_in_every_part_is_not_sure() -> None:
    """Each arm uses all the words that it has in any half of its texts; a further text might have another one."""
    raw, aligned = (np.tile(np.arange(words), (50, 1)) for words in (20, 15))

    def vocabulary(places: NDArray[np.intp]) -> tuple[float, float]:
        return len(np.unique(raw[places])) / 7, len(np.unique(aligned[places])) / 7

    gap = gap_of_sets(vocabulary, 50, 1)
    assert gap is not None
    assert gap.tax == Estimate(pytest.approx(5 / 7))
    assert gap.relative == Estimate(pytest.approx(1 / 4))
    same = gap_of_sets(lambda places: (vocabulary(places)[0],) * 2, 50, 1)
    assert same is not None
    assert same.tax == Estimate(0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("n", "number", "size"), [(1, 1, 1), (7, 7, 1), (25, 25, 1), (26, 13, 2), (500, 25, 20), (999, 24, 40)]
)
def test_groups(n: int, number: int, size: int) -> None:
    found = groups(n)
    assert found.shape == (number, size)
    assert len(np.unique(found)) == number * size <= n < number * size + size


def _vectors(draw: np.random.Generator, n: int, collapse: float) -> NDArray[np.float64]:
    vectors = draw.standard_normal((n, 30))
    vectors[:, 0] += 8 * collapse * draw.random(n)
    found: NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return found
