"""How well personal data is recognized: precision and recall by type, of ours and of Presidio's recognizers.

Errors were looked at, and the grammar mended, on the texts of DEVELOPMENT_SEED only. What is reported are the texts of
HELD_OUT_SEED, with sentences and look-alikes among them that the others do not have. Presidio is set up as it did best
on the development texts: its phone recognizer by regions and leniency, and by type the least score that counts. Its
context words are not used, which would need its language model; ours are part of the grammar.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import pii_presidio as presidio
from pii_texts import LOCALES, TYPES, Labelled, labelled

from aligntax_kernels import pii

DEVELOPMENT_SEED, HELD_OUT_SEED = 1, 2
PER_TYPE, QUICK_PER_TYPE = 600, 48
"""Texts for each type; three times as many have no personal data at all."""

Span = tuple[int, int, str]


class Score(NamedTuple):
    """How one recognizer did on one type.

    Attributes:
        precision: of what it reported, the share that was right; 1.0 if it reported nothing.
        recall: of what there was, the share that it reported.
    """

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def measured(quick: bool) -> dict[str, Any]:
    """Return the scores of both recognizers on the held-out texts, and what belongs to them, as plain data."""
    per_type = QUICK_PER_TYPE if quick else PER_TYPE
    development, held_out = labelled(DEVELOPMENT_SEED, per_type), labelled(HELD_OUT_SEED, per_type, unseen=True)
    phone = best_phone_recognizer(development)
    theirs = {**presidio.RECOGNIZERS, "phone": phone}
    thresholds = best_thresholds([(example, presidio.scored(example.text, theirs)) for example in development])
    recognizers: Mapping[str, Callable[[str], list[Span]]] = {
        "aligntax": ours,
        "presidio": lambda text: presidio.at_least(presidio.scored(text, theirs), thresholds),
    }
    found = {
        name: [(example, recognize(example.text)) for example in held_out] for name, recognize in recognizers.items()
    }
    return {
        "texts": len(held_out),
        "texts_without_personal_data": sum(not example.spans for example in held_out),
        "locales": list(LOCALES),
        "seeds": {"development": DEVELOPMENT_SEED, "held_out": HELD_OUT_SEED},
        "presidio_least_scores": thresholds,
        "presidio_phone": {"regions": list(phone.supported_regions), "leniency": phone.leniency},
        "scores": {
            name: {
                kind: {
                    "overlap": scored(pairs, kind, overlapping)._asdict(),
                    "exact": scored(pairs, kind, equal)._asdict(),
                }
                for kind in TYPES
            }
            for name, pairs in found.items()
        },
        "false_alarms_by_source": {name: false_alarms(pairs) for name, pairs in found.items()},
    }


def ours(text: str) -> list[Span]:
    """Return what aligntax finds with its defaults."""
    return [(hit.start, hit.end, hit.type) for hit in pii.find(text)]


def overlapping(one: Span, other: Span) -> bool:
    """Return whether two spans have a character in common."""
    return one[0] < other[1] and other[0] < one[1]


def equal(one: Span, other: Span) -> bool:
    """Return whether two spans are the same."""
    return one[:2] == other[:2]


def scored(pairs: Iterable[tuple[Labelled, Sequence[Span]]], kind: str, same: Callable[[Span, Span], bool]) -> Score:
    """Return precision and recall for one type.

    Args:
        pairs: texts, and what a recognizer reported.
        kind: the type.
        same: whether a reported span counts as a labelled one.
    """
    right = reported = there = recalled = 0
    for example, spans in pairs:
        labels = [span for span in example.spans if span[2] == kind]
        said = [span for span in spans if span[2] == kind]
        there += len(labels)
        reported += len(said)
        right += sum(any(same(span, label) for label in labels) for span in said)
        recalled += sum(any(same(span, label) for span in said) for label in labels)
    return Score(right / reported if reported else 1.0, recalled / there if there else 1.0)


def false_alarms(pairs: Iterable[tuple[Labelled, Sequence[Span]]]) -> dict[str, int]:
    """Return how many spans were reported in texts without personal data, by what the text holds instead."""
    counts = Counter({example.source: 0 for example, _ in pairs if not example.spans})
    counts.update(example.source for example, spans in pairs if not example.spans for _ in spans)
    return dict(counts)


def best_phone_recognizer(examples: Sequence[Labelled]) -> Any:
    """Return Presidio's phone recognizer with the setting that gives the highest sum of both F1."""

    def total(recognizer: Any) -> float:
        results = [(example, presidio.scored(example.text, {"phone": recognizer})) for example in examples]
        return _both_f1(results, "phone", 0.0)

    return max(presidio.phone_recognizers([locale[3:] for locale in LOCALES]), key=total)


def best_thresholds(pairs: Sequence[tuple[Labelled, Sequence[presidio.Scored]]]) -> dict[str, float]:
    """Return, by type, the least score with which the sum of both F1 is highest."""
    best = {}
    for kind in TYPES:
        candidates = sorted({score for _, results in pairs for _, _, found, score in results if found == kind})

        best[kind] = max(candidates, key=partial(_both_f1, pairs, kind), default=0.0)
    return best


def _both_f1(pairs: Sequence[tuple[Labelled, Sequence[presidio.Scored]]], kind: str, least: float) -> float:
    kept = [(example, presidio.at_least(results, {kind: least})) for example, results in pairs]
    return scored(kept, kind, overlapping).f1 + scored(kept, kind, equal).f1
