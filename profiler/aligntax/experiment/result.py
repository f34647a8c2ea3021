"""The result of an experiment as a file: schema `aligntax.bench/1`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aligntax.whole_file import write_whole

__all__ = ["SCHEMA", "Result", "write_json"]

SCHEMA = "aligntax.bench/1"
MAX_BYTES = 256 * 2**20
_PARTS = {
    "target": dict,
    "environment": dict,
    "design": dict,
    "arms": list,
    "samples": dict,
    "tax": dict,
    "latency": dict,
    "guards": list,
    "outcomes": dict,
}


@dataclass(frozen=True, slots=True)
class Result:
    """What an experiment found, as plain data; the README describes its parts. Times are in seconds.

    `tax` and `latency` are about the same requests: those that ran to their end with and without guards, and in the arm
    that a row of `latency` is of. What the others took is in `samples`, and how they ended in `outcomes`.
    """

    data: Mapping[str, Any]

    @classmethod
    def load(cls, path: Path | str) -> Result:
        """Read a result.

        Raises:
            ValueError: if the file cannot be read, is too long, is no JSON or no result, or holds what is no number.
        """
        return cls(checked(read_json(Path(path)), path))

    def with_load(self, load: Mapping[str, Any]) -> Result:
        """Return the same result with another part `load`."""
        return Result({**self.data, "load": load})

    def save(self, path: Path | str) -> None:
        """Write the result; the file is complete or not there at all.

        Raises:
            ValueError: if a number in it is infinite or none.
        """
        write_json(Path(path), self.data)


def read_json(path: Path) -> Any:
    """Return what is in a JSON file of bounded length.

    Raises:
        ValueError: if it cannot be read, is too long, or is no JSON; names the file and what is wrong.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ValueError(f"{path}: {size:,} bytes; results are at most {MAX_BYTES:,} long, so this is none")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); name a file that exists") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is no JSON (byte {error.start:,} is not UTF-8)") from error
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        where = "it ends too early" if error.pos >= len(text.rstrip()) else f"{error.msg}, line {error.lineno}"
        raise ValueError(f"{path}: is no JSON ({where}); was it cut off?") from error
    except RecursionError as error:
        raise ValueError(f"{path}: is nested too deeply to be a result") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def checked(data: Any, path: Path | str) -> Mapping[str, Any]:
    """Return the data of a result file, once it has the parts that every result has.

    Raises:
        ValueError: if it is none.
    """
    if not isinstance(data, dict) or "schema" not in data:
        raise ValueError(f"{path}: is JSON, but no result; write one with: aligntax bench TARGET --json FILE")
    if data["schema"] != SCHEMA:
        raise ValueError(f"{path}: has schema {data['schema']!r:.60}; this program reads {SCHEMA!r}")
    for name, kind in _PARTS.items():
        if not isinstance(data.get(name), kind):
            raise ValueError(  # noqa: TRY004 (the file is wrong, not an argument's type)
                f"{path}: has no part {name!r}; it was not written by aligntax bench, or was changed"
            )
    pairs = data["samples"].get("prompt")
    if not isinstance(pairs, list) or not pairs:
        raise ValueError(f"{path}: has no samples; run the experiment again, for longer")
    for measure in ("seconds", "cpu_seconds", "outcomes"):
        columns = data["samples"].get(measure, {})
        if not isinstance(columns, dict):
            raise ValueError(f"{path}: {measure} of the samples are no columns by arm; was it changed?")  # noqa: TRY004
        for arm, values in columns.items():
            if not isinstance(values, list) or len(values) != len(pairs):
                raise ValueError(f"{path}: {measure} of arm {arm!r} are not {len(pairs)} values, one for each pair")
            if measure != "outcomes" and not all(_is_time(value) for value in values):
                raise ValueError(f"{path}: {measure} of arm {arm!r} hold something that is no number of seconds")
    return data


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write JSON; the file is complete or not there at all.

    Raises:
        ValueError: if a number in it is infinite or none.
    """
    write_whole(path, json.dumps(data, indent=1, allow_nan=False) + "\n")


def _is_time(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= sys.float_info.max


def _refuse_constant(name: str) -> float:
    raise ValueError(f"holds {name}, which is no number; a result has none")
