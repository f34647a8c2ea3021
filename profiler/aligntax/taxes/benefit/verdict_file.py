"""The file that verdicts are written to: it says what it was made from, and is only ever continued from that."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from io import BufferedRandom
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from aligntax.taxes.benefit.judging import Ruling
from aligntax.taxes.benefit.labelled import Item
from aligntax.taxes.benefit.verdicts import SCHEMA
from aligntax.trace import Verdict

__all__ = ["Last", "VerdictFile"]

MAX_LINE_BYTES = 2**20
_WORDS = {
    "aligntax": "another version of aligntax",
    "config": "another content of the guards' configuration",
    "config_files": "another content of a file that the configuration names",
    "guards": "other guards",
    "data": "other labelled texts",
    "texts": "other labelled texts",
    "settings": "another --timeout or --concurrency",
}


class Last(NamedTuple):
    """The last record of a file: which text, and which of its repeats."""

    identity: str
    repeat: int


class VerdictFile:
    """A file of verdicts that is open for more, and for nobody else.

    Args:
        path: a new file, or one that was begun from the same.
        header: what the verdicts are made from.

    Attributes:
        done: how many records it holds.
        last: the last one; None where there is none.

    Raises:
        ValueError: if another run writes to it, it was made from something else, or by something else; names the mend.
        OSError: if it cannot be opened.
    """

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self._path = path
        self._file: BufferedRandom = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
        try:
            self._lock()
            self.done, self.last = self._found(header)
            if not self._file.tell():
                self._write([{"schema": SCHEMA, **header}])
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> VerdictFile:
        """Return the file itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it; all that was added is in it."""
        self._file.close()

    def add(self, judged: Iterable[tuple[int, Item, Ruling]]) -> None:
        """Write records, of a text in one of its repeats each, and hand them to the system.

        Raises:
            OSError: if they cannot be written.
        """
        records = [_record(*each) for each in judged]
        self._write(records)
        self.done += len(records)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(
                f"{self._path}: another run is writing to it; wait for it, or name another file"
            ) from error

    def _found(self, header: Mapping[str, Any]) -> tuple[int, Last | None]:
        """Return how many records there are and the last one; a line that was cut off is dropped."""
        first = self._file.readline(MAX_LINE_BYTES)
        if not first:
            return 0, None
        self._require_same(first, header)
        if not first.endswith(b"\n"):
            self._file.seek(0)
            self._file.truncate()
            return 0, None
        done, end, last = 0, len(first), b""
        while (line := self._file.readline(MAX_LINE_BYTES)).endswith(b"\n"):
            done, end, last = done + 1, end + len(line), line
        self._file.seek(end)
        self._file.truncate()
        if not done:
            return 0, None
        try:
            found = json.loads(last)
            return done, Last(str(found["id"]), int(found["repeat"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{self._path}:{done + 1}: is no record of a verdict; {self._mend()}") from error

    def _require_same(self, line: bytes, header: Mapping[str, Any]) -> None:
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if not isinstance(found, dict) or found.get("schema") != SCHEMA:
            raise ValueError(f"{self._path}: was not written by aligntax tax benefit --guards; {self._mend()}")
        for key, value in header.items():
            if found.get(key) != value:
                raise ValueError(f"{self._path}: was begun with {_WORDS.get(key, key)}; {self._mend()}")

    def _mend(self) -> str:
        return "name another file for --verdicts, or delete this one to begin anew"

    def _write(self, records: Sequence[Mapping[str, Any]]) -> None:
        self._file.write(b"".join(json.dumps(record, allow_nan=False).encode() + b"\n" for record in records))
        self._file.flush()


def _record(repeat: int, item: Item, ruling: Ruling) -> dict[str, Any]:
    """Return what is kept of a text: nothing that it says."""
    failed = ruling.verdict in {Verdict.ERROR, Verdict.TIMEOUT}
    return {
        "id": item.identity,
        "label": "attack" if item.attack else "benign",
        "arm": "guarded",
        "verdict": ruling.verdict.value,
        "repeat": repeat,
        "guard": ruling.guard,
        "latency_seconds": round(ruling.latency_seconds, 9),
        **({} if item.succeeded is None else {"succeeded": item.succeeded}),
        **({"passed": ruling.passed} if failed else {}),
    }
