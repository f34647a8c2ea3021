"""Files of JSON lines, read one line at a time: however long the file is, only one line is in memory."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["MAX_LINE_BYTES", "Line", "Progress", "choice", "flag", "identity", "key_of", "objects", "silent"]

MAX_LINE_BYTES = 16 * 2**20
MAX_ID_CHARACTERS = 256
_LINES_A_STEP = 8_192
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Progress = Callable[[str, float, str], bool]
"""Told the stage, the share of it that is done, and a detail; returns whether to go on."""


class Line(NamedTuple):
    """One object of a file.

    Attributes:
        number: of its line, from 1.
        found: what it holds.
        end: how many bytes of the file end with it.
    """

    number: int
    found: dict[str, Any]
    end: int


def silent(stage: str, done: float, detail: str) -> bool:  # noqa: ARG001 (a `Progress`)
    """Show nothing, and go on."""
    return True


def objects(path: Path, progress: Progress = silent) -> Iterator[Line]:
    """Yield the objects in a file of JSON lines; blank lines are skipped.

    Args:
        path: UTF-8, lines of at most `MAX_LINE_BYTES`.
        progress: told of the reading every few thousand lines.

    Raises:
        ValueError: if the file cannot be read, or a line is too long, no UTF-8, no JSON or no object; names the line.
        KeyboardInterrupt: if `progress` says not to go on.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size or 1
            end = 0
            for number, line in enumerate(iter(lambda: file.readline(MAX_LINE_BYTES + 1), b""), start=1):
                end += len(line)
                if number % _LINES_A_STEP == 0 and not progress(f"Reading {path.name}", end / size, f"line {number:,}"):
                    raise KeyboardInterrupt
                if number == 1:
                    line = line.removeprefix(_BYTE_ORDER_MARK)
                if not line.isspace() and line:
                    yield Line(number, _object(path, number, line), end)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); name a file that exists and is yours") from error


def identity(found: dict[str, Any]) -> str:
    """Return the id of a text, as a string; 7 and "7" are one.

    Raises:
        ValueError: if it has none.
    """
    given = found.get("id")
    if isinstance(given, int) and not isinstance(given, bool):
        return str(given)
    if isinstance(given, str) and 0 < len(given) <= MAX_ID_CHARACTERS:
        return given
    raise ValueError(
        f"{_said(found, 'id')}; give each text an 'id', a number or a string of 1 to {MAX_ID_CHARACTERS} characters"
    )


def choice(found: dict[str, Any], name: str, allowed: dict[str, Any]) -> Any:
    """Return what one of several words means.

    Raises:
        ValueError: if it is another one, or missing.
    """
    given = found.get(name)
    if isinstance(given, str) and given in allowed:
        return allowed[given]
    raise ValueError(f"{_said(found, name)}; write one of {', '.join(allowed)}")


def flag(found: dict[str, Any], name: str) -> bool | None:
    """Return true or false, or None where that is missing or null.

    Raises:
        ValueError: if it is anything else.
    """
    given = found.get(name)
    if given is None or isinstance(given, bool):
        return given
    raise ValueError(f"{_said(found, name)}; write true or false, or leave it out")


def key_of(identity: str) -> int:
    """Return 64 bits that stand for an id; two of ten million ids share theirs with a probability of 3 in a million."""
    return int.from_bytes(blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _refuse_constant(name: str) -> float:
    raise ValueError(f"holds {name}, which is no number; leave out what was not measured")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)  # made once: it takes as long as a line


def _object(path: Path, number: int, line: bytes) -> dict[str, Any]:
    if len(line) > MAX_LINE_BYTES:
        raise ValueError(f"{path}:{number}: longer than {MAX_LINE_BYTES // 2**20} MiB; write one object on each line")
    try:
        found = _DECODER.decode(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}:{number}: byte {error.start + 1} is not UTF-8; convert the file") from error
    except RecursionError as error:
        raise ValueError(f"{path}:{number}: nested too deeply; write one flat object on each line") from error
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path}:{number}: no JSON ({error.msg}, column {error.colno}), maybe cut off; write one object a line"
        ) from error
    except ValueError as error:
        raise ValueError(f"{path}:{number}: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path}:{number}: a {type(found).__name__}; write one object on each line")  # noqa: TRY004
    return found


def _said(found: dict[str, Any], name: str) -> str:
    """Return what is wrong with a value without quoting it at length: it might be a text."""
    if name not in found:
        return f"{name!r} is missing"
    given = found[name]
    shown = repr(given) if isinstance(given, int | float | bool) or given is None else f"a {type(given).__name__}"
    if isinstance(given, str):
        shown = repr(given) if len(given) <= 20 else f"a string of {len(given):,} characters"
    return f"{name}={shown} does not go"
