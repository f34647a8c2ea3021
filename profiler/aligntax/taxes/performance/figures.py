"""The figures of one score, and of what is left of it above chance."""

from __future__ import annotations

from dataclasses import replace

from aligntax.inference import Estimate
from aligntax.taxes.performance.contrast import Contrast
from aligntax.taxes.performance.side_by_side import Compared
from aligntax.taxes.performance.verdicts import Told
from aligntax.taxes.record import Figure, Refusal

__all__ = ["ABOVE_CHANCE", "above_chance", "below_zero", "figure_of", "no_error", "relative_of"]

_UNPAIRED = ", and there are no scores of single items to pair; pass either"
ABOVE_CHANCE = "chance-corrected: (raw - aligned)/(raw - chance), Fieller's interval"


def figure_of(name: str, each: Compared, told: Told, confidence: float) -> tuple[Figure, list[Refusal]]:
    """Return the figure of a score, and what of it was refused."""
    key, contrast = each.match.key, each.contrast
    relative, refusals = relative_of(f"{each.title}: relative", contrast, confidence, negative=each.below_zero)
    if contrast.error is None:
        refusals.append(no_error(each.title, _why_no_error(each)))
    more = {
        "task": key.task,
        "metric": key.metric,
        "filter": key.filter,
        "aligned": contrast.aligned,
        "higher_is_better": each.direction > 0,
        "standard_error": contrast.error,
        "p_equivalent": told.p_equivalent,
        "paired": not each.why_unpaired,
        "shots": each.match.raw.shots,
        "version": each.match.raw.version,
    }
    if contrast.counts is not None:
        more |= {"only_raw_better": contrast.counts[0], "only_aligned_better": contrast.counts[1]}
    return Figure(
        name=name,
        title=each.title,
        absolute=contrast.absolute,
        unit=each.unit,
        relative=relative,
        raw=contrast.raw,
        verdict=told.verdict,
        n=contrast.n,
        formula=contrast.formula,
        p=told.p,
        marks=(f"unpaired: {each.why_unpaired}",) if each.why_unpaired else (),
        sources=each.sources,
        more=more,
    ), refusals


def above_chance(
    figure: Figure, each: Compared, chance: float, confidence: float
) -> tuple[Figure | None, list[Refusal]]:
    """Return a figure of the tax as a share of what raw scores above chance, or why there is none.

    Args:
        figure: of the score.
        each: the score.
        chance: what chance alone scores, in the unit of the figure.
        confidence: of the interval.
    """
    what = f"{each.title}: above chance"
    if each.direction < 0:
        message = "less of it is better, so that chance is no floor; leave out --chance"
        return None, [Refusal(what, "no_chance_level", message)]
    relative, refusals = relative_of(what, each.contrast, confidence, negative=each.below_zero, chance=chance)
    if relative is None:
        return None, refusals
    return replace(
        figure,
        name=f"{figure.name}.above_chance",
        title=what,
        relative=relative,
        raw=each.contrast.raw - chance,
        verdict=None,
        p=None,
        formula=ABOVE_CHANCE,
        marks=(*figure.marks, f"chance {chance:g}"),
        more={**figure.more, "chance": chance},
    ), refusals


def relative_of(
    what: str, contrast: Contrast, confidence: float, *, negative: bool, chance: float = 0.0
) -> tuple[Estimate | None, list[Refusal]]:
    """Return the tax as a share of raw, or why there is none.

    Args:
        what: the figure, for the refusal.
        contrast: the tax.
        confidence: of the interval.
        negative: whether the metric can be below 0.
        chance: what chance alone scores, in the unit of the contrast.
    """
    if negative:
        return None, [below_zero(what)]
    base = contrast.raw - chance
    above = f" above the chance level {chance:g}" if chance else ""
    if base == 0 or (chance and base < 0):
        message = f"raw is {contrast.raw:g}, which is nothing{above}; look at the absolute tax"
        return None, [Refusal(what, "raw_at_chance" if chance else "zero_raw", message)]
    found = contrast.relative(confidence, chance)
    if found is None:
        message = (
            f"raw is {base:.4g}{above}, and its interval includes 0, so that a share of it may be anything; "
            "look at the absolute tax, or score more items"
        )
        return None, [Refusal(what, "raw_interval_includes_zero", message)]
    return found, []


def below_zero(what: str) -> Refusal:
    """Return why a metric that can be negative has no relative tax."""
    message = "the metric can be below 0, where a share of it means nothing; look at the absolute tax"
    return Refusal(what, "can_be_negative", message)


def no_error(what: str, why: str) -> Refusal:
    """Return why a tax has no interval."""
    return Refusal(f"{what}: interval and verdict", "no_stderr", why)


def _why_no_error(each: Compared) -> str:
    if not each.why_unpaired:
        return "one item, or one group of items, has no spread; score more of them, or leave out --cluster"
    for score in (each.match.raw, each.match.aligned):
        if score.standard_error is None:
            said = "says that it has no standard error" if score.error_refused else "has no standard error"
            return f"{score.source} {said}{_UNPAIRED}"
    return f"the scores of so few items, or alike as they are, have no standard error{_UNPAIRED}"
