"""How many of the n-grams are different ones: distinct-n, and what is left of it when length is accounted for."""

from __future__ import annotations

import math
from collections.abc import Sequence

from aligntax.taxes.capability.tokens import n_grams

__all__ = ["distinct", "expectation_adjusted_distinct"]


def distinct(samples: Sequence[Sequence[str]], n: int) -> float | None:
    """Return distinct-n: different n-grams over all n-grams of the samples together.

    It falls as texts get longer, which `expectation_adjusted_distinct` corrects for. Source: Li et al., A
    Diversity-Promoting Objective Function for Neural Conversation Models, NAACL 2016.

    Args:
        samples: lists of tokens.
        n: length of the n-grams, at least 1.

    Returns:
        A share above 0 and at most 1; None where no sample has n tokens.
    """
    grams = list(n_grams(samples, n))
    return len(set(grams)) / len(grams) if grams else None


def expectation_adjusted_distinct(samples: Sequence[Sequence[str]], vocabulary: int) -> float | None:
    """Return EAD: different tokens, over how many there would be if each token were drawn evenly from a vocabulary.

        EAD = N / (V (1 - ((V - 1) / V)^C))     N different tokens of C, vocabulary of V

    Above 1 where the tokens repeat less often than even draws do: it is no share. Source: Liu et al., Rethinking and
    Refining the Distinct Metric, ACL 2022, equation 4.

    Args:
        samples: lists of tokens.
        vocabulary: how many tokens there are to choose from; the same for both arms; at least 1.

    Returns:
        Above 0; None where there are no tokens.

    Raises:
        ValueError: for a vocabulary of less than 1.
    """
    if vocabulary < 1:
        raise ValueError(f"vocabulary={vocabulary} must be at least 1; pass the number of different tokens")
    count = sum(map(len, samples))
    if not count:
        return None
    different = len({token for tokens in samples for token in tokens})
    if vocabulary == 1:  # the one token is always there, and its logarithm below is not
        return float(different)
    # 1 - (1 - 1/V)^C without the digits that V of millions would cost
    return different / (vocabulary * -math.expm1(count * math.log1p(-1 / vocabulary)))
