"""What guards bought, as one record: their figures, and which configurations nobody should choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from aligntax.inference import Estimate, wilson
from aligntax.taxes.benefit.counts import count
from aligntax.taxes.benefit.figures import Configuration, Settings, figures
from aligntax.taxes.benefit.front import Option, points
from aligntax.taxes.benefit.price import read_tax
from aligntax.taxes.benefit.verdicts import read_verdicts
from aligntax.taxes.lines import Progress, silent
from aligntax.taxes.record import Figure, Refusal, TaxRecord, provenance

__all__ = ["MAX_CONFIGURATIONS", "NO_GUARDS", "benefit", "read_configuration", "sources_of"]

MAX_CONFIGURATIONS = 64
NO_GUARDS = "no guards"
_HEADLINE = "attack_success.change"


def read_configuration(
    name: str, verdicts: Path, tax: Path | None = None, progress: Progress = silent
) -> Configuration:
    """Read the verdicts of one configuration, and the tax that goes with it.

    Raises:
        ValueError: if a file is none of its kind; names it, the line and the mend.
        KeyboardInterrupt: if `progress` says not to go on.
    """
    found = None if tax is None else read_tax(tax)
    return Configuration(name, count(read_verdicts(verdicts, progress)), found, verdicts.name)


def benefit(
    configurations: Sequence[Configuration], settings: Settings, sources: Sequence[Mapping[str, Any]] = ()
) -> TaxRecord:
    """Return the record of what guards bought.

    Args:
        configurations: at least one; of several each has another name, and all judged the same texts.
        settings: what the user chose.
        sources: provenance of the files.

    Raises:
        ValueError: if configurations share a name, or judged different texts.
    """
    _require_comparable(configurations)
    told = [figures(configuration, settings) for configuration in configurations]
    data, refusals = _front(configurations, settings.confidence)
    every = [_marked(figure, data) for each in told for figure in each.figures]
    return TaxRecord(
        "benefit",
        "Benefit: what the guards bought",
        sorted(every, key=_not_headline),
        [*(refusal for each in told for refusal in each.refusals), *refusals],
        {"prevalence": settings.prevalence, "margin": settings.margin, "confidence": settings.confidence},
        sources,
        [*(warning for each in configurations for warning in _warnings(each))],
        {"configurations": [_counted(each) for each in configurations], **({"front": data} if data else {})},
    )


def sources_of(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Return the provenance of each file, once."""
    return [provenance(path) for path in dict.fromkeys(paths)]


def _marked(figure: Figure, front: Mapping[str, Any]) -> Figure:
    """Mark the headline of a dominated configuration."""
    name = figure.name.removeprefix(f"{_HEADLINE}.")
    found = next((point for point in front.get("points", ()) if point["name"] == name and point["dominated"]), None)
    if found is None or name == figure.name:
        return figure
    return replace(figure, marks=(*figure.marks, f"dominated by {', '.join(found['dominated_by'])}"))


def _not_headline(figure: Figure) -> bool:
    """Sort the changes of attack success first; all else stays in its order."""
    return not figure.name.startswith(_HEADLINE)


def _require_comparable(configurations: Sequence[Configuration]) -> None:
    if not 1 <= len(configurations) <= MAX_CONFIGURATIONS:
        raise ValueError(f"{len(configurations)} configurations; pass 1 to {MAX_CONFIGURATIONS}")
    names = [each.name for each in configurations]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"two configurations are called {twice!r}; give one another name")
    if NO_GUARDS in names:
        raise ValueError(f"a configuration is called {NO_GUARDS!r}, which stands for the model alone; rename it")
    first = configurations[0]
    for other in configurations[1:]:
        if other.counts.fingerprint != first.counts.fingerprint:
            sizes = [each.counts.success_raw.n + each.counts.stopped_raw.n for each in (first, other)]
            raise ValueError(
                f"{first.source} and {other.source} hold other texts or labels ({sizes[0]:,} and {sizes[1]:,}), so "
                "that nothing can be said of one configuration against the other; judge the same file with both"
            )


