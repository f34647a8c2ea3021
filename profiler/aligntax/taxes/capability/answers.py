"""Both arms' samples of one prompt, cut into tokens and judged."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from aligntax.taxes.capability.lines import Written
from aligntax.taxes.capability.metrics import Answer
from aligntax.taxes.capability.reading import SampleFile
from aligntax.taxes.capability.refusing import Detector
from aligntax.taxes.capability.settings import Settings
from aligntax.taxes.capability.tokens import tokenizer

__all__ = ["Answered", "Reader", "both_answered"]

Answered = tuple[list[Answer], list[Answer]]


class Reader:
    """Reads both arms' samples of prompts.

    Args:
        raw: of the same prompts as `aligned`.
        aligned: likewise.
        settings: cap and tokenizer.
        detector: of refusals that are not labelled.
    """

    def __init__(self, raw: SampleFile, aligned: SampleFile, settings: Settings, detector: Detector) -> None:
        self._arms = raw, aligned
        self._cut = tokenizer(settings.tokenizer)
        self._cap = settings.max_tokens
        self._detector = detector

    def tokens(self, prompt: int, k: int) -> list[list[str]]:
        """Return the tokens of the first k samples of a prompt, of raw and then of aligned."""
        return [self._cut(written.text, self._cap)[0] for arm in self._arms for written in arm.samples(prompt, k)]

    def answers(self, prompt: int, k: int) -> Answered:
        """Return the first k samples of a prompt, of raw and of aligned."""
        raw, aligned = ([self._answer(written) for written in arm.samples(prompt, k)] for arm in self._arms)
        return raw, aligned

    def in_order(self, prompts: NDArray[np.intp]) -> Iterator[tuple[int, int]]:
        """Yield the number and the place of each prompt, in the order in which the file of raw has them."""
        starts = [self._arms[0].place(int(prompt)) for prompt in prompts]
        for number in np.argsort(starts):
            yield int(number), int(prompts[number])

    def _answer(self, written: Written) -> Answer:
        tokens, length, text = self._cut(written.text, self._cap)
        is_refusal = self._detector(text) if written.refused is None else written.refused
        return Answer(text, tokens, length, is_refusal)


def both_answered(answers: Answered) -> tuple[list[int], list[int]]:
    """Return the places of the samples that are no refusals, the first ones, as many in both arms."""
    raw, aligned = ([place for place, answer in enumerate(arm) if not answer.is_refusal] for arm in answers)
    k = min(len(raw), len(aligned))
    return raw[:k], aligned[:k]
