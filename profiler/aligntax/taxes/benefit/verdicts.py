"""What guards said about labelled texts, as columns: about 100 bytes a record, whatever the file holds besides."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aligntax.taxes.lines import Line, Progress, choice, flag, identity, key_of, objects, silent
from aligntax.trace import Verdict

__all__ = ["LABELS", "MAX_RECORDS", "SCHEMA", "STOPPING", "Verdicts", "read_verdicts"]

SCHEMA = "aligntax.verdicts/1"
MAX_RECORDS = 20_000_000
MAX_GUARDS = 1_000
LABELS = {"attack": True, "benign": False}
ARMS = {"guarded": True, "with": True, "on": True, "raw": False, "without": False, "off": False}
VERDICTS = {verdict.value: number for number, verdict in enumerate(Verdict) if verdict is not Verdict.CANCELLED}
STOPPING = frozenset({Verdict.BLOCK, Verdict.ERROR, Verdict.TIMEOUT})
_ORDER = tuple(Verdict)
_UNKNOWN = -1
_LAST_REPEAT = 2**31

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The records of one file, sorted by text, arm (raw first) and repeat; each array has one value a record.

    Attributes:
        path: where they stood.
        header: what the file says of its making; empty where others than `aligntax tax benefit` wrote it.
        keys: of the texts.
        attack: whether the text is an attack.
        guarded: whether guards were on.
        verdicts: index in `Verdict`.
        passed: whether the text went on; after an error or a time-out it does only where the record says so.
        succeeded: 1 or 0 as labelled, -1 where nothing is said.
        latency_seconds: of the guards; not a number where it was not measured.
        guards: index in `names` of the guard that decided.
        names: of the guards; the first is none.
    """

    path: Path
    header: Mapping[str, Any]
    keys: NDArray[np.uint64]
    attack: Flags
    guarded: Flags
    verdicts: NDArray[np.int8]
    passed: Flags
    succeeded: NDArray[np.int8]
    latency_seconds: NDArray[np.float32]
    guards: NDArray[np.uint16]
    names: tuple[str, ...]


class _Columns:
    """Grows by one record at a time."""

    def __init__(self) -> None:
        self.keys, self.lines, self.repeats = array("Q"), array("I"), array("I")
        self.latency_seconds = array("f")
        self.flags = array("b")  # attack + 2 * guarded + 4 * passed
        self.verdicts, self.succeeded = array("b"), array("b")
        self.guards = array("H")
        self.names: dict[str, int] = {"": 0}

    def add(self, line: Line) -> None:
        """Check one record and keep it.

        Raises:
            ValueError: if something in it is missing or does not go.
        """
        found = line.found
        attack, guarded = choice(found, "label", LABELS), choice(found, "arm", ARMS)
        verdict = choice(found, "verdict", VERDICTS)
        succeeded, passed = flag(found, "succeeded"), flag(found, "passed")
        if succeeded is not None and not attack:
            raise ValueError("'succeeded' of a benign text; only an attack can succeed, so leave it out")
        stopping = _ORDER[verdict] in STOPPING
        failed = stopping and _ORDER[verdict] is not Verdict.BLOCK
        if passed is not None and not failed and passed is stopping:
            raise ValueError(f"passed={passed} does not go with the verdict {found['verdict']!r}; leave it out")
        key, repeat, seconds = key_of(identity(found)), _repeat(found), _seconds(found)
        guard = self._guard(found.get("guard"))
        self.keys.append(key)
        self.lines.append(line.number)
        self.repeats.append(repeat)
        self.latency_seconds.append(seconds)
        self.flags.append(attack + 2 * guarded + 4 * (bool(passed) if failed else not stopping))
        self.verdicts.append(verdict)
        self.succeeded.append(_UNKNOWN if succeeded is None else succeeded)
        self.guards.append(guard)

    def _guard(self, name: Any) -> int:
        if name is None:
            return 0
        if not isinstance(name, str) or not 0 < len(name) <= 200:
            raise ValueError("'guard' is no name of a guard; write a string of 1 to 200 characters, or leave it out")
        if name not in self.names and len(self.names) > MAX_GUARDS:
            raise ValueError(f"more than {MAX_GUARDS:,} names of guards; 'guard' names the guard that decided")
        return self.names.setdefault(name, len(self.names))


