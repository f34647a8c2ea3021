"""Where the results of a run are kept, and under which names."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aligntax.experiment.result import Result

__all__ = ["Keeping", "file_name"]

MAX_LENGTH = 120
_OPTION = "--tax-benchmark-json"
_SEPARATORS = {"::": ".", "/": "."}
_SPECIAL = re.compile(r"[^A-Za-z0-9_.=-]+")


class Keeping:
    """Keeps each result in a file of its own, whole or not at all; a later run replaces it.

    Args:
        path: a folder, or a file `NAME.json` for a run with one result; None to keep nothing.

    Raises:
        ValueError: if nothing can be written there.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._single = path is not None and path.suffix == ".json" and not path.is_dir()
        self._taken: dict[Path, str] = {}
        if path is None:
            return
        from aligntax.commands.refusal import require_writable  # loads typer

        if not self._single:
            try:
                path.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ValueError(
                    f"{_OPTION} {path}: is no folder, and cannot be made one ({error.strerror})"
                ) from error
        require_writable(_OPTION, path if self._single else path / "result.json")

    def reserve(self, test: str) -> Path | None:
        """Return the file for the next result of a test; None if none is kept. To be called before measuring.

        Raises:
            ValueError: if one file was named, and has a result of this run.
        """
        if self._path is None:
            return None
        if self._single:
            path = self._path
            if path in self._taken:
                raise ValueError(
                    f"{_OPTION} {path}: is one file, and holds the result of {self._taken[path]}; name a folder"
                )
        else:
            number = 1
            while (path := self._path / file_name(test, number)) in self._taken:
                number += 1
        self._taken[path] = test
        return path

    def keep(self, result: Result, path: Path | None) -> None:
        """Write a result to the file that was reserved for it."""
        if path is not None:
            result.save(path)


def file_name(test: str, number: int = 1) -> str:
    """Return the name of a file for a test's result: the same in every run, and another one for every other test.

    Args:
        test: its identifier, e.g. `tests/test_guards.py::test_pii[long]`.
        number: which of its results it is.
    """
    plain = test
    for separator, sign in _SEPARATORS.items():
        plain = plain.replace(separator, sign)
    name = _SPECIAL.sub("-", plain).strip("-.")[-MAX_LENGTH:]
    if name != plain:  # then another test might get the same name
        name += f"-{hashlib.sha256(test.encode()).hexdigest()[:8]}"
    return f"{name}.json" if number == 1 else f"{name}-{number}.json"
