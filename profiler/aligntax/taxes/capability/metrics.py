"""What is measured of a set of samples, and which way it counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from aligntax.taxes.capability.compression import compression
from aligntax.taxes.capability.distinct import distinct, expectation_adjusted_distinct
from aligntax.taxes.capability.vendi import vendi_of_vectors

__all__ = ["BYTES", "METRICS", "SELF_BLEU", "Answer", "Metric", "measured"]


class Answer(NamedTuple):
    """One sample as it is measured.

    Attributes:
        text: up to the cap of tokens.
        tokens: likewise.
        length: how many tokens there are without the cap.
        is_refusal: whether the model refused.
    """

    text: str
    tokens: list[str]
    length: int
    is_refusal: bool


class Metric(NamedTuple):
    """A measure of variety.

    Attributes:
        name: as the record has it.
        title: for people.
        unit: of its value.
        sign: 1 where a smaller value after alignment is a tax, -1 where a larger one is.
        least: how many samples it takes.
        judged: whether a change of it can be called a tax at all.
        formula: what it is.
    """

    name: str
    title: str
    unit: str
    sign: int
    least: int
    judged: bool
    formula: str


SELF_BLEU = Metric("self_bleu", "Self-BLEU", "BLEU points", -1, 2, True, "BLEU of each against the others, sacrebleu")
METRICS = (
    Metric("vendi", "Vendi score", "effective samples", 1, 2, True, "exp(-sum l ln l), eigenvalues l of K / n"),
    Metric("ead", "EAD", "ratio", 1, 1, True, "N / (V (1 - ((V - 1) / V)^C))"),
    Metric("distinct_1", "distinct-1", "share of n-grams", 1, 1, True, "different 1-grams / 1-grams"),
    Metric("distinct_2", "distinct-2", "share of n-grams", 1, 1, True, "different 2-grams / 2-grams"),
    Metric("distinct_3", "distinct-3", "share of n-grams", 1, 1, True, "different 3-grams / 3-grams"),
    SELF_BLEU,
    Metric("compression", "Compression ratio", "ratio", -1, 1, True, "bytes / zlib bytes, one pass"),
    Metric("length", "Length", "tokens", 1, 1, False, "mean tokens, uncapped"),
    Metric("length_variance", "Variance of length", "tokens squared", 1, 2, True, "sum (t - mean)^2 / (k - 1)"),
)
BYTES = ("plain_bytes", "compressed_bytes")


def measured(answers: Sequence[Answer], vectors: Any, vocabulary: int) -> dict[str, float]:
    """Return each metric but self-BLEU by its name, and the two numbers of bytes; not a number where it has no value.

    Args:
        answers: at least one.
        vectors: shape (n, d), one of length 1 for each answer.
        vocabulary: how many different tokens both arms have together.
    """
    tokens = [answer.tokens for answer in answers]
    lengths = np.array([answer.length for answer in answers], dtype=np.float64)
    compressed = compression([answer.text for answer in answers])
    several = len(answers) > 1
    found = {
        "vendi": vendi_of_vectors(vectors) if several else None,
        "ead": expectation_adjusted_distinct(tokens, vocabulary),
        **{f"distinct_{n}": distinct(tokens, n) for n in (1, 2, 3)},
        "compression": compressed.ratio,
        "length": float(lengths.mean()),
        "length_variance": float(lengths.var(ddof=1)) if several else None,
        "plain_bytes": compressed.plain_bytes,
        "compressed_bytes": compressed.compressed_bytes,
    }
    return {name: math.nan if value is None else float(value) for name, value in found.items()}
