"""Which code points are word characters and which are white space, by the Unicode tables of this interpreter."""

from __future__ import annotations

import re
import sys

import numpy as np
from numpy.typing import NDArray

__all__ = ["SPACE", "WORD", "kinds"]

WORD, SPACE = 1, 2


def kinds() -> NDArray[np.uint8]:
    r"""Return the flags of every code point, uint8, (1114112,): WORD where `\w` matches, SPACE where `\s` does.

    Asked of `re` itself, which scikit-learn splits texts with, in 10 ms. `str.split` knows the same white space.
    """
    everything = np.arange(sys.maxunicode + 1, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")
    flags = np.zeros(sys.maxunicode + 1, np.uint8)
    for pattern, flag in ((r"\w+", WORD), (r"\s+", SPACE)):
        for run in re.finditer(pattern, everything):
            flags[run.start() : run.end()] |= flag
    flags.flags.writeable = False
    return flags
