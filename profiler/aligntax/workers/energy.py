"""One energy total for all workers of a server, each of which has its own sensor of the same device.

A sensor counts from its opening, so that a worker which started later would answer a scrape with less than another one
did before. Hence the folder keeps the highest total that was answered, and a worker that answers for the first time
goes on from there. What a device used between the last answer of others and a worker's first is missing in that
worker's total, until another one answers.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from aligntax.devices.sensor import Reading
from aligntax.workers.locks import shared_or_alone

NAME = "energy.json"
PATIENCE_SECONDS = 1.0

logger = logging.getLogger("aligntax")


class SharedEnergy:
    """Makes the energy readings of this process those of its server.

    Args:
        folder: the server's.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._offsets: dict[str, float] = {}
        self._lock = threading.Lock()
        self._complained = False

    def shared(self, readings: Sequence[Reading]) -> list[Reading]:
        """Return readings in which energy never is less than in an earlier answer of any worker.

        If the folder cannot be written, energy is left out: nothing is better than a counter that goes back.
        """
        energy = [reading for reading in readings if reading.metric == "energy_joules"]
        others = [reading for reading in readings if reading.metric != "energy_joules"]
        if not energy:
            return others
        try:
            lock = self._path.with_suffix(".lock")
            with self._lock, shared_or_alone(lock, alone=True, patience_seconds=PATIENCE_SECONDS):
                return [*self._risen(energy), *others]
        except OSError as error:
            if not self._complained:
                self._complained = True
                logger.warning("aligntax: energy is left out of scrapes, since workers cannot agree on it: %s", error)
            return others

    def forget_parent(self) -> None:
        """Begin anew in a forked child."""
        self._offsets = {}
        self._lock = threading.Lock()

    def _risen(self, energy: Sequence[Reading]) -> list[Reading]:
        highest = self._highest()
        answers = []
        for reading in energy:
            key = f"{reading.device} {reading.source}{' estimated' if reading.estimated else ''}"
            known = highest.get(key, 0.0)
            # From here on what this sensor counts is on top of what was known when it answered first.
            offset = self._offsets.setdefault(key, max(0.0, known - reading.value))
            highest[key] = max(known, offset + reading.value)
            answers.append(replace(reading, value=highest[key]))
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(highest), encoding="utf-8")
        partial.replace(self._path)
        return answers

    def _highest(self) -> dict[str, float]:
        try:
            return {str(key): float(value) for key, value in json.loads(self._path.read_bytes()).items()}
        except (FileNotFoundError, ValueError, TypeError, AttributeError):
            return {}  # the first answer, or a file that somebody has spoilt: a counter that starts again
