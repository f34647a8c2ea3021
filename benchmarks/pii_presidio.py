"""Presidio's pattern recognizers for the six types, called without a language model, as fast as they can be called."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tldextract
from presidio_analyzer.predefined_recognizers import (
    CreditCardRecognizer,
    EmailRecognizer,
    IbanRecognizer,
    IpRecognizer,
    PhoneRecognizer,
    UsSsnRecognizer,
)

RECOGNIZERS: Mapping[str, Any] = {
    "email": EmailRecognizer(),
    "iban": IbanRecognizer(),
    "ip": IpRecognizer(),
    "card": CreditCardRecognizer(),
    "ssn": UsSsnRecognizer(),
    "phone": PhoneRecognizer(),
}

Scored = tuple[int, int, str, float]

logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
# The list of public suffixes that comes with the package: the default asks the network for another one first.
tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())


def analyze(text: str) -> list[Any]:
    """Return the results of all six recognizers, as they come."""
    return [
        found
        for recognizer in RECOGNIZERS.values()
        for found in recognizer.analyze(text, recognizer.supported_entities, nlp_artifacts=None)
    ]


def phone_recognizers(regions: Sequence[str]) -> list[PhoneRecognizer]:
    """Return phone recognizers with every sensible setting: for its own regions or those given, lenient or strict."""
    return [
        PhoneRecognizer(supported_regions=known, leniency=leniency)
        for known in (PhoneRecognizer.DEFAULT_SUPPORTED_REGIONS, tuple(regions))
        for leniency in (1, 2, 3)
    ]


def scored(text: str, recognizers: Mapping[str, Any] = RECOGNIZERS) -> list[Scored]:
    """Return start, end, type and score of every result of recognizers by type."""
    return [
        (found.start, found.end, kind, found.score)
        for kind, recognizer in recognizers.items()
        for found in recognizer.analyze(text, recognizer.supported_entities, nlp_artifacts=None)
    ]


def at_least(results: Iterable[Scored], thresholds: Mapping[str, float]) -> list[tuple[int, int, str]]:
    """Return the results that score enough, by type; of those of one type that overlap, the best, then the longest.

    Args:
        results: as `scored` returns them.
        thresholds: least score by type; a type that is missing is left out.
    """
    kept: list[Scored] = []
    good = [found for found in results if found[2] in thresholds and found[3] >= thresholds[found[2]]]
    for found in sorted(good, key=lambda one: (-one[3], one[0] - one[1], one[0])):
        if not any(_conflict(found, other) for other in kept):
            kept.append(found)
    return [found[:3] for found in sorted(kept)]


def _conflict(one: Scored, other: Sequence[Any]) -> bool:
    return bool(one[2] == other[2] and one[0] < other[1] and other[0] < one[1])
