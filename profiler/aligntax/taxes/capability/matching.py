"""Whether two files of samples can be compared: the same prompts, as many samples of each, decoded alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aligntax.taxes.capability.reading import SampleFile
from aligntax.taxes.capability.settings import MAX_PROMPTS
from aligntax.taxes.record import Refusal

__all__ = ["drawn", "require_same_prompts", "samples_a_prompt"]


def require_same_prompts(raw: SampleFile, aligned: SampleFile) -> None:
    """Make sure that both files have the same prompts; the places of a prompt in both are then the same.

    Raises:
        ValueError: if not; names a line, and never an id, which may be the prompt itself.
    """
    for one, other in ((raw, aligned), (aligned, raw)):
        missing = np.flatnonzero(np.isin(one.keys, other.keys, assume_unique=True, invert=True))
        if missing.size:
            raise ValueError(
                f"{one.where(int(missing[0]))}: the id of this prompt is not in {other.path} (nor are "
                f"{missing.size - 1:,} others); sample the same prompts in both arms, or leave it out"
            )


def samples_a_prompt(raw: SampleFile, aligned: SampleFile, k: int | None) -> int | Refusal:
    """Return how many samples of each prompt are measured, in both arms, or why the arms cannot be compared.

    Args:
        raw: of the same prompts as `aligned`.
        aligned: likewise.
        k: how many of them, the first ones; None: all.

    Raises:
        ValueError: if a prompt has fewer than k; names its line.
    """
    if raw.decoding != aligned.decoding:
        return Refusal(
            "diversity",
            "different_decoding",
            f"{raw.path.name} and {aligned.path.name} say that they were decoded differently, which changes variety by "
            "itself; sample both arms with the same temperature, top-p, top-k and length",
        )
    least = int(min(raw.counts.min(), aligned.counts.min()))
    if k is not None:
        for arm in (raw, aligned):
            fewer = np.flatnonzero(arm.counts < k)
            if fewer.size:
                prompt = int(fewer[0])
                raise ValueError(
                    f"{arm.where(prompt)}: {arm.counts[prompt]} samples of this prompt, and --k asks for {k}; "
                    f"pass --k {least}, which all prompts have"
                )
        return k
    most = int(max(raw.counts.max(), aligned.counts.max()))
    if least == most:
        return least
    written = " and ".join(
        f"{arm.path.name} {arm.counts.min()}"
        + (f" to {arm.counts.max()}" if arm.counts.max() > arm.counts.min() else "")
        for arm in (raw, aligned)
    )
    return Refusal(
        "diversity",
        "different_samples_per_prompt",
        f"samples of a prompt: {written}; more samples repeat each other more, so pass --k {least} to use the first "
        f"{least} of each",
    )


def drawn(number: int, most: int, path: Path) -> NDArray[np.intp]:
    """Return the places of prompts drawn at random, which are the first ones, since a file has them in random order.

    Args:
        number: of the prompts.
        most: how many; 0 for all.
        path: of the file, for the message.

    Raises:
        ValueError: if all are asked for, and are too many.
    """
    if not most and number > MAX_PROMPTS:
        raise ValueError(f"{path}: {number:,} prompts are too many; pass --prompts, at most {MAX_PROMPTS:,}")
    return np.arange(min(number, most or number))