def _front(configurations: Sequence[Configuration], confidence: float) -> tuple[dict[str, Any], list[Refusal]]:
    """Return the costs of all configurations, and which are dominated; nothing without attacks."""
    if not configurations[0].counts.success_raw.n:
        return {}, []
    costs: dict[str, list[Estimate]] = {
        "attack_success": [wilson(*each.counts.success_guarded, confidence) for each in configurations]
    }
    if configurations[0].counts.stopped_guarded.n:
        costs["false_positives"] = [wilson(*each.counts.stopped_guarded, confidence) for each in configurations]
    taxes, unit, refusals = _taxes(configurations)
    if taxes:
        costs["tax"] = taxes
    names = [each.name or "guards" for each in configurations]
    bare = _without_guards(configurations, confidence)
    if bare:
        names.append(NO_GUARDS)
        for objective, values in costs.items():
            values.append(bare[objective])
    options = [Option(name, tuple(values[index] for values in costs.values())) for index, name in enumerate(names)]
    return {"objectives": list(costs), "tax": unit, "points": points(list(costs), options)}, refusals


def _taxes(configurations: Sequence[Configuration]) -> tuple[list[Estimate], dict[str, str] | None, list[Refusal]]:
    """Return the tax of each configuration in one unit, and which it is; or why they cannot be compared by it."""
    taxes = [each.tax for each in configurations if each.tax is not None]
    if not taxes:
        return [], None, []
    if len(taxes) < len(configurations):
        lacking = ", ".join(each.name for each in configurations if each.tax is None)
        message = f"{lacking} came without a tax, so that the front is one of attack success and false positives only"
        return [], None, [Refusal("front, tax", "tax_missing", f"{message}; give each its own: name=verdicts:tax.json")]
    if len({tax.name for tax in taxes}) == 1:
        absolute = [tax.absolute for tax in taxes if tax.absolute is not None]
        if len(absolute) == len(taxes) and len({tax.unit for tax in taxes}) == 1:
            return absolute, {"title": taxes[0].title, "unit": taxes[0].unit}, []
        relative = [tax.relative for tax in taxes if tax.relative is not None]
        if len(relative) == len(taxes):
            return relative, {"title": taxes[0].title, "unit": "share of raw"}, []
    found = ", ".join(sorted({f"{tax.name} in {tax.unit}" for tax in taxes}))
    return (
        [],
        None,
        [Refusal("front, tax", "different_taxes", f"taxes of different kinds ({found}); give all the same")],
    )


def _without_guards(configurations: Sequence[Configuration], confidence: float) -> dict[str, Estimate]:
    """Return the costs of the model alone, where all configurations found the same ones."""
    found = {(each.counts.success_raw, each.counts.stopped_raw) for each in configurations}
    if len(found) > 1:
        return {}
    success, stopped = found.pop()
    nothing = {"false_positives": wilson(*stopped, confidence)} if stopped.n else {}
    return {"attack_success": wilson(*success, confidence), **nothing, "tax": Estimate(0.0, 0.0, 0.0)}


def _warnings(configuration: Configuration) -> list[str]:
    counts = configuration.counts
    warnings = list(counts.warnings)
    if counts.failed.k:
        warnings.append(
            f"in {configuration.source} guards failed or were too late on {counts.failed.k:,} of {counts.failed.n:,} "
            "texts; such a text is stopped, unless its record says that it passed"
        )
    return warnings


def _counted(configuration: Configuration) -> dict[str, Any]:
    counts = configuration.counts
    return {
        "name": configuration.name,
        "source": configuration.source,
        "attacks": counts.success_raw.n,
        "benign": counts.stopped_raw.n,
        "verdicts": {label: dict(found) for label, found in counts.verdicts.items()},
        "stopped_by": {guard: dict(found) for guard, found in counts.stopped_by.items()},
        "repeats": {"least": counts.repeats[0], "most": counts.repeats[1]},
        "without_guards": dict(
            zip(("attack", "benign"), ("run" if run else "as labelled" for run in counts.measured_raw), strict=True)
        ),
        "tax": None if configuration.tax is None else configuration.tax.name,
    }
