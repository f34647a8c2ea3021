"""What readers return: the scores of one arm, and the samples behind them, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aligntax.taxes.record import Refusal

__all__ = ["NO_FILTER", "Arm", "Key", "Samples", "Score"]

NO_FILTER = "none"


class Key(NamedTuple):
    """Which score.

    Attributes:
        task: of the benchmark.
        metric: as its program writes it.
        filter: how the answer was taken from the text, e.g. `strict-match`; `none` without any.
    """

    task: str
    metric: str
    filter: str = NO_FILTER

    @property
    def label(self) -> str:
        """The metric, with its filter where it has one."""
        return self.metric if self.filter == NO_FILTER else f"{self.metric},{self.filter}"


@dataclass(frozen=True, slots=True)
class Score:
    """One number of a benchmark.

    Attributes:
        value: in the unit of its file.
        standard_error: of it, in the same unit; None where the file has none.
        n: how many items were scored; None where that is not known.
        higher_is_better: None where neither the file nor the metric's name says so.
        version: of the task; None where that is not known.
        shots: examples in the prompt; None likewise.
        error_refused: whether the file itself says that there is no standard error, as by `"N/A"`.
        rounding: half a unit of its last digit: how far the true score may lie from it.
        source: name of its file.
    """

    value: float
    standard_error: float | None = None
    n: int | None = None
    higher_is_better: bool | None = None
    version: str | None = None
    shots: int | None = None
    error_refused: bool = False
    rounding: float = 1e-6
    source: str = ""


@dataclass(frozen=True, slots=True)
class Samples:
    """What each item of a task scored, in the order of the items' identities.

    Attributes:
        ids: shape (n,); equal ones in both arms are the same item.
        values: shape (n,), in the unit of the file.
        places: shape (n,); where in its file each of them stands, from 1.
        clusters: shape (n,); which items share a group; None where no such field was asked for.
        identified_by: the field that the ids are of.
        source: name of their file.
        counted: what the places count: its lines or its items.
        flaw: why they can't be paired: a reason and a message; None where they can.
    """

    ids: NDArray[np.uint64]
    values: NDArray[np.float64]
    places: NDArray[np.int64]
    clusters: NDArray[np.uint64] | None
    identified_by: str
    source: str
    counted: str = "line"
    flaw: tuple[str, str] | None = None

    def __len__(self) -> int:
        """Return how many items there are."""
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Arm:
    """All that was read of one model.

    Attributes:
        program: what wrote the files.
        scores: by task, metric and filter.
        samples: of some of them.
        groups: tasks of each group, subgroups resolved.
        settings: what should be the same in both arms, e.g. the chat template, in words.
        refusals: what was read and cannot be used.
        paths: of all files, for provenance.
    """

    program: str
    scores: Mapping[Key, Score]
    samples: Mapping[Key, Samples] = field(default_factory=dict)
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    refusals: Sequence[Refusal] = ()
    paths: Sequence[Path] = ()

    @property
    def tasks(self) -> list[str]:
        """The tasks, in the order of the files."""
        return list(dict.fromkeys(key.task for key in self.scores))
