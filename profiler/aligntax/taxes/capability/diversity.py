"""How varied two arms are, told: within prompts and across them, with refusals and without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aligntax.taxes.capability.across import FOLD, across_prompts
from aligntax.taxes.capability.answers import Reader
from aligntax.taxes.capability.embedding import Embedding, embedding
from aligntax.taxes.capability.estimating import Gap, gap_of_means
from aligntax.taxes.capability.matching import drawn
from aligntax.taxes.capability.metrics import BYTES, METRICS, SELF_BLEU
from aligntax.taxes.capability.progress import Teller
from aligntax.taxes.capability.reading import SampleFile
from aligntax.taxes.capability.settings import Settings
from aligntax.taxes.capability.telling import Told
from aligntax.taxes.capability.within import VARIANTS, Within, WithinPrompts

__all__ = ["MAX_VOCABULARY", "diversity"]

MAX_VOCABULARY = 5_000_000
Across = tuple[dict[str, Gap | None], dict[str, int]]
_GROUPS = {
    "all": ("per_prompt", "across_prompts", ""),
    "answers": ("per_prompt_answers", "across_prompts_answers", ", without refusals"),
}
_ARMS = ("raw", "aligned")
_LEARNT_AT_ONCE = 256


def diversity(reader: Reader, raw: SampleFile, k: int, settings: Settings, told: Told, say: Teller) -> None:
    """Tell how much less varied the aligned samples are.

    Args:
        reader: of both arms.
        raw: one of them, for its prompts.
        k: how many samples of each prompt are measured.
        settings: how.
        told: gets the figures, what was refused, and what a reader should know.
        say: told how far it is.
    """
    prompts = drawn(len(raw.keys), settings.prompts, raw.path)
    embed = embedding(settings.embedding)
    vocabulary = _learn(reader, prompts, k, settings, embed, say.stage("counting tokens"))
    across = min(settings.across, len(prompts))
    within = WithinPrompts(embed, vocabulary, k, across)(reader, prompts, say.stage("prompts"))
    told.parameters |= {
        "k": k,
        "prompts": len(prompts),
        "across": across,
        "embedding": embed.name,
        "vocabulary": vocabulary,
    }
    told.more["samples"] = {
        arm: {"refused": within.refused[at], "capped": within.capped[at], "samples": within.samples}
        for at, arm in enumerate(_ARMS)
    }
    if len(prompts) < len(raw.keys):
        told.warnings.append(
            f"{len(prompts):,} of {len(raw.keys):,} prompts were drawn at random; pass --prompts 0 to measure all"
        )
    if sum(within.capped):
        told.warnings.append(
            f"samples cut at {settings.max_tokens:,} tokens: {within.capped[0]:,} of raw, {within.capped[1]:,} of "
            f"aligned, of {within.samples:,} each"
        )
    across_arms: Across | None = None
    for variant in VARIANTS:
        _tell_within(variant, within, k, settings, told)
        if across_arms is None or any(within.refused):  # without a refusal both variants are the same texts
            across_arms = _compare_across(variant, within, vocabulary, settings, say)
        _tell_across(variant, within, across_arms, told)


def _learn(
    reader: Reader,
    prompts: NDArray[np.intp],
    k: int,
    settings: Settings,
    embed: Embedding,
    tell: Callable[[float], None],
) -> int:
    """Fit the embedding on both arms together, and return how many different tokens they have, or the user's number."""
    known: set[str] = set()
    batch: list[list[str]] = []
    if settings.vocabulary is not None and not embed.learns:
        return settings.vocabulary
    for done, (_, prompt) in enumerate(reader.in_order(prompts)):
        batch += reader.tokens(prompt, k)
        if settings.vocabulary is None:
            known.update(token for tokens in batch[-2 * k :] for token in tokens)
            if len(known) > MAX_VOCABULARY:
                raise ValueError(
                    f"more than {MAX_VOCABULARY:,} different tokens; pass --vocabulary, the number that EAD is to use, "
                    "or fewer --prompts"
                )
        if len(batch) >= _LEARNT_AT_ONCE:
            embed.learn(batch)
            batch = []
            tell(done / len(prompts))
    if batch:
        embed.learn(batch)
    return settings.vocabulary or max(1, len(known))