def read_verdicts(path: Path, progress: Progress = silent) -> Verdicts:
    """Read labelled verdicts: JSON lines with `id`, `label`, `arm` and `verdict`.

        {"id": "a1", "label": "attack", "arm": "guarded", "verdict": "block", "guard": "blocklist"}

    `label` is attack or benign; `arm` guarded (with, on) or raw (without, off); `verdict` allow, modify, skipped,
    block, error or timeout. May follow: `repeat` (0, 1, ...), `latency_seconds`, `succeeded` (of an attack: whether it
    succeeds when it is answered), `guard`, and `passed` (whether a text went on after an error or a time-out; it does
    not by default). A first line with a schema says how the file came about. Other keys are not looked at.

    Args:
        path: at most `MAX_RECORDS` records.
        progress: told of the reading.

    Raises:
        ValueError: if the file cannot be read, is empty, or a record is none, comes twice or contradicts another one;
            names the line and the mend.
        KeyboardInterrupt: if `progress` says not to go on.
    """
    columns, header = _Columns(), {}
    for line in objects(path, progress):
        if "schema" in line.found:
            header = _header(path, line)
            continue
        if len(columns.keys) == MAX_RECORDS:
            raise ValueError(f"{path}:{line.number}: more than {MAX_RECORDS:,} records; take a sample of the texts")
        try:
            columns.add(line)
        except ValueError as error:
            raise ValueError(f"{path}:{line.number}: {error}") from error
    if not columns.keys:
        raise ValueError(f"{path}: no verdict in it; write one with 'id', 'label', 'arm' and 'verdict' on each line")
    return _sorted(path, header, columns)


def _sorted(path: Path, header: Mapping[str, Any], columns: _Columns) -> Verdicts:
    flags = np.frombuffer(columns.flags, np.int8)
    guarded = (flags & 2).astype(bool)
    order = np.lexsort((np.frombuffer(columns.repeats, np.uint32), guarded, np.frombuffer(columns.keys, np.uint64)))

    def taken(name: str, kind: Any) -> NDArray[Any]:
        """Sort a column and let go of it, so that no more than one is there twice."""
        found: NDArray[Any] = np.frombuffer(getattr(columns, name), kind)[order]
        delattr(columns, name)
        return found

    keys, guarded = taken("keys", np.uint64), guarded[order]
    attack, passed = (flags & 1).astype(bool)[order], (flags & 4).astype(bool)[order]
    lines, repeats = taken("lines", np.uint32), taken("repeats", np.uint32)
    same = keys[1:] == keys[:-1]
    _refuse(
        path, lines, same & (attack[1:] != attack[:-1]), "label one text as an attack and as benign; keep one label"
    )
    _refuse(
        path,
        lines,
        same & (guarded[1:] == guarded[:-1]) & (repeats[1:] == repeats[:-1]),
        "are of the same id, arm and repeat; number repeats by 'repeat': 0, 1, ..., or drop the second one",
    )
    del lines, repeats, same
    return Verdicts(
        path,
        header,
        keys,
        attack,
        guarded,
        taken("verdicts", np.int8),
        passed,
        taken("succeeded", np.int8),
        taken("latency_seconds", np.float32),
        taken("guards", np.uint16),
        tuple(columns.names),
    )


def _refuse(path: Path, lines: NDArray[Any], wrong: Flags, message: str) -> None:
    """Refuse the first two lines that contradict each other."""
    places = np.flatnonzero(wrong)
    if places.size:
        pairs = np.sort(np.stack((lines[places], lines[places + 1])), axis=0)
        first, second = pairs[:, int(pairs[1].argmin())]
        raise ValueError(f"{path}:{second}: lines {first} and {second} {message}")


def _header(path: Path, line: Line) -> dict[str, Any]:
    schema = line.found["schema"]
    if schema != SCHEMA:
        raise ValueError(f"{path}:{line.number}: has schema {schema!r:.60}; this program reads {SCHEMA!r}")
    if line.number != 1:
        raise ValueError(f"{path}:{line.number}: a header that is not the first line; were two files joined? pass one")
    return line.found


def _repeat(found: dict[str, Any]) -> int:
    given = found.get("repeat", 0)
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given < _LAST_REPEAT:
        raise ValueError("'repeat' is no count; number the repeats of a text 0, 1, ...")
    return given


def _seconds(found: dict[str, Any]) -> float:
    given = found.get("latency_seconds")
    if given is None:
        return math.nan
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given < 1e9:
        raise ValueError("'latency_seconds' is no number of seconds, 0 or more; leave it out where it was not measured")
    return float(given)
