"""Many tests at once: p values that keep the chance of even one false alarm at alpha."""

from __future__ import annotations

from collections.abc import Sequence


def holm(ps: Sequence[float]) -> list[float]:
    """Return p values adjusted by Holm's step-down procedure, in the order given.

    Those at most alpha may all be called differences; the chance that any of them is none is at most alpha, however
    the tests depend on each other. Source: Holm, A simple sequentially rejective multiple test procedure (1979).

    Args:
        ps: p values, each from 0 to 1; may be empty.

    Raises:
        ValueError: if one of them does not lie between 0 and 1.
    """
    for place, p in enumerate(ps):
        if not 0 <= p <= 1:
            raise ValueError(f"p[{place}]={p} must lie between 0 and 1; leave out tests that could not be made")
    adjusted = [0.0] * len(ps)
    least = 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        least = max(least, min(1.0, (len(ps) - rank) * float(ps[place])))
        adjusted[place] = least
    return adjusted