def _tell_within(variant: str, within: Within, k: int, settings: Settings, told: Told) -> None:
    group, _, suffix = _GROUPS[variant]
    values = within.values[variant]
    marks = () if variant == "all" else _answers_marks(within)
    for metric in METRICS:
        name = f"{group}.{metric.name}"
        if k < metric.least:
            told.refuse(name, "one_sample", f"{metric.title} compares samples of a prompt; sample each at least twice")
            continue
        raw, aligned = values[metric.name]
        gap = gap_of_means(raw, aligned, metric.sign, seed=settings.seed, confidence=settings.confidence)
        if gap is None:
            told.refuse(name, *_no_value(variant))
            continue
        more: dict[str, Any] = {}
        if metric.name == "compression":
            counted = np.isfinite(values["compression"]).all(axis=0)
            more = {
                f"{arm}_{size}": int(values[size][at, counted].sum()) for at, arm in enumerate(_ARMS) for size in BYTES
            }
        told.add(
            group,
            metric,
            gap,
            title=f"{metric.title} of a prompt's {k} samples{suffix}"
            if k > 1
            else f"{metric.title} of a sample{suffix}",
            formula=f"{metric.formula}; mean over prompts, cluster bootstrap; relative by Fieller",
            marks=marks,
            more=more,
        )


def _compare_across(variant: str, within: Within, vocabulary: int, settings: Settings, say: Teller) -> Across:
    kept = within.kept[variant]
    if len(kept) < 2:
        return {}, {}
    tell = say.pulse(f"across prompts{_GROUPS[variant][2]}")
    return across_prompts(kept, vocabulary, settings.seed, settings.confidence, tell)


def _tell_across(variant: str, within: Within, compared: Across, told: Told) -> None:
    _, group, suffix = _GROUPS[variant]
    kept = within.kept[variant]
    gaps, sizes = compared
    if not gaps:
        told.refuse(
            group,
            "too_few_prompts",
            f"{len(kept)} prompts have a sample in both arms{suffix}; variety across prompts takes two at least",
        )
        return
    for metric in METRICS:
        marks = () if variant == "all" else _answers_marks(within)
        gap = gaps[metric.name]
        name = f"{group}.{metric.name}"
        if gap is None:
            reason = _no_value(variant)
            if metric is SELF_BLEU and len(kept) < 2 * FOLD:
                reason = ("too_few_prompts", f"groups of {FOLD} prompts are compared; sample at least {2 * FOLD}")
            told.refuse(name, *reason)
            continue
        how = "delete-a-group jackknife over prompts"
        if metric is SELF_BLEU:
            how = f"mean over groups of {FOLD} prompts, cluster bootstrap"
        if gap.tax.low is None:
            marks = (*marks, "no interval: prompts are too few, or leaving some out changes nothing")
        told.add(
            group,
            metric,
            gap,
            title=f"{metric.title} across prompts{suffix}",
            formula=f"{metric.formula}; first sample of each prompt, {how}; relative by Fieller",
            marks=marks,
            more=sizes if metric.name == "compression" else None,
        )


def _answers_marks(within: Within) -> tuple[str, ...]:
    if not sum(within.refused):
        return ("no sample is a refusal: the same as with refusals",)
    return ("of a prompt as many answers in both arms, at most k",)


def _no_value(variant: str) -> tuple[str, str]:
    if variant == "answers":
        return "no_answers", "no prompt has enough samples that are no refusals in both arms; sample more prompts"
    return "no_tokens", "no prompt has samples in both arms that are long enough; sample longer texts"
