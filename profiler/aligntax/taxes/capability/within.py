"""How varied the samples of each prompt are, with refusals and without them; and what is kept to compare prompts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aligntax.taxes.capability.answers import Answered, Reader, both_answered
from aligntax.taxes.capability.embedding import BATCH, Embedding
from aligntax.taxes.capability.metrics import BYTES, METRICS, SELF_BLEU, Answer, measured
from aligntax.taxes.capability.self_bleu import self_bleu

__all__ = ["VARIANTS", "Kept", "Within", "WithinPrompts"]

VARIANTS = ("all", "answers")
"""With refusals, and without."""
_COLUMNS = (*(metric.name for metric in METRICS), *BYTES)


class Kept(NamedTuple):
    """The first samples of a prompt in both arms, with their vectors, each of shape (1, d)."""

    raw: Answer
    aligned: Answer
    raw_vector: Any
    aligned_vector: Any


class Within(NamedTuple):
    """What the prompts gave.

    Attributes:
        values: by variant and name of a metric or of a number of bytes: shape (2, prompts), raw and aligned; not a
            number where a prompt has no value.
        kept: by variant: number of a prompt -> its first samples; the first refusal-free ones of `answers`.
        refused: samples that are refusals, of raw and aligned.
        capped: samples that are longer than the cap, likewise.
        samples: all of either arm.
    """

    values: dict[str, dict[str, NDArray[np.float64]]]
    kept: dict[str, dict[int, Kept]]
    refused: list[int]
    capped: list[int]
    samples: int


class WithinPrompts:
    """Measures prompt by prompt, and keeps numbers, not texts, but for the first `across` prompts.

    Args:
        embed: of texts.
        vocabulary: of EAD.
        k: samples of a prompt.
        across: of how many prompts the first samples are kept.
    """

    def __init__(self, embed: Embedding, vocabulary: int, k: int, across: int) -> None:
        self._embed, self._vocabulary, self._k, self._across = embed, vocabulary, k, across

    def __call__(self, reader: Reader, prompts: NDArray[np.intp], tell: Callable[[float], None]) -> Within:
        """Return what the prompts give, in their order."""
        empty = {name: np.full((2, len(prompts)), math.nan) for name in _COLUMNS}
        values = {variant: {name: column.copy() for name, column in empty.items()} for variant in VARIANTS}
        found = Within(values, {variant: {} for variant in VARIANTS}, [0, 0], [0, 0], self._k * len(prompts))
        together = max(1, BATCH // (2 * self._k))
        done = 0
        for block in _blocks(reader.in_order(prompts), together):
            answered = [reader.answers(prompt, self._k) for _, prompt in block]
            every = [answer for pair in answered for arm in pair for answer in arm]
            vectors = self._embed([answer.text for answer in every], [answer.tokens for answer in every])
            for place, ((number, _), pair) in enumerate(zip(block, answered, strict=True)):
                start = 2 * self._k * place
                self._take(found, number, pair, vectors[start : start + 2 * self._k])
            done += len(block)
            tell(done / len(prompts))
        return found

    def _take(self, found: Within, number: int, pair: Answered, vectors: Any) -> None:
        everything = list(range(self._k))
        for arm, answers in enumerate(pair):
            found.refused[arm] += sum(answer.is_refusal for answer in answers)
            found.capped[arm] += sum(answer.length > len(answer.tokens) for answer in answers)
        for variant, places in zip(VARIANTS, ((everything, everything), both_answered(pair)), strict=True):
            if not places[0]:
                continue
            rows = [[arm * self._k + place for place in places[arm]] for arm in (0, 1)]
            if number < self._across:
                first = [vectors[rows[arm][:1]] for arm in (0, 1)]
                found.kept[variant][number] = Kept(pair[0][places[0][0]], pair[1][places[1][0]], *first)
            if variant != VARIANTS[0] and places == (everything, everything):
                for name, column in found.values[variant].items():
                    column[:, number] = found.values[VARIANTS[0]][name][:, number]
                continue
            for arm in (0, 1):
                chosen = [pair[arm][place] for place in places[arm]]
                for name, value in self._measured(chosen, vectors[rows[arm]]).items():
                    found.values[variant][name][arm, number] = value

    def _measured(self, answers: Sequence[Answer], vectors: Any) -> dict[str, float]:
        repeated = self_bleu([answer.tokens for answer in answers])
        return {
            **measured(answers, vectors, self._vocabulary),
            SELF_BLEU.name: math.nan if repeated is None else repeated,
        }


def _blocks(items: Iterable[tuple[int, int]], size: int) -> Iterator[list[tuple[int, int]]]:
    block: list[tuple[int, int]] = []
    for item in items:
        block.append(item)
        if len(block) == size:
            yield block
            block = []
    if block:
        yield block
