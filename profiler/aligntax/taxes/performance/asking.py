"""What the user asks of a comparison of scores."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from aligntax.inference import CONFIDENCE
from aligntax.taxes.performance.scores import Arm

__all__ = ["Question", "chances", "margins", "require_items", "require_metrics"]


@dataclass(frozen=True, slots=True)
class Question:
    """How taxes are judged.

    Attributes:
        margin: what is no tax yet, in points; None: then nothing can be called untaxed.
        margins: by metric, in the metric's own unit, in the place of the margin in points.
        chance: what chance alone scores in a task, in the unit of its file.
        confidence: of all intervals; 1 minus it is the chance of a false alarm over all tasks together.

    Raises:
        ValueError: if a number is out of range.
    """

    margin: float | None = None
    margins: Mapping[str, float] = field(default_factory=dict)
    chance: Mapping[str, float] = field(default_factory=dict)
    confidence: float = CONFIDENCE

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        if not 0.5 <= self.confidence < 1:
            raise ValueError(f"--confidence {self.confidence:g}: must be at least 0.5 and below 1, e.g. 0.95")
        given = {"": self.margin, **self.margins}
        for name, margin in given.items():
            if margin is not None and not 0 < margin < math.inf:
                raise ValueError(f"--margin {name}{'=' if name else ''}{margin:g}: must be above 0, e.g. 1 for a point")
        for task, share in self.chance.items():
            if not 0 <= share < math.inf:
                raise ValueError(f"--chance {task}={share:g}: must be 0 or more, in the unit of the scores, e.g. 0.25")


def margins(given: Sequence[str]) -> tuple[float | None, dict[str, float]]:
    """Return the margin in points, if there is one, and those by metric.

    Args:
        given: numbers, and `METRIC=NUMBER`.

    Raises:
        ValueError: if one is neither, or stands there twice.
    """
    found = _numbers("--margin", given)
    return found.pop("", None), found


def chances(given: Sequence[str]) -> dict[str, float]:
    """Return what chance scores, by task.

    Args:
        given: `TASK=NUMBER`.

    Raises:
        ValueError: if one is none, or stands there twice.
    """
    found = _numbers("--chance", given)
    if "" in found:
        raise ValueError(f"--chance {found['']:g}: of which task? write TASK=NUMBER, e.g. arc=0.25")
    return found


def require_metrics(named: Mapping[str, Iterable[str]], arms: Sequence[Arm]) -> None:
    """Make sure that each metric that the user names is there, so that a slip of the pen is not passed over.

    Args:
        named: metrics by option.
        arms: all that was read. Where some of it was refused, a metric may be missing for that reason.

    Raises:
        ValueError: if one is in neither arm.
    """
    known = dict.fromkeys(key.metric for arm in arms for key in arm.scores)
    if any(arm.refusals for arm in arms):
        return
    for option, metrics in named.items():
        for metric in metrics:
            if metric not in known:
                raise ValueError(f"{option} {metric}: no score is of that metric; read were {', '.join([*known][:10])}")


def require_items(clusters: Iterable[str], arms: Sequence[Arm]) -> None:
    """Make sure that there are items to group.

    Args:
        clusters: fields, and `TASK=FIELD`; see `Asked`.
        arms: all that was read.

    Raises:
        ValueError: if neither arm has items, or items of that task.
    """
    tasks = {key.task for arm in arms for key in arm.samples}
    for each in clusters:
        task = each.rpartition("=")[0]
        if not tasks or (task and task not in tasks):
            of_task = f" of {task}" if task else ""
            raise ValueError(
                f"--cluster {each}: there are no scores of single items{of_task} to group; pass --samples with them"
            )


def _numbers(option: str, given: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for each in given:
        name, _, written = each.rpartition("=")
        try:
            value = float(written)
        except ValueError as error:
            raise ValueError(f"{option} {each}: write a number, or NAME=NUMBER") from error
        if name in found:
            raise ValueError(f"{option} {each}: {name or 'a number'} was given before; give it once")
        found[name] = value
    return found
