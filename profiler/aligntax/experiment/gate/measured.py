"""What a file holds that can be compared and limited: figures, and the samples that they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aligntax.inference import CONFIDENCE, Estimate

Values = NDArray[np.float64]


class Unit(StrEnum):
    """What a figure is measured in."""

    SECONDS = "seconds"
    RATIO = "ratio"
    BYTES = "bytes"
    JOULES = "joules"
    OWN = "own"
    """Whatever the figure has; a limit in it is not read until the figure is known."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of a file.

    Attributes:
        key: where a budget limits it, e.g. `tax.relative` or `guards.pii.absolute`.
        title: what people call it.
        unit: of the estimate and the samples; of other taxes, whatever their records say.
        estimate: with its interval where there is one; None where the file has too little for any figure.
        samples: one value for each pair; None where the file has none.
        prompts: which prompt each sample is of; None where they are not of prompts.
        reference: what margins are a share of, in this unit, above 0: a guarded request for what is a part of one, the
            figure itself for others; None where there is no such thing.
        same_as: key of the metric that says the same in other words, and is compared instead; None for most.
        confidence: of the estimate's interval.
        level: whether it is a state, such as a count or the time of a request, and not what guards changed.
    """

    key: str
    title: str
    unit: Unit | str
    estimate: Estimate | None
    samples: Values | None = None
    prompts: NDArray[np.int64] | None = None
    reference: float | None = None
    same_as: str | None = None
    confidence: float = CONFIDENCE
    level: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """A file of measurements, whoever wrote it.

    Attributes:
        path: where it was read.
        schema: `aligntax.bench/1`, `aligntax.tax/1`, `aligntax.whole/1` or `pytest-benchmark`.
        created: ISO 8601.
        name: of what was measured.
        n: pairs that ran to their end with and without guards; 0 where the file knows no guards.
        conditions: what must agree with another file for a comparison to mean something, by a dotted name.
        metrics: by key.
        deciding: key of the metric whose verdict is that of a whole comparison; None where all of them decide.
        prompts_sha256: of the prompts; None where the file does not say.
        refused: why a figure is missing, by the key of its metric.
        data: the file as it was read.
    """

    path: Path
    schema: str
    created: str
    name: str
    n: int
    conditions: Mapping[str, Any]
    metrics: Mapping[str, Metric]
    deciding: str | None = None
    prompts_sha256: str | None = None
    refused: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Any] = field(repr=False, default_factory=dict)


def differences(base: Measured, new: Measured) -> tuple[str, ...]:
    """Return in what two files differ that should agree, one line each; none where they can be compared."""
    missing = object()
    lines = []
    for name in dict.fromkeys((*base.conditions, *new.conditions)):
        before, after = (each.conditions.get(name, missing) for each in (base, new))
        if before != after:
            words = ("nothing" if value is missing else repr(value) for value in (before, after))
            lines.append("{}: {} in the base, {} in the new result".format(name, *words))
    return tuple(lines)
