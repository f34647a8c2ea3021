"""Which types of hits a caller wants, as bits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["selected"]


def selected(types: Iterable[str], bits: Mapping[str, int]) -> int:
    """Return the bits of some types, taken together.

    Not cached: for as many types as there are, looking each of them up takes less time than reading a short text.

    Args:
        types: names, of which none, some or all may be wanted.
        bits: what stands for each name.

    Raises:
        TypeError: for a single str, or what is no collection.
        ValueError: for an unknown name.
    """
    if isinstance(types, str):
        raise TypeError(f"types={types!r}: a single string; pass a list, as in types=[{types!r}]")
    try:
        names = iter(types)
    except TypeError:
        raise TypeError(f"types: got a {type(types).__name__}; pass a list of names") from None
    chosen = 0
    for name in names:
        try:
            chosen |= bits[name]
        except (KeyError, TypeError):  # TypeError: what has no hash is no name either
            raise ValueError(f"types: {name!r} is unknown; use any of {', '.join(map(repr, bits))}") from None
    return chosen
