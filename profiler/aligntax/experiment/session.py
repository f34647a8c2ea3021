"""One experiment from its start to its result: when, where, how long, and on what."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aligntax.clock import Clock, unix_offset_ns, wall_clock
from aligntax.experiment.arms import GUARDED, Arm
from aligntax.experiment.environment import environment
from aligntax.experiment.paired import Columns, Design
from aligntax.experiment.result import SCHEMA, Result
from aligntax.exporters.record import record
from aligntax.inference import CONFIDENCE

__all__ = ["Session", "design_data"]


@dataclass(slots=True)
class Session:
    """What is known when an experiment begins; to be made then.

    Attributes:
        prompts: what is asked.
        design: how long it goes on.
        warnings: what a reader should know; may be added to.
    """

    prompts: Sequence[Any]
    design: Design
    warnings: list[str] = field(default_factory=list)
    _created: datetime = field(default_factory=lambda: datetime.now(UTC))
    _start: float = field(default_factory=time.monotonic)
    _machine: dict[str, Any] = field(default_factory=environment)

    def result(
        self,
        target: Mapping[str, Any],
        arms: Sequence[Arm],
        columns: Columns,
        parts: Mapping[str, Any],
        clock: Clock = wall_clock,
    ) -> Result:
        """Return the result.

        Args:
            target: what was measured, as the file says it.
            arms: in which arms.
            columns: what they took.
            parts: what follows from it, and whatever else was measured.
            clock: of the traces.
        """
        self.warnings += columns.cut_short(len(self.prompts))
        return Result(
            {
                "schema": SCHEMA,
                "created": self._created.isoformat(timespec="seconds"),
                "seconds": time.monotonic() - self._start,
                "target": target,
                "environment": {**self._machine, "load_average_after": list(os.getloadavg())},
                "design": design_data(self.prompts, self.design, columns),
                "arms": [{"name": arm.name, "bypassed": sorted(arm.bypassed)} for arm in arms],
                **parts,
                "traces": _traces(columns, clock),
                "warnings": self.warnings,
            }
        )


def design_data(prompts: Sequence[Any], design: Design, columns: Columns) -> dict[str, Any]:
    """Return how an experiment was made, as plain data."""
    written = json.dumps([str(prompt) for prompt in prompts]).encode()
    return {
        "confidence": CONFIDENCE,
        "width": design.width,
        "budget_seconds": design.budget_seconds,
        "seed": design.seed,
        "prompts": {"count": len(prompts), "sha256": hashlib.sha256(written).hexdigest()},
        "rounds": columns.round[-1] + 1,
        "pairs": len(columns.prompt),
        "warm_up_rounds": design.warm_up_rounds,
        "stopped": columns.stopped,
        "seconds": columns.seconds,
    }


def _traces(columns: Columns, clock: Clock) -> list[dict[str, Any]]:
    offset_ns = unix_offset_ns(clock)
    return [
        record(each.trace, each.attribution, offset_ns)
        for each in columns.measured[GUARDED]
        if each.trace is not None and each.attribution is not None
    ]
