"""From what another program found to the part `load` of a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aligntax.experiment.arms import GUARDED, RAW
from aligntax.experiment.load.foreign.files import read_foreign
from aligntax.experiment.load.foreign.record import Foreign
from aligntax.experiment.load.objective import Slo
from aligntax.experiment.load.quantiles import QUANTILES
from aligntax.experiment.load.records import ALLOWED, Call
from aligntax.experiment.load.summary import FORMULAS, Stretch, summarise
from aligntax.inference import difference_of_medians, relative_difference

__all__ = ["foreign_load", "load_of", "run_of"]

_MEASURES = {"scheduled": "scheduled_ns", "service": "service_ns", "first_chunk": "scheduled_first_ns"}


def foreign_load(
    files: Mapping[str, Path | str], slo: Slo | None = None, statuses: Sequence[int] = ()
) -> dict[str, Any]:
    """Return the part `load` of a result, from what another program found.

    Args:
        files: by arm; `FILE#2` is the second run in it.
        slo: what makes an answer a good one.
        statuses: of answers with which guards refuse; see `read_foreign`.

    Raises:
        ValueError: if a file cannot be read, is no result, or has more than one run and none was chosen.
    """
    if not files:
        raise ValueError("no file of another program's was given; name one for an arm, as raw=FILE")
    return load_of({arm: _chosen(str(path), statuses) for arm, path in files.items()}, slo)


def load_of(runs: Mapping[str, Foreign], slo: Slo | None = None) -> dict[str, Any]:
    """Return the part `load` of a result, from runs that have been read.

    Args:
        runs: by arm.
        slo: what makes an answer a good one.
    """
    warnings = [f"load, {arm}: {warning}" for arm, run in runs.items() for warning in run.warnings]
    if len({run.label for run in runs.values()}) > 1:
        said = ", ".join(f"{arm} {run.label}" for arm, run in runs.items())
        warnings.append(f"load: the arms were not asked alike ({said}); differences are not the guards' alone")
    return {
        "engine": " and ".join(sorted({run.program for run in runs.values()})),
        "stopped": "done",
        "arms": {arm: _arm(run, slo) for arm, run in runs.items()},
        **_compared(runs),
        "formulas": FORMULAS,
        "warnings": warnings,
    }


def run_of(path: str) -> tuple[str, int | None]:
    """Return the file that `FILE#2` names, and which run in it; None where it names none."""
    name, mark, which = path.rpartition("#")
    return (name, int(which)) if mark and which.isdecimal() else (path, None)


def _chosen(path: str, statuses: Sequence[int]) -> Foreign:
    name, which = run_of(path)
    runs = read_foreign(name, statuses)
    if which is not None and 1 <= which <= len(runs):
        return runs[which - 1]
    if which is not None or len(runs) > 1:
        listed = ", ".join(f"{place}: {run.label}" for place, run in enumerate(runs, 1))
        raise ValueError(f"{name}: has {len(runs)} runs; name one as {name}#N, with N of {listed}")
    return runs[0]


def _arm(run: Foreign, slo: Slo | None) -> dict[str, Any]:
    if run.calls is not None:
        # Its seconds need not begin where our times do, so that it is not asked which answers came within them.
        answered = sum(call.outcome == ALLOWED for call in run.calls)
        found = summarise(run.rate or 0.0, [Stretch(run.calls, run.seconds, answered)], 0, slo)
        found["latency"] |= run.summaries
    else:
        found = {
            "seconds": run.seconds,
            "n": sum(run.counts.values()),
            "outcomes": {name: count for name, count in run.counts.items() if count},
            "throughput": run.counts.get(ALLOWED, 0) / run.seconds,
            "latency": dict(run.summaries),
            "summary": True,
        }
    return found | {
        "rate": run.rate,
        "arrivals": run.kind,
        "program": run.program,
        "formulas": dict(run.formulas),
    }


def _compared(runs: Mapping[str, Foreign]) -> dict[str, Any]:
    """Return what the guards cost, of unpaired requests: nobody knows which were the same."""
    if not {RAW, GUARDED} <= runs.keys() or any(runs[arm].calls is None for arm in (RAW, GUARDED)):
        return {}
    taxes: dict[str, Any] = {}
    differences: dict[str, Any] = {}
    for name, measure in _MEASURES.items():
        base, new = (_seconds(runs[arm].calls or (), measure) for arm in (RAW, GUARDED))
        if not (base.size and new.size):
            continue
        taxes[name] = {
            "seconds": difference_of_medians(base, new).to_dict(),
            "relative": relative_difference(base, new, paired=False).to_dict(),
            "n": min(base.size, new.size),
            "paired": False,
        }
        differences[name] = {label: float(np.quantile(new, q) - np.quantile(base, q)) for label, q in QUANTILES.items()}
    return {"tax": taxes, "differences_of_quantiles": differences} if taxes else {}


def _seconds(calls: Sequence[Call], measure: str) -> Any:
    values = [getattr(call, measure) for call in calls if call.outcome == ALLOWED]
    return np.array([value / 1e9 for value in values if value is not None])
