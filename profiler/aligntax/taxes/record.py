"""What any tax is told as: figures with their intervals, verdicts and provenance, and what was refused and why.

Schema `aligntax.tax/1`. Every kind of tax writes one, and the report joins them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from aligntax.inference import Estimate

__all__ = ["KINDS", "SCHEMA", "Figure", "Kind", "Refusal", "TaxRecord", "TaxVerdict", "provenance"]

SCHEMA = "aligntax.tax/1"
Kind = Literal["performance", "capability", "benefit", "development", "debt", "scaling", "cost"]
KINDS: tuple[Kind, ...] = ("performance", "capability", "benefit", "development", "debt", "scaling", "cost")
_BLOCK = 2**20


class TaxVerdict(StrEnum):
    """What an interval says about a tax."""

    TAX = "tax"
    BONUS = "bonus"
    NONE = "no tax beyond the margin"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that is told, with all that it takes to believe it.

    Attributes:
        name: unique within a record, e.g. `"squad_v2.f1"`; a group of figures shares what stands before the first dot.
        title: for people.
        absolute: in `unit`; signed, above 0 is a tax, below 0 a bonus. None where only the relative figure is known.
        unit: `points`, `seconds`, `share`, `USD`, ...: whatever the absolute figure is measured in.
        relative: as a share of raw; None where it was refused, with the reason among the record's refusals.
        raw: what it is relative to, in `unit`; None where there is no such thing.
        verdict: None for figures that are no comparison.
        n: how many observations.
        formula: its name as in the README, e.g. `"paired, binary: (b - c)/n, McNemar"`.
        p: of the test, adjusted where several were made; None without a test.
        marks: what else a reader must know, e.g. `"unpaired"`.
        sources: names of the files that it was computed from.
        more: anything else about it, as plain data.
    """

    name: str
    title: str
    absolute: Estimate | None
    unit: str
    relative: Estimate | None = None
    raw: float | None = None
    verdict: TaxVerdict | None = None
    n: int | None = None
    formula: str = ""
    p: float | None = None
    marks: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the figure as plain data."""
        return {
            "name": self.name,
            "title": self.title,
            "absolute": None if self.absolute is None else self.absolute.to_dict(),
            "unit": self.unit,
            "relative": None if self.relative is None else self.relative.to_dict(),
            "raw": self.raw,
            "verdict": None if self.verdict is None else self.verdict.value,
            "n": self.n,
            "formula": self.formula,
            "p": self.p,
            "marks": list(self.marks),
            "sources": list(self.sources),
            "more": dict(self.more),
        }


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that was not computed.

    Attributes:
        what: the figure or the task that is missing.
        reason: for programs, in lower case with underscores, e.g. `"different_versions"`.
        message: for people: names the values and the mend.
    """

    what: str
    reason: str
    message: str

    def to_dict(self) -> dict[str, str]:
        """Return the refusal as plain data."""
        return {"what": self.what, "reason": self.reason, "message": self.message}


@dataclass(frozen=True, slots=True)
class TaxRecord:
    """One kind of tax, measured.

    Attributes:
        kind: which.
        title: for people.
        figures: the first one is the headline.
        refusals: what was not computed.
        parameters: what the user chose, as plain data: margin, confidence, seed, ...
        sources: what it was computed from; see `provenance`.
        warnings: what a reader should know.
        more: data for plots and tables of this kind, as plain data.
    """

    kind: Kind
    title: str
    figures: Sequence[Figure]
    refusals: Sequence[Refusal] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    sources: Sequence[Mapping[str, Any]] = ()
    warnings: Sequence[str] = ()
    more: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data, schema `aligntax.tax/1`."""
        return {
            "schema": SCHEMA,
            "kind": self.kind,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "title": self.title,
            "figures": [figure.to_dict() for figure in self.figures],
            "refusals": [refusal.to_dict() for refusal in self.refusals],
            "parameters": dict(self.parameters),
            "sources": [dict(source) for source in self.sources],
            "warnings": list(self.warnings),
            "more": dict(self.more),
        }


def provenance(path: Path) -> dict[str, Any]:
    """Return what identifies a file: its name, size in bytes and SHA-256; of a folder, its name alone."""
    if path.is_dir():
        return {"name": path.name}
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": digest.hexdigest()}
