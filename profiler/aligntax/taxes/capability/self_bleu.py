"""How much each sample repeats the others: BLEU of each against the rest, by sacrebleu."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

__all__ = ["self_bleu"]


def self_bleu(samples: Sequence[Sequence[str]]) -> float | None:
    """Return self-BLEU: the mean BLEU of each sample with all others as its references.

    BLEU of sentences up to 4-grams, exponential smoothing, only orders that the sample has n-grams of
    (`effective_order`), of tokens as they are given. Source: Zhu et al., Texygen, SIGIR 2018.

    Args:
        samples: lists of tokens; empty ones are left out, since they have nothing to repeat.

    Returns:
        BLEU points from 0 to 100, larger is less varied; None with fewer than two samples.
    """
    texts = [" ".join(tokens) for tokens in samples if tokens]
    if len(texts) < 2:
        return None
    bleu = _bleu()
    scores = [bleu.sentence_score(text, texts[:at] + texts[at + 1 :]).score for at, text in enumerate(texts)]
    return min(float(sum(scores)) / len(scores), 100.0)  # rounding may lift it above


@cache
def _bleu() -> Any:
    try:
        from sacrebleu.metrics.bleu import BLEU
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"self-BLEU needs {error.name}, which is not installed; run: pip install 'aligntax[taxes]'", name=error.name
        ) from error
    return BLEU(tokenize="none", effective_order=True, force=True)
