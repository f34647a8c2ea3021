"""Which numbers issuers of payment cards give out: ranges of the first six digits, and lengths."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ISSUERS", "Issuer"]


class Issuer(NamedTuple):
    """One range of issuer identification numbers.

    Attributes:
        low, high: the first six digits, both included.
        lengths: how many digits a card of the range may have.
    """

    low: int
    high: int
    lengths: tuple[int, ...]


_16_TO_19 = (16, 17, 18, 19)
_14_TO_19 = (14, 15, *_16_TO_19)

ISSUERS = (
    Issuer(220000, 220499, _16_TO_19),  # Mir
    Issuer(222100, 272099, (16,)),  # Mastercard
    Issuer(180000, 180099, (15,)),  # JCB, old
    Issuer(213100, 213199, (15,)),  # JCB, old
    Issuer(300000, 305999, _14_TO_19),  # Diners Club
    Issuer(309500, 309599, _14_TO_19),  # Diners Club
    Issuer(340000, 349999, (15,)),  # American Express
    Issuer(350000, 359999, _16_TO_19),  # JCB, RuPay
    Issuer(360000, 369999, _14_TO_19),  # Diners Club
    Issuer(370000, 379999, (15,)),  # American Express
    Issuer(380000, 399999, _14_TO_19),  # Diners Club
    Issuer(400000, 499999, (13, 16, 18, 19)),  # Visa
    Issuer(500000, 509999, (13, 14, 15, *_16_TO_19)),  # Maestro, Elo, Verve, RuPay, Dankort
    Issuer(510000, 559999, (16,)),  # Mastercard
    Issuer(560000, 589999, (13, 14, 15, *_16_TO_19)),  # Maestro
    Issuer(600000, 659999, (13, 14, 15, *_16_TO_19)),  # Discover, UnionPay, Maestro, RuPay, Hipercard, InstaPayment
    Issuer(670000, 679999, (13, 14, 15, *_16_TO_19)),  # Maestro
    Issuer(810000, 829999, _16_TO_19),  # UnionPay, RuPay
    Issuer(979200, 979289, (16,)),  # Troy
)
"""Ranges in use. Source: ISO/IEC 7812-1 and the networks' own documents.

A card of 12 digits, which only Maestro had, is not looked for: every eighth number of that length passes as one.
"""
