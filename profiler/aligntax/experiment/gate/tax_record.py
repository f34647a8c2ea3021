"""The figures of the other taxes that can be limited: of one record, or of all that a whole report joins.

A figure's keys are the kind of its tax and its name, `performance.squad_v2.f1.relative`; those of the first figure of a
kind, its headline, are also `performance.relative`. What a report took from a result of `aligntax bench` has the keys
that it has there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from aligntax.experiment.gate.fields import confidence, estimate
from aligntax.experiment.gate.measured import Measured, Metric, Unit
from aligntax.experiment.gate.sections import KINDS
from aligntax.report.whole.wording import is_difference

__all__ = ["RECORD", "WHOLE", "measured_from_record", "measured_from_whole"]

RECORD = "aligntax.tax/1"
WHOLE = "aligntax.whole/1"

_MEASURES = ("absolute", "relative")
_OF_BENCH = ("latency", "compute")
"""Kinds of a whole report whose figures are named as a result's metrics are."""


def measured_from_record(path: Path, data: Mapping[str, Any]) -> Measured:
    """Return what the record of a tax holds, schema `aligntax.tax/1`.

    Raises:
        ValueError: for an unknown kind, no figure and no refusal at all, and what is no figure; names the key.
        AttributeError, KeyError, TypeError: where a part is missing or in the wrong place.
    """
    kind = str(data["kind"])
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r:.40} is no tax that is known; known are {', '.join(KINDS)}")
    if not data["figures"] and not data["refusals"]:
        raise ValueError("holds no figure and no refusal; measure again")
    sure = (data.get("parameters") or {}).get("confidence")
    metrics = _metrics(kind, [{"confidence": sure, **figure} for figure in data["figures"]])
    return Measured(
        path=path,
        schema=RECORD,
        created=str(data["created"]),
        name=str(data["title"]),
        n=0,
        conditions={"kind": kind},
        metrics={metric.key: metric for metric in (*metrics, *_headline(kind, metrics))},
        refused=dict(_refused(kind, data["refusals"])),
        data=data,
    )


def measured_from_whole(path: Path, data: Mapping[str, Any]) -> Measured:
    """Return what a whole report holds, schema `aligntax.whole/1`.

    A kind of tax of which it joins several records has no headline of its own: which of them would it be?

    Raises:
        ValueError: for what is no figure; names the key.
        AttributeError, KeyError, TypeError: where a part is missing or in the wrong place.
    """
    found: list[Metric] = []
    refused: dict[str, str] = {}
    for kind in (*_OF_BENCH, *KINDS):
        figures = [figure for figure in data["taxes"] if figure["kind"] == kind]
        refused |= _refused(kind, [refusal for refusal in data["refusals"] if refusal["kind"] == kind])
        if kind in _OF_BENCH:
            found += _metrics("", figures)
            continue
        metrics = _metrics(kind, figures)
        files = dict.fromkeys(str(figure["source"]) for figure in figures)
        if len(files) > 1:
            for measure in _MEASURES:
                refused[f"{kind}.{measure}"] = f"several files have one: {', '.join(files)}; name the figure"
            found += metrics
        else:
            found += [*metrics, *_headline(kind, metrics)]
    results = dict.fromkeys(str(figure["source"]) for figure in data["taxes"] if figure["kind"] in _OF_BENCH)
    if len(results) > 1:
        reason = f"several results have one: {', '.join(results)}; gate each of them"
        refused |= dict.fromkeys(("tax.absolute", "tax.relative", "cpu.absolute", "cpu.relative"), reason)
    return Measured(
        path=path,
        schema=WHOLE,
        created=str(data["created"]),
        name=str(data["title"]),
        n=0,
        conditions={},
        metrics={metric.key: metric for metric in found},
        refused=refused,
        data=data,
    )


def _metrics(kind: str, figures: Sequence[Mapping[str, Any]]) -> list[Metric]:
    prefix = f"{kind}." if kind else ""
    found = []
    for figure in figures:
        name, title = f"{prefix}{figure['name']}", str(figure["title"])
        for measure, unit, ending in (("absolute", str(figure["unit"]), ""), ("relative", Unit.RATIO, ", of raw")):
            key = name if measure == "absolute" and name.startswith("cold_start.") else f"{name}.{measure}"
            data = figure[measure]
            known = None if data is None else estimate(key, data)
            sure = confidence(figure.get("confidence"))
            level = measure == "absolute" and not is_difference({"kind": kind, **figure})
            found.append(Metric(key, f"{title}{ending}", unit, known, confidence=sure, level=level))
    return found


def _headline(kind: str, metrics: Sequence[Metric]) -> Iterator[Metric]:
    for metric, measure in zip(metrics[:2], _MEASURES, strict=False):
        yield replace(metric, key=f"{kind}.{measure}", same_as=metric.key)


def _refused(kind: str, refusals: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield why figures are missing; a refusal that names a measure is of that one alone."""
    for refusal in refusals:
        what, _, only = str(refusal["what"]).partition(", ")
        for measure in _MEASURES if only not in _MEASURES else (only,):
            yield f"{kind}.{what}.{measure}", f"refused: {refusal['message']}"
