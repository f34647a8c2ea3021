"""Which scores of two arms may be compared, and why the others may not."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from aligntax.taxes.performance.scores import Arm, Key, Score
from aligntax.taxes.record import Refusal

__all__ = ["Match", "matched", "warnings_of"]

_EXPLAINING = ("chat template", "system instruction", "few-shot examples as turns")
_HASHED = "documents, prompts or targets of "
_LONGEST = 60


class Match(NamedTuple):
    """One score in both arms.

    Attributes:
        key: task, metric and filter.
        raw: before alignment.
        aligned: after it.
    """

    key: Key
    raw: Score
    aligned: Score


def matched(raw: Arm, aligned: Arm) -> tuple[list[Match], list[Refusal]]:
    """Return the scores that may be compared, in the order of the raw arm, and what was refused."""
    refusals = [*raw.refusals, *aligned.refusals]
    spoilt = {refusal.what for refusal in refusals}
    found: list[Match] = []
    keys, others = _by_task(raw), _by_task(aligned)
    for task in keys:
        if task in spoilt:
            continue
        if task not in others:
            refusals.append(_missing(raw.scores[keys[task][0]], task, "aligned", others))
            continue
        refusals += _unmatched(task, keys[task], others[task])
        for key in keys[task]:
            if key not in aligned.scores:
                continue
            match = Match(key, raw.scores[key], aligned.scores[key])
            refusal = _refused(match)
            if refusal is None:
                found.append(match)
            else:
                refusals.append(refusal)
    refusals += [
        _missing(aligned.scores[others[task][0]], task, "raw", keys)
        for task in others
        if task not in keys and task not in spoilt
    ]
    return found, refusals


def warnings_of(raw: Arm, aligned: Arm) -> Iterator[str]:
    """Yield in which settings the arms differ that both of them tell."""
    both = [name for name in raw.settings if name in aligned.settings]
    differing = [name for name in both if raw.settings[name] != aligned.settings[name]]
    explained = any(name in differing for name in _EXPLAINING)
    lone = set(raw.tasks) ^ set(aligned.tasks)
    for name in differing:
        _, mark, task = name.rpartition(" of ")
        if (name.startswith(_HASHED) and explained) or (mark and task in lone):
            continue
        before, after = (_short(arm.settings[name]) for arm in (raw, aligned))
        yield f"different {name}: {before} and {after}; what differs in the scores may be due to that"


def _short(written: str) -> str:
    return written if len(written) <= _LONGEST else f"{written[:_LONGEST]}..."


def _by_task(arm: Arm) -> dict[str, list[Key]]:
    found: dict[str, list[Key]] = {}
    for key in arm.scores:
        found.setdefault(key.task, []).append(key)
    return found


def _missing(score: Score, task: str, name: str, others: Iterable[str]) -> Refusal:
    also = ", ".join(islice(others, 5)) or "none"
    return Refusal(
        task,
        "missing_task",
        f"{score.source} has it, and the {name} arm has not (it has {also}); run it on both models",
    )


def _unmatched(task: str, raw: list[Key], aligned: list[Key]) -> Iterator[Refusal]:
    """Yield what stands in one arm only."""
    for here, there, names in ((raw, aligned, ("raw", "aligned")), (aligned, raw, ("aligned", "raw"))):
        metrics = {key.metric for key in there}
        for key in here:
            if key in there:
                continue
            if key.metric in metrics:
                others = sorted({each.filter for each in there if each.metric == key.metric})
                yield Refusal(
                    f"{task}: {key.label}",
                    "different_filters",
                    f"the {names[0]} arm has {key.metric} by {key.filter}, the {names[1]} arm by {', '.join(others)}; "
                    "take the answers from the texts in the same way",
                )
            else:
                yield Refusal(
                    f"{task}: {key.label}",
                    "different_metrics",
                    f"the {names[0]} arm has {key.metric}, the {names[1]} arm {', '.join(sorted(metrics)) or 'none'}; "
                    "score both with the same metrics",
                )


def _refused(match: Match) -> Refusal | None:
    key, raw, aligned = match
    what = f"{key.task}: {key.label}"
    for score in (raw, aligned):
        if not math.isfinite(score.value):
            return Refusal(what, "not_a_number", f"it is {score.value} in {score.source}; run the benchmark again")
        if score.n == 0:
            return Refusal(what, "empty", f"{score.source} has scored no item; run the benchmark again")
    rules: tuple[tuple[str, str, Callable[[Score], Any], str], ...] = (
        ("different_versions", "version", lambda score: score.version, "run both models on one version of the task"),
        (
            "different_shots",
            "number of examples in the prompt",
            lambda score: score.shots,
            "use the same --num_fewshot",
        ),
        ("different_n", "number of items", lambda score: score.n, "run both models on the same items"),
        (
            "different_directions",
            "higher_is_better",
            lambda score: score.higher_is_better,
            "say which by --higher, --lower",
        ),
    )
    for reason, name, read, mend in rules:
        before, after = read(raw), read(aligned)
        if before is not None and after is not None and before != after:
            return Refusal(what, reason, f"{name} is {before} in {raw.source} and {after} in {aligned.source}; {mend}")
    if raw.higher_is_better is None and aligned.higher_is_better is None:
        return Refusal(
            what,
            "no_direction",
            f"neither {raw.source} nor {aligned.source} says whether more {key.metric} is better; say so by "
            f"--higher or --lower {key.metric}",
        )
    return None
