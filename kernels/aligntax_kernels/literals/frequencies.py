"""How likely a few bytes are in ordinary text: a chain of pairs, counted in the documentation of Python itself.

It decides where the sieve looks, never what it finds. On text in another language it is a worse guess, and costs time.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["byte_classes", "pair_chances"]

# The classes are a to z in both cases, white space, the rest of ASCII, and everything beyond it. A row for each class,
# a column for the class that follows: the quarter bits that the pair carries, -4 log2 of its chance, in base 62.
_QUARTER_BITS = """
pLHJkWMmKpTCHByNoDEBORYWPkESy
FZMW8fbpJDrCYaHTnMMUDkamDcPJw
DqObCbeDHyIGaf9ZeKUBJklsXyLMy
KXTL9dQlDgrNjbIfsPLULhgkTy6Dy
KZHFPNTeVphLMEbOSDEGfRUKSl8Gy
GpSaJKZyAypOgg9doGYOHpbyTy7Jy
Obci9hNKFxmLVKRcxJISFcitmb7Ex
Ctph4kxmDyxXacFoyPbOWxttbxDMy
NOIKLHNscsWGJ8EPjMBDrMySyRYVy
Nkdk2ekkbkXkkkKakgJkEkkkekMGk
IacW6dOmFqqNdNaOmZGbRfNqcj9Cq
EVZL8PgjDyhDicFTyYKJIcYvIjDIy
AJka6kriJyhQJYEDydOULrkyXyFLy
HgHDFQDeMpVRYSHWlfGCORnsSn9Hy
ULKHVGQtUtSMH9OJyAMIHOMXijDPy
BhVTBbgTJyfDfeEHvCQELVhyJvIJy
fjbXjfjjjjjUfSjXjWSc1jjjjjSKj
FaPN8TMmFtUUMHFWyLIJMTUuMyBHy
NoPjBZcNHtYUZZLKfgGBKgdsQy6Dy
HfSaCbw8EybRZhFUyHKNIlVfOoBGy
MLMQDSPyLyqDFCUIyADCZytkyyPXy
7qYs4oooDssoZjNisebhmmoqosULs
EifaGllA6uqRfMFguHKZupXculFJu
FaDbEWlXGrrWMiXEnWV8hjhRSbDBr
gXUXOcZhMvvRRLKEvXGEsiOvdg4Bv
Gbbd3UhhBhhYObJdhddUhhhhUXNHh
EKILMJSQFeXOLMILdKIDPSLbZf9Fy
PSPPQQVWPeZRSQSQfRLOXXVVdh55y
JJJJJJJJJJJJJJJJJJJJJJJJJJJJJ
"""
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SPACE, _OTHER, _BEYOND = 26, 27, 28


@cache
def byte_classes() -> NDArray[np.uint8]:
    """Return the class of each byte: uint8, (256,)."""
    classes = np.full(256, _BEYOND, np.uint8)
    classes[:128] = _OTHER
    classes[list(b" \t\n\r")] = _SPACE
    for first in (ord("a"), ord("A")):
        classes[first : first + 26] = np.arange(26)
    return classes


@cache
def pair_chances() -> NDArray[np.float64]:
    """Return how often each class follows each other one: float64, (29, 29), rows sum to 1."""
    digits = np.array([[_DIGITS.index(digit) for digit in row] for row in _QUARTER_BITS.split()])
    chances: NDArray[np.float64] = np.exp2(-digits / 4)
    return chances / chances.sum(axis=1, keepdims=True)
