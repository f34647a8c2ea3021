"""What every test of the statistics is checked with."""

import numpy as np
import pytest
import scipy.special
import scipy.stats

from aligntax_kernels import entropy

# What float32 leaves of a sum of probabilities, on both sides of the least mass that the nucleus may have.
SLACK = 5e-7


def check(found, logits, top_p=None):
    """Compare statistics with SciPy's of the same logits in float64, (rows, vocabulary)."""
    exact = np.asarray(logits, np.float64)
    probabilities = scipy.special.softmax(exact, axis=-1)
    expected = scipy.stats.entropy(probabilities, axis=-1)
    # The probability of a model that is certain is 1 to SciPy, whose entropy is then off by its own rounding.
    np.testing.assert_allclose(found.entropy, expected, rtol=1e-6, atol=1e-14)
    np.testing.assert_allclose(found.perplexity, np.exp(expected), rtol=1e-6 * max(1, expected.max(initial=0)))
    np.testing.assert_allclose(found.largest_probability, probabilities.max(axis=-1), rtol=1e-6)
    if top_p is None:
        assert found.nucleus_size is None
        assert found.nucleus_mass is None
        return
    held = np.cumsum(-np.sort(-probabilities, axis=-1), axis=-1)
    assert found.nucleus_size.dtype == np.int64
    for size, mass, sums in zip(found.nucleus_size, found.nucleus_mass, held, strict=True):
        assert 1 <= size <= len(sums)
        assert abs(mass - sums[size - 1]) <= 1e-6
        assert sums[size - 1] >= top_p - 1e-6 - SLACK
        assert size == 1 or sums[size - 2] < top_p - 1e-6 + SLACK


@pytest.fixture(scope="session")
def check_statistics():
    return check


@pytest.fixture(scope="session", autouse=True)
def _compiled():
    entropy.warm()
