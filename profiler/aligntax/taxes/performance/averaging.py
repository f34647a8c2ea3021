"""Averages over tasks: of all, and of each group that the files name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from aligntax.taxes.performance.aggregate import macro
from aligntax.taxes.performance.contrast import Contrast
from aligntax.taxes.performance.figures import no_error, relative_of
from aligntax.taxes.performance.scores import Key
from aligntax.taxes.performance.side_by_side import POINTS, Compared
from aligntax.taxes.performance.verdicts import Told
from aligntax.taxes.record import Figure, Refusal

__all__ = ["ALL", "Average", "average_figure", "averages"]

ALL = "all"


class Average(NamedTuple):
    """The mean tax of several tasks.

    Attributes:
        contrast: in points.
        members: the first score of each task.
    """

    contrast: Contrast
    members: Sequence[Compared]


def averages(
    scores: Mapping[Key, Compared], groups: Mapping[str, Sequence[str]], confidence: float
) -> tuple[dict[str, Average], list[Refusal]]:
    """Return the averages of all tasks and of each group, of at least two tasks, and what they leave out.

    Only scores in points can be averaged. Of a task, the first of those counts.

    Args:
        scores: that were compared, in the order of the files.
        groups: tasks by group.
        confidence: of the intervals.
    """
    first: dict[str, Compared] = {}
    for key, each in scores.items():
        if each.unit == POINTS:
            first.setdefault(key.task, each)
    wanted: dict[str, Sequence[str]] = {ALL: list(first)}
    wanted |= {name: tasks for name, tasks in groups.items() if name != ALL}
    found = {}
    for name, tasks in wanted.items():
        members = [first[task] for task in tasks if task in first]
        if len(members) > 1:
            found[name] = Average(macro([each.contrast for each in members], confidence), members)
    others = sorted({key.task for key in scores} - set(first))
    if not found or not others:
        return found, []
    message = f"leaves out {', '.join(others[:10])}, whose scores are no points; look at their own figures"
    return found, [Refusal("Macro average", "different_units", message)]


def average_figure(
    figure_name: str, group: str, average: Average, told: Told, confidence: float
) -> tuple[Figure, list[Refusal]]:
    """Return the figure of an average, and what of it was refused."""
    contrast, members = average
    title = "Macro average of all tasks" if group == ALL else f"Macro average of {group}"
    what = f"{title}: relative"
    if len({each.direction for each in members}) > 1:
        message = (
            "of some tasks more is better and of others less, so that the mean of raw means nothing; "
            "look at the tasks' own figures"
        )
        relative, refusals = None, [Refusal(what, "different_directions", message)]
    else:
        negative = any(each.below_zero for each in members)
        relative, refusals = relative_of(what, contrast, confidence, negative=negative)
    if contrast.error is None:
        refusals.append(no_error(title, "one of its tasks has no standard error; see what is said of that task"))
    return Figure(
        name=figure_name,
        title=title,
        absolute=contrast.absolute,
        unit=POINTS,
        relative=relative,
        raw=contrast.raw,
        verdict=told.verdict,
        n=contrast.n,
        formula=contrast.formula,
        p=told.p,
        marks=(f"{len(members)} tasks, the first metric of each",),
        sources=tuple(dict.fromkeys(source for each in members for source in each.sources)),
        more={
            "aligned": contrast.aligned,
            "standard_error": contrast.error,
            "p_equivalent": told.p_equivalent,
            "members": [list(each.match.key) for each in members],
        },
    ), refusals
