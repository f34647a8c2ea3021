"""The words of the experiment's reports: what the numbers mean, for a newcomer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aligntax.figures import MISSING, duration, percentage
from aligntax.inference import CONFIDENCE
from aligntax.report.experiment.contents import ARM_NAMES, Data, estimate
from aligntax.report.experiment.estimates import signed_duration, signed_percentage, with_interval

__all__ = [
    "above_noise",
    "arm_name",
    "band",
    "by_share",
    "confidence",
    "counted",
    "flattened",
    "headline",
    "in_order",
    "share_of",
    "spoken",
    "verdict",
]


def arm_name(arm: str) -> str:
    """Return an arm in words, e.g. `"with guards"` or `"only pii"`."""
    kind, colon, guard = arm.partition(":")
    return f"{kind} {guard}" if colon else {**ARM_NAMES, "hop": "proxy without guards"}.get(arm, arm)


def in_order(arms: Iterable[str]) -> list[str]:
    """Return arms with those first that most experiments have."""
    there = [*arms]
    return [arm for arm in dict.fromkeys((*ARM_NAMES, *there)) if arm in there]


def counted(number: int, what: str) -> str:
    """Return a number of things, e.g. `"1 pair"` or `"1,200 pairs"`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def confidence(result: Data) -> str:
    """Return how sure the intervals of a result are, e.g. `"95 %"`."""
    return f"{(result['design'].get('confidence') or CONFIDENCE) * 100:g} %"


def by_share(guards: Sequence[Data]) -> list[Data]:
    """Return the guards of a result, the dearest first; those whose share is not known are last."""
    return sorted(guards, key=lambda guard: -share_of(guard))


def share_of(guard: Data) -> float:
    """Return the seconds of a request that a guard has of the tax; minus infinity where that is not known."""
    found = estimate(guard.get("share_seconds"))
    return -math.inf if found is None else found.value


def headline(result: Data) -> str:
    """Return in one sentence what the guards cost."""
    tax = result["tax"]
    absolute, relative = estimate(tax.get("seconds")), estimate(tax.get("relative"))
    if not tax.get("n") or absolute is None:
        return "No request ran to its end both with and without the guards, so what they cost is not known."
    above = tax.get("distinguishable")
    if absolute.low is None or above is False or (above is None and absolute.covers(0)):
        relative_text = "" if relative is None else f", {signed_percentage(relative.value)}"
        measured = f"{signed_duration(absolute.value)}{relative_text}"
        if absolute.low is None:
            return f"Too few requests to tell what the guards cost: {measured} over {counted(tax['n'], 'pair')}."
        why = "with an interval that holds zero" if above is None else "which is within the noise"
        return f"What the guards cost cannot be told from zero: {measured}, {why}."
    changes = [_absolute_change(absolute.value)]
    if relative is not None and relative.low is not None and relative.covers(0):
        return f"The guards {changes[0]}; overall, {signed_percentage(relative.value)} cannot be told from zero."
    if relative is not None:
        changes.append(f"make requests {percentage(abs(relative.value))} {_pace(relative.value)} overall")
    return f"The guards {' and '.join(changes)}."


def band(result: Data) -> str:
    """Return what two identical arms differed by: the noise that a tax has to stand out from."""
    null = result.get("null") or {}
    if estimate(null.get("seconds")) is None:
        return "No A/A comparison was made, so it is not known how far two identical arms lie apart."
    absolute = with_interval(null["seconds"], signed_duration)
    relative = with_interval(null.get("relative"), signed_percentage)
    return f"Noise: two identical arms without guards (A/A) differed by {absolute}, {relative}."


def verdict(distinguishable: bool | None) -> str:
    """Return whether a cost stands out from the noise."""
    if distinguishable is None:
        return MISSING
    return "stands out from the noise" if distinguishable else "not distinguishable from zero"


def above_noise(distinguishable: bool | None) -> str:
    """Return the same in one word, for a column with the title "above noise"."""
    return MISSING if distinguishable is None else "yes" if distinguishable else "no"


def growth(sweep: Data) -> str:
    """Return in one sentence how the tax grows with what was swept, or why that cannot be told."""
    fit = sweep.get("fit")
    if fit is None:
        return f"No exponent: {sweep.get('reason') or 'none was fitted'}."
    exponent = fit["exponent"]
    return (
        f"The tax grows as {spoken(sweep['parameter'])} to the power {exponent['value']:.2f} "
        f"({exponent['low']:.2f} to {exponent['high']:.2f})."
    )


def spoken(name: str) -> str:
    """Return a key of the file as words, e.g. `"cpu model"`."""
    return name.replace("_", " ").replace(" seconds", "")


def flattened(data: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return what an environment says as pairs of words; what is not known is left out."""
    pairs: list[tuple[str, str]] = []
    for name, found in data.items():
        key = f"{prefix}{spoken(str(name))}"
        if isinstance(found, Mapping):
            pairs += flattened(found, f"{key}, ")
        elif isinstance(found, list | tuple):
            if found:
                pairs.append((key, ", ".join(_said(part) for part in found)))
        elif found is not None:
            pairs.append((key, _said(found)))
    return pairs


def _said(found: Any) -> str:
    if isinstance(found, bool):
        return "yes" if found else "no"
    return f"{found:g}" if isinstance(found, float) else str(found)


def _absolute_change(seconds: float) -> str:
    if seconds < 0:
        return f"take {duration(-seconds)} off a typical request"
    return f"add {duration(seconds)} to a typical request"


def _pace(ratio: float) -> str:
    return "faster" if ratio < 0 else "slower"
