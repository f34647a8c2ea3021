"""How far two arms lie apart, with intervals from prompts drawn anew or left out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from aligntax.inference import CONFIDENCE, Estimate, cluster_bootstrap, clustered_covariance, fieller
from aligntax.inference.clusters import BOOTSTRAP_RESAMPLES, FEWEST_CLUSTERS

__all__ = ["MOST_CLUSTERS", "MOST_GROUPS", "Gap", "gap_of_means", "gap_of_sets", "groups", "relative_to_raw"]

MOST_CLUSTERS = 5_000
"""More prompts are put together, at random, into that many clusters: their mean says the same, and sooner."""
MOST_GROUPS = 25
_ROUNDING = 1e-9


class Gap(NamedTuple):
    """What lies between the arms.

    Attributes:
        tax: sign * (raw - aligned), with its interval, where one is known.
        raw: mean, or value of the set.
        aligned: likewise.
        relative: tax / raw, by Fieller; None where raw is zero or its own interval includes zero.
        n: how many prompts are in it.
    """

    tax: Estimate
    raw: float
    aligned: float
    relative: Estimate | None
    n: int


def gap_of_means(
    raw: ArrayLike,
    aligned: ArrayLike,
    sign: int,
    *,
    seed: int = 0,
    resamples: int = BOOTSTRAP_RESAMPLES,
    confidence: float = CONFIDENCE,
) -> Gap | None:
    """Return how far the means of a value per prompt lie apart, with a cluster bootstrap over prompts.

    Args:
        raw: shape (n,), a value for each prompt; not a number where it has none.
        aligned: shape (n,), of the same prompts. A prompt counts where both have a value.
        sign: 1 where less is a tax, -1 where more is.
        seed: of the draws.
        resamples: how many draws, at least 99.
        confidence: of the intervals.

    Returns:
        None where no prompt has a value in both arms.
    """
    first, second = np.asarray(raw, dtype=np.float64), np.asarray(aligned, dtype=np.float64)
    known = np.isfinite(first) & np.isfinite(second)
    first, second = first[known], second[known]
    if not len(first):
        return None
    taxes = sign * (first - second)
    tax = cluster_bootstrap(_mean, _clusters(taxes, seed), seed, resamples, confidence)
    return Gap(tax, float(first.mean()), float(second.mean()), relative_to_raw(taxes, first, confidence), len(taxes))


def gap_of_sets(
    measure: Callable[[NDArray[np.intp]], tuple[float, float]], n: int, sign: int, *, confidence: float = CONFIDENCE
) -> Gap | None:
    """Return how far a measure of whole sets lies apart in both arms, with a delete-a-group jackknife over prompts.

    A bootstrap would count a prompt that it draws twice as a repetition, and so find every set less varied than it is,
    often by more than alignment does; leaving prompts out repeats none. On average the variance that a jackknife finds
    is not below the true one (Efron and Stein, The jackknife estimate of variance, Annals of Statistics 9, 1981): where
    texts have little in common but their words, its intervals are too wide. Groups: Kott, The delete-a-group jackknife,
    Journal of Official Statistics 17 (2001). Student's, with one degree of freedom less than there are groups.

    Args:
        measure: of the places of prompts: the values of raw and aligned.
        n: how many prompts there are, in random order, at least 1; see `groups` for how many of them are used.
        sign: 1 where less is a tax, -1 where more is.
        confidence: of the intervals.

    Returns:
        None where the measure has no value for the whole set, in either arm. No interval where prompts are too few, and
        where the arms differ but no group changes that when it is left out, as where either arm uses all the words
        that it ever will: what is the same in every part is not for that reason sure.
    """
    left_out = groups(n)
    places = np.arange(left_out.size)
    raw, aligned = measure(places)
    if not (math.isfinite(raw) and math.isfinite(aligned)):
        return None
    value, number = sign * (raw - aligned), len(left_out)
    covariance = None
    if number >= FEWEST_CLUSTERS:
        rest = np.array([measure(np.setdiff1d(places, group)) for group in left_out])
        taxes = np.column_stack((sign * (rest[:, 0] - rest[:, 1]), rest[:, 0]))
        if np.isfinite(taxes).all() and not _frozen(taxes[:, 0], value):
            spread = taxes - taxes.mean(axis=0)
            covariance = spread.T @ spread * ((number - 1) / number)
    relative = _relative(value, raw, covariance, number - 1, confidence)
    if covariance is None:
        return Gap(Estimate(value), raw, aligned, relative, left_out.size)
    half = float(stats.t.isf((1 - confidence) / 2, number - 1)) * math.sqrt(covariance[0, 0])
    return Gap(Estimate(value, value - half, value + half), raw, aligned, relative, left_out.size)


def _frozen(left: NDArray[np.float64], value: float) -> bool:
    """Return whether taxes with a group left out differ from each other by no more than rounding; a tax of 0 may."""
    return value != 0 and float(np.ptp(left)) <= _ROUNDING * abs(value)


def relative_to_raw(
    taxes: NDArray[np.float64], raw: NDArray[np.float64], confidence: float = CONFIDENCE
) -> Estimate | None:
    """Return mean tax over mean raw, by Fieller.

    Args:
        taxes: shape (n,), n >= 1: of each prompt.
        raw: shape (n,), of the same prompts.
        confidence: of the interval.

    Returns:
        None where the mean of raw is zero, or its interval includes zero; no interval where prompts are too few.
    """
    covariance = None
    if len(taxes) >= FEWEST_CLUSTERS:
        covariance = clustered_covariance([taxes, raw], np.arange(len(taxes)))
    return _relative(float(taxes.mean()), float(raw.mean()), covariance, len(taxes) - 1, confidence)


def groups(n: int) -> NDArray[np.intp]:
    """Return the places of the prompts of each group, at most 25 groups of one size; shape (groups, size).

    A set's variety depends on how many texts are in it, so all groups are alike, and the few prompts that are over are
    not used: less than the size of a group.
    """
    size = -(-n // MOST_GROUPS)
    return np.arange(n // size * size).reshape(-1, size)


def _clusters(values: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Return shape (clusters, 2): the sum of the values in a cluster, and how many they are."""
    pairs = np.column_stack((values, np.ones(len(values))))
    if len(values) <= MOST_CLUSTERS:
        return pairs
    shuffled = np.random.default_rng(seed).permutation(pairs)
    found: NDArray[np.float64] = np.add.reduceat(shuffled, np.arange(MOST_CLUSTERS) * len(values) // MOST_CLUSTERS)
    return found


def _mean(clusters: NDArray[np.float64]) -> float:
    total, number = clusters.sum(axis=0)
    return float(total / number)


def _relative(
    tax: float, raw: float, covariance: NDArray[np.float64] | None, freedom: int, confidence: float
) -> Estimate | None:
    if raw == 0:
        return None
    if covariance is None:
        return Estimate(tax / raw)
    errors = np.sqrt(np.diag(covariance))
    shared = float(np.clip(covariance[0, 1], -errors[0] * errors[1], errors[0] * errors[1]))
    return fieller(tax, raw, float(errors[0]), float(errors[1]), shared, confidence, freedom=freedom)
