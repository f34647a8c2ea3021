"""The performance tax as a record: every score that both arms have, and their averages."""

from __future__ import annotations

from aligntax.taxes.performance import naming
from aligntax.taxes.performance.asking import Question, require_metrics
from aligntax.taxes.performance.averaging import average_figure, averages
from aligntax.taxes.performance.figures import above_chance, figure_of
from aligntax.taxes.performance.matching import matched, warnings_of
from aligntax.taxes.performance.scores import Arm, Key
from aligntax.taxes.performance.side_by_side import POINTS, Compared, compared, wholes
from aligntax.taxes.performance.verdicts import tell
from aligntax.taxes.record import Figure, Refusal, TaxRecord, provenance

__all__ = ["performance_tax"]

_NO_MARGIN = "without a margin nothing can be called untaxed; say by --margin what is no tax yet"


def performance_tax(raw: Arm, aligned: Arm, question: Question) -> TaxRecord:
    """Return what alignment, or guards, cost in benchmark scores.

    Args:
        raw: scores before.
        aligned: scores after, of the same program.
        question: how they are judged.

    Raises:
        ValueError: if the arms were written by different programs, or a chance level is of a task that is not there, or
            a margin of such a metric.
    """
    if raw.program != aligned.program:
        raise ValueError(
            f"raw was written by {raw.program} and aligned by {aligned.program}; run both models with one program"
        )
    unknown = sorted(set(question.chance) - {*raw.tasks, *aligned.tasks})
    if unknown:
        raise ValueError(f"--chance {unknown[0]}: there is no such task; there are {', '.join(raw.tasks[:10])}")
    require_metrics({"--margin": question.margins}, (raw, aligned))
    matches, refusals = matched(raw, aligned)
    scores: dict[Key, Compared] = {}
    whole = wholes(raw, aligned)
    for match in matches:
        found = compared(match, raw, aligned, question.confidence, whole=whole[match.key.metric])
        if isinstance(found, Refusal):
            refusals.append(found)
        else:
            scores[match.key] = found
    figures = _figures(scores, raw, aligned, question, refusals)
    warnings = list(warnings_of(raw, aligned))
    if figures and question.margin is None and not question.margins:
        warnings.append(_NO_MARGIN)
    return TaxRecord(
        kind="performance",
        title="Performance tax: what the scores of benchmarks lose",
        figures=figures,
        refusals=refusals,
        parameters={
            "margin_points": question.margin,
            "margins": dict(question.margins),
            "chance": dict(question.chance),
            "confidence": question.confidence,
            "tests_adjusted_together": sum(each.contrast.p is not None for each in scores.values()),
            "program": raw.program,
        },
        sources=[
            {"arm": name, **provenance(path)}
            for name, arm in (("raw", raw), ("aligned", aligned))
            for path in arm.paths
        ],
        warnings=warnings,
    )


def _figures(
    scores: dict[Key, Compared], raw: Arm, aligned: Arm, question: Question, refusals: list[Refusal]
) -> list[Figure]:
    """Return the averages, and then the scores in the order of the files; add to the refusals what has no figure."""
    alpha = 1 - question.confidence
    means, left_out = averages(scores, {**aligned.groups, **raw.groups}, question.confidence)
    refusals += left_out
    names = naming.unique([*means, *scores])
    figures = []
    told_means = tell(
        {name: mean.contrast for name, mean in means.items()}, dict.fromkeys(means, question.margin), alpha
    )
    for name, mean in means.items():
        figure, refused = average_figure(names[name], name, mean, told_means[name], question.confidence)
        figures.append(figure)
        refusals += refused
    margins = {
        key: question.margins.get(key.metric, question.margin if each.unit == POINTS else None)
        for key, each in scores.items()
    }
    told = tell({key: each.contrast for key, each in scores.items()}, margins, alpha)
    for key, each in scores.items():
        figure, refused = figure_of(names[key], each, told[key], question.confidence)
        figures.append(figure)
        refusals += refused
        if key.task in question.chance and each.unit == POINTS:
            chance = each.factor * question.chance[key.task]
            found, refused = above_chance(figure, each, chance, question.confidence)
            figures += [] if found is None else [found]
            refusals += refused
    return figures
