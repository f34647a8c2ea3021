"""What the tables for terminals, Markdown and CI have in common: cells and sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from aligntax.experiment.gate.budget import Limit
from aligntax.experiment.gate.comparing import Compared, Row
from aligntax.experiment.gate.judging import Judged, Judgement, Standing
from aligntax.experiment.gate.measured import Measured, Unit
from aligntax.experiment.gate.quantity import written
from aligntax.figures import MISSING, TOO_SMALL, percentage
from aligntax.inference import CONFIDENCE, Estimate, Verdict
from aligntax.report.experiment.estimates import between

__all__ = [
    "COMPARED_TITLES",
    "compared_cells",
    "compared_headline",
    "files",
    "forced_lines",
    "judged_cells",
    "judged_headline",
    "judged_sentence",
    "judged_titles",
    "notes",
]

COMPARED_TITLES = ("metric", "base", "new", "change", "95 % interval", "relative", "p (Holm)", "verdict")


def compared_cells(row: Row) -> tuple[str, ...]:
    """Return one metric as cells, below `COMPARED_TITLES`."""
    figures = [MISSING if each is None else written(each.value, row.unit) for each in (row.base, row.new)]
    if row.found is None:
        return (row.title, *figures, MISSING, MISSING, MISSING, MISSING, f"{row.verdict.value} ({row.note})")
    effect = row.found.effect
    return (
        row.title,
        *figures,
        _difference(effect.value, row.unit),
        _interval(effect, partial(_difference, unit=row.unit)),
        MISSING if row.change is None else percentage(row.change.value, signed=True),
        _p(row.found.p),
        row.verdict.value,
    )


def judged_cells(judgement: Judgement, judged: Judged) -> tuple[str, ...]:
    """Return one limit as cells, below `judged_titles`."""
    limit, found, standing, reason = judgement
    taken = judged.taken_for(judgement)
    sure = "" if len(_confidences(judged)) == 1 else f", {judged.confidence_of(limit) * 100:g} %"
    return (
        limit.title,
        limit.written,
        MISSING if found is None else limit.told(found.value),
        MISSING if found is None or _never_has(found, limit) else f"{_interval(found, limit.told)}{sure}",
        standing.value if taken is standing else f"{standing.value}, taken as {taken.value}",
        reason,
    )


def judged_titles(judged: Judged) -> tuple[str, ...]:
    """Return the titles of the columns; records of other taxes may hold intervals of another confidence than 95 %."""
    sure = _confidences(judged)
    interval = f"{sure.pop() * 100:g} % interval" if len(sure) == 1 else "interval"
    return ("limit", "at most", "found", interval, "verdict", "why")


def compared_headline(compared: Compared) -> str:
    """Return the verdict on two files in one line."""
    row = compared.row(compared.new.deciding) if compared.new.deciding else None
    if row is None or row.found is None:
        return f"{_sentence_case(compared.verdict.value)} (the worst of {len(compared.rows)} metrics)"
    if row.change is None:
        return _sentence_case(row.verdict.value)
    change = f"{percentage(row.change.value, signed=True)} ({_interval(row.change, partial(percentage, signed=True))})"
    return f"{_sentence_case(row.verdict.value)}: a guarded request takes {change} in relation to raw"


def judged_headline(judged: Judged) -> str:
    """Return the verdict on a result in one line."""
    count = dict.fromkeys(Standing, 0)
    for judgement in judged.judgements:
        count[judgement.standing] += 1
    parts = ", ".join(f"{number} {standing.value}" for standing, number in count.items() if number)
    words = {Standing.PASSED: "Within budget", Standing.FAILED: "Over budget", Standing.CANNOT_TELL: "Cannot tell"}
    return f"{words[judged.standing]}: of {len(judged.judgements)} limits, {parts}"


def judged_sentence(judgement: Judgement) -> str:
    """Return one limit as a sentence."""
    limit, found, standing, reason = judgement
    end = f" ({reason})" if reason else ""
    if found is None:
        return f"{limit.title}, at most {limit.written}: {standing.value}{end}"
    interval = "" if _never_has(found, limit) else f" ({_interval(found, limit.told)})"
    return f"{limit.title}: {limit.told(found.value)}{interval}, at most {limit.written}: {standing.value}{end}"


def notes(compared: Compared) -> Iterator[str]:
    """Yield what must be known to read the comparison."""
    margin = percentage(compared.margin)
    yield (
        f"Margin {margin} and relative changes are of a guarded request for the tax and its parts, of the figure "
        f"itself for others; alpha is {compared.alpha:g} over all metrics together."
    )
    sampling = dict.fromkeys(row.sampling for row in compared.rows if row.sampling)
    if sampling:
        yield f"Samples: {', '.join(sampling)}. A change is the median of theirs; base and new are as in the files."
    if any(map(_says_less_than_its_verdict, compared.rows)):
        yield (
            "Verdicts go by the test on ranks, which finds smaller changes than the interval of a median: where that "
            "holds 0 beside a verdict, there was a change, and how large it is at the median cannot be told."
        )
    raw = compared.row("latency.raw")
    if compared.new.deciding:
        yield "What decides is the tax of raw, since raw was measured in the same run; absolute figures move with it."
    if raw is not None and raw.verdict in (Verdict.REGRESSION, Verdict.IMPROVEMENT) and raw.change is not None:
        yield (
            f"Raw itself moved by {percentage(raw.change.value, signed=True)}: machine or model differ between the "
            "runs, so do not read the absolute figures as the guards'."
        )


def forced_lines(differences: tuple[str, ...]) -> Iterator[str]:
    """Yield the warning that stands above everything that was made by force."""
    if differences:
        yield "FORCED: these results should not be compared, and what follows may say nothing about the guards."
        yield from (f"differs: {line}" for line in differences)


def files(base: Measured, new: Measured) -> str:
    """Return which files were compared."""
    return f"{base.path} ({base.created}) to {new.path} ({new.created})"


def _says_less_than_its_verdict(row: Row) -> bool:
    """Return whether an interval holds 0 although the test found a change, which is no contradiction."""
    if row.found is None or row.verdict not in (Verdict.REGRESSION, Verdict.IMPROVEMENT):
        return False
    low, high = row.found.effect.low, row.found.effect.high
    return low is not None and high is not None and low <= 0 <= high


def _confidences(judged: Judged) -> set[float]:
    found = {judged.confidence_of(each.limit) for each in judged.judgements if each.found is not None}
    return found or {CONFIDENCE}


def _never_has(found: Estimate, limit: Limit) -> bool:
    """Return whether a figure is without an interval as a count is, of which more would not give it one."""
    return found.low is None and limit.section.own


def _interval(found: Estimate, write: Callable[[float], str]) -> str:
    if found.low is None or found.high is None:
        return TOO_SMALL
    return between(write(found.low), write(found.high))


def _difference(value: float, unit: Unit | str) -> str:
    """Return a difference; that of two ratios is in points, not in per cent of either."""
    text = written(value, unit, signed=True)
    return f"{text.removesuffix(' %')} points" if unit is Unit.RATIO else text


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]
