"""One file as the whole report needs it: figures, refusals and warnings, whoever wrote it.

A result of `aligntax bench` gives two kinds of tax that have no record of their own: `latency`, with the guards' shares
of it, and `compute`. Their figures are named as the gate names them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aligntax.experiment.gate import Measured, Metric, Unit
from aligntax.experiment.gate.fields import confidence, estimate
from aligntax.experiment.gate.reading import measured_of
from aligntax.experiment.result import SCHEMA as BENCH
from aligntax.inference import Estimate
from aligntax.taxes.by_interval import verdict_by_interval
from aligntax.taxes.record import KINDS, Figure, Refusal, TaxVerdict, provenance
from aligntax.taxes.record import SCHEMA as RECORD

__all__ = ["COMPUTE", "LATENCY", "MAX_FIGURES", "Document", "document", "figure_of"]

LATENCY, COMPUTE = "latency", "compute"
MAX_FIGURES = 5_000

_FORMULAS = {
    "tax": "median of pairwise differences; relative: ratio of means, less 1",
    "guards": "Shapley share, mean of a request",
    "stages": "sum of its guards' Shapley shares, mean of a request",
    "cpu": "mean of pairwise differences; relative: ratio of means, less 1",
    "cold_start": "with guards minus without",
}
_ADDED = "with guards minus without"
_TITLES = {"tax": "Time of a request", "cpu": "CPU time of a request"}
_COMPUTE = ("cpu", "gpu", "energy", "memory")


@dataclass(frozen=True, slots=True)
class Document:
    """What one file says.

    Attributes:
        file: what it is called in the report.
        schema: of the file.
        kind: of its first figure: one of `KINDS`, or `latency`.
        title: for people.
        created: ISO 8601, as the file has it.
        provenance: size and SHA-256.
        figures: of each its kind, and itself; the first one of a kind is its headline.
        refusals: what was not computed.
        warnings: what a reader should know.
        parameters: what the user chose.
        inputs: what the figures were computed from.
        more: data for plots and tables of this kind.
        name: of what was measured; empty where the file does not say.
    """

    file: str
    schema: str
    kind: str
    title: str
    created: str
    provenance: Mapping[str, Any]
    figures: tuple[tuple[str, Figure], ...]
    refusals: tuple[Refusal, ...]
    warnings: tuple[str, ...]
    parameters: Mapping[str, Any]
    inputs: tuple[Mapping[str, Any], ...]
    more: Mapping[str, Any]
    name: str = ""

    @property
    def confidence(self) -> float:
        """Of the intervals, as the file has it."""
        return confidence(self.parameters.get("confidence"))


def document(path: Path, data: Any, file: str) -> Document | str:
    """Return what a file says, or what it is instead.

    Args:
        path: of a record (`aligntax.tax/1`) or a result (`aligntax.bench/1`).
        data: the JSON that is in it.
        file: what it is called in the report.

    Raises:
        ValueError: if it is not as its schema says; names the file and the mend.
    """
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema == BENCH:
        return _of_result(measured_of(path, data), file)
    if schema != RECORD:
        what = f"has schema {schema!r:.60}" if schema else "has no schema"
        return f"{what}, so it is neither a record ({RECORD}) nor a result ({BENCH})"
    try:
        return _of_record(path, data, file)
    except (AttributeError, KeyError, TypeError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{path}: is not whole ({reason:.120}); write it anew with: aligntax tax") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _of_record(path: Path, data: Mapping[str, Any], file: str) -> Document:
    kind = data["kind"]
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r:.40} is no tax that is known; known are {', '.join(KINDS)}")
    if len(data["figures"]) > MAX_FIGURES:
        raise ValueError(f"{len(data['figures']):,} figures; a record has at most {MAX_FIGURES:,}")
    figures = tuple((str(kind), figure_of(each)) for each in data["figures"])
    names = Counter(figure.name for _, figure in figures)
    twice = next((name for name, number in names.items() if number > 1), None)
    if twice is not None:
        raise ValueError(f"figure {twice!r:.60} is there twice; names are unique within a record")
    return Document(
        file=file,
        schema=RECORD,
        kind=str(kind),
        title=str(data["title"]),
        created=str(data["created"]),
        provenance=provenance(path),
        figures=figures,
        refusals=tuple(Refusal(str(one["what"]), str(one["reason"]), str(one["message"])) for one in data["refusals"]),
        warnings=tuple(map(str, data["warnings"])),
        parameters=dict(data["parameters"]),
        inputs=tuple(dict(source) for source in data["sources"]),
        more=dict(data["more"]),
    )


def figure_of(data: Mapping[str, Any]) -> Figure:
    """Return a figure from plain data.

    Raises:
        KeyError, TypeError, ValueError: if it is none.
    """
    name = str(data["name"])
    absolute, relative = (
        None if data[part] is None else estimate(f"figure {name!r:.60}, {part}", data[part])
        for part in ("absolute", "relative")
    )
    return Figure(
        name=name,
        title=str(data["title"]),
        absolute=absolute,
        unit=str(data["unit"]),
        relative=relative,
        raw=None if data["raw"] is None else float(data["raw"]),
        verdict=None if data["verdict"] is None else TaxVerdict(data["verdict"]),
        n=None if data["n"] is None else int(data["n"]),
        formula=str(data["formula"]),
        p=None if data["p"] is None else float(data["p"]),
        marks=tuple(map(str, data["marks"])),
        sources=tuple(map(str, data["sources"])),
        more=dict(data["more"]),
    )


def _of_result(measured: Measured, file: str) -> Document:
    data = measured.data
    figures = tuple(_figures(measured))
    return Document(
        file=file,
        schema=BENCH,
        kind=LATENCY,
        title=f"Latency tax of {measured.name}",
        created=measured.created,
        provenance=provenance(measured.path),
        figures=figures,
        refusals=(),
        warnings=tuple(map(str, data.get("warnings") or ())),
        parameters={"confidence": (data.get("design") or {}).get("confidence")},
        inputs=(),
        more={},
        name=measured.name,
    )


def _figures(measured: Measured) -> Iterator[tuple[str, Figure]]:
    """Yield the taxes of a result: its metrics in pairs, absolute and relative."""
    seen: dict[str, dict[str, Metric]] = {}
    for key, metric in measured.metrics.items():
        name, _, measure = key.rpartition(".")
        if name == "cold_start" and measure == "first_call":
            name, measure = key, "absolute"
        if measure in ("absolute", "relative") and not (metric.same_as or "").startswith("guards."):
            seen.setdefault(name, {})[measure] = metric
    for name, pair in seen.items():
        absolute = pair["absolute"]
        section = name.partition(".")[0]
        relative = pair["relative"].estimate if "relative" in pair else None
        values = absolute.samples
        yield (
            COMPUTE if section in _COMPUTE else LATENCY,
            Figure(
                name=name,
                title=_TITLES.get(name, absolute.title[:1].upper() + absolute.title[1:]),
                absolute=absolute.estimate,
                unit=absolute.unit.value if isinstance(absolute.unit, Unit) else absolute.unit,
                relative=relative,
                raw=_raw(name, measured.data),
                verdict=_verdict(name, absolute.estimate, measured.data),
                n=_count(name, measured.data) if values is None else len(values),
                formula=_FORMULAS.get(section, _ADDED),
                marks=_marks(name, measured.data),
                sources=(measured.path.name,),
            ),
        )


def _raw(name: str, data: Mapping[str, Any]) -> float | None:
    """Return what a request takes without guards, on average."""
    if name == "tax" or name.startswith(("guards.", "stages.")):
        found = data["latency"]["raw"]["mean"]
    elif name == "cpu":
        found = ((data["compute"]["cpu_seconds"] or {}).get("raw") or {}).get("value")
    else:
        found = None
    return None if found is None else float(found)


def _count(name: str, data: Mapping[str, Any]) -> int | None:
    """Return of how many fresh processes a cold start was measured; other figures without samples do not say it."""
    found = (data.get("cold_start") or {}).get("runs") if name.startswith("cold_start.") else None
    return None if found is None else int(found)


def _verdict(name: str, found: Estimate | None, data: Mapping[str, Any]) -> TaxVerdict | None:
    """Return what an interval says; the tax of a request must stand out from the A/A comparison as well."""
    verdict = None if found is None else verdict_by_interval(found)
    if verdict is not None and name == "tax" and data["tax"].get("distinguishable") is False:
        return TaxVerdict.INCONCLUSIVE
    return verdict


def _marks(name: str, data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return whether energy was measured or estimated, where the result says so."""
    known = (data.get("compute") or {}).get("energy_joules") if name == "energy" else None
    if not isinstance(known, Mapping) or "estimated" not in known:
        return ()
    return ("estimated" if known["estimated"] else "measured",)
