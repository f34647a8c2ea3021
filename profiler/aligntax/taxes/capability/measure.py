"""The capability tax of two files of samples, from first to last."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aligntax.taxes.capability.answers import Reader
from aligntax.taxes.capability.diversity import diversity
from aligntax.taxes.capability.matching import drawn, require_same_prompts, samples_a_prompt
from aligntax.taxes.capability.over_refusal import NAME, over_refusal
from aligntax.taxes.capability.progress import Teller
from aligntax.taxes.capability.reading import SampleFile
from aligntax.taxes.capability.refusing import Detector
from aligntax.taxes.capability.settings import Settings
from aligntax.taxes.capability.telling import Told
from aligntax.taxes.lines import Progress
from aligntax.taxes.record import Refusal, TaxRecord, provenance

__all__ = ["capability_tax"]


def capability_tax(
    raw: Path,
    aligned: Path,
    settings: Settings | None = None,
    *,
    safe: tuple[Path, Path] | None = None,
    progress: Progress | None = None,
) -> TaxRecord:
    """Return how much less varied a model's samples are after alignment, and how much more it refuses safe prompts.

    The files are read several times. Kept are 20 bytes for each line, numbers for each prompt, and the texts of at
    most `settings.across` prompts, each up to the cap.

    Args:
        raw: JSON lines of the model before alignment, or without guards; see `lines`.
        aligned: of the same prompts, afterwards.
        settings: how to measure.
        safe: two files likewise, of safe prompts. None: those that the lines of `raw` and `aligned` call safe.
        progress: told the stage, the share of it that is done, and a detail; returns whether to go on.

    Returns:
        A record whose first figure is the Vendi score of a prompt's samples, or the next metric that has a value. It
        holds no figure of variety where the arms cannot be compared; a refusal says why.

    Raises:
        ValueError: for a file that is none, different prompts, or settings that do not go.
        KeyboardInterrupt: if `progress` ended it.
        ModuleNotFoundError: where the extra `taxes` is not installed.
    """
    chosen = settings or Settings()
    say = Teller(progress)
    detector = Detector(chosen.detector, chosen.phrases)
    told = Told(
        chosen.margin,
        (raw.name, aligned.name),
        parameters={
            "max_tokens": chosen.max_tokens,
            "tokenizer": chosen.tokenizer,
            "detector": detector.name,
            "margin": chosen.margin,
            "confidence": chosen.confidence,
            "seed": chosen.seed,
        },
    )
    with ExitStack() as stack:

        def opened(paths: tuple[Path, Path]) -> tuple[SampleFile, SampleFile]:
            first, second = (
                stack.enter_context(SampleFile(path, chosen.fields, chosen.seed, say.stage(f"reading {path.name}")))
                for path in paths
            )
            require_same_prompts(first, second)
            return first, second

        arms = opened((raw, aligned))
        safe_arms = arms if safe is None else opened(safe)  # before the long work: a bad file is told at once
        k = samples_a_prompt(*arms, chosen.k)
        if isinstance(k, Refusal):
            told.refusals.append(k)
        else:
            diversity(Reader(*arms, chosen, detector), arms[0], k, chosen, told, say)
        if arms[0].decoding is None and arms[1].decoding is None:
            told.warnings.append(
                "the files do not say how they were decoded; sampling that differs between the arms looks like a tax"
            )
        _tell_over_refusal(safe_arms, Reader(*safe_arms, chosen, detector), chosen, told, say, labelled=safe is None)
    if len(told.figures) > 1:
        told.warnings.append(
            f"each of the {len(told.figures)} intervals holds at {chosen.confidence:.0%} by itself; "
            "that all of them hold is less likely"
        )
    return TaxRecord(
        "capability",
        "Capability tax: how much less varied, and how much more often refused",
        told.figures,
        told.refusals,
        told.parameters,
        [provenance(path) for path in dict.fromkeys((raw, aligned, *(safe or ())))],
        told.warnings,
        told.more,
    )


def _tell_over_refusal(
    arms: tuple[SampleFile, SampleFile], reader: Reader, settings: Settings, told: Told, say: Teller, *, labelled: bool
) -> None:
    safe = _labelled_safe(*arms, settings) if labelled else np.arange(len(arms[0].keys))
    prompts = safe[drawn(len(safe), settings.prompts, arms[0].path)]
    if not prompts.size:
        told.refuse(
            NAME,
            "no_safe_prompts",
            f"nothing says which prompts are safe; pass --safe RAW ALIGNED, or write {settings.fields.safe!r}: true "
            "into their lines",
        )
        return
    told.sources = (arms[0].path.name, arms[1].path.name)
    over_refusal(reader, prompts, settings, told, say.stage("safe prompts"))


def _labelled_safe(raw: SampleFile, aligned: SampleFile, settings: Settings) -> NDArray[np.intp]:
    """Return the places of the prompts that both files call safe.

    Raises:
        ValueError: if they differ.
    """
    torn = np.flatnonzero(raw.safe != aligned.safe)
    if torn.size:
        prompt = int(torn[0])
        raise ValueError(
            f"{raw.where(prompt)} and {aligned.where(prompt)}: one calls this prompt safe and the other does not; "
            f"write the same {settings.fields.safe!r} in both"
        )
    return np.flatnonzero(raw.safe)
