"""What users know only roughly: a number, or two between which it lies; and the tables that hold such."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Range", "Table", "read_toml"]

MAX_BYTES = 1 << 20
LARGEST = 1e15
_LEAST = 1e-9  # what may stand below a line


class Range(NamedTuple):
    """Two ends, which are the same for what is known exactly.

    Attributes:
        low: lower end.
        high: upper end, not below it.
    """

    low: float
    high: float

    @property
    def middle(self) -> float:
        """Halfway between the ends."""
        return (self.low + self.high) / 2

    @property
    def written(self) -> float | list[float]:
        """As it stands in a file."""
        return self.low if self.low == self.high else [self.low, self.high]


class Table:
    """A table of a TOML file, read key by key, so that a key that nobody reads is an error.

    Args:
        where: what to say before a message, e.g. `"debt.toml: [costs]"`.
        data: its keys.
        known: the keys that it may hold.

    Raises:
        ValueError: for a key that is not known.
    """

    def __init__(self, where: str, data: Any, known: Iterable[str]) -> None:
        if not isinstance(data, Mapping):
            raise ValueError(f"{where}: is no table; write keys and values below it")  # noqa: TRY004 (the file is wrong)
        names = sorted(known)
        for key in data:
            if key not in names:
                raise ValueError(f"{where}: the key {key!r} is unknown; use any of {', '.join(names)}")
        self._where = where
        self._data = data

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def text(self, key: str, default: str) -> str:
        """Return a text of at most 200 characters, which may be empty only where the default is.

        Raises:
            ValueError: if it is none.
        """
        found = self._data.get(key, default)
        lacking = isinstance(found, str) and bool(default) and not found.strip()
        if not isinstance(found, str) or lacking or len(found) > 200 or not found.isprintable():
            raise ValueError(f"{self._where}: {key}={found!r:.60} is no short text; write it in quotes, on one line")
        return found

    def range(self, key: str, *, positive: bool = False, most: float = LARGEST) -> Range | None:
        """Return a number, or two that it lies between; None where the key is missing.

        Args:
            key: its name.
            positive: whether it must be above 0, and not only not below.
            most: the largest that it may be.

        Raises:
            ValueError: if it is neither, or out of range.
        """
        if key not in self._data:
            return None
        found = self._data[key]
        ends = found if isinstance(found, list) else [found, found]
        least = "above 0" if positive else "0 or more"
        if len(ends) != 2 or not all(_is_number(end) for end in ends):
            raise ValueError(f"{self._where}: {key}={found!r:.60} is no number; write {key} = 5, or {key} = [2, 10]")
        low, high = ends
        if low > high:
            raise ValueError(
                f"{self._where}: {key}={found!r:.60} has its ends in the wrong order; write the lower one first"
            )
        if low < 0 or (positive and low < _LEAST) or high > most:
            raise ValueError(f"{self._where}: {key}={found!r:.60} must be {least}, and at most {most:g}")
        return Range(float(low), float(high))

    def count(self, key: str, *, least: int = 0) -> int | None:
        """Return a whole number; None where the key is missing.

        Raises:
            ValueError: if it is none, or less than the least.
        """
        found = self._data.get(key)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int) or not least <= found <= LARGEST:
            raise ValueError(f"{self._where}: {key}={found!r:.60} is no count; write a whole number from {least} on")
        return found

    def tables(self, key: str) -> list[tuple[str, Any]]:
        """Return the tables of a list of tables, each with what to say before a message.

        Raises:
            ValueError: if it is no list.
        """
        found = self._data.get(key, [])
        if not isinstance(found, list):
            raise ValueError(f"{self._where}: {key} is no list of tables; write [[{key}]] before each")  # noqa: TRY004
        return [(f"{self._where} [[{key}]] number {number}", each) for number, each in enumerate(found, start=1)]

    def table(self, key: str, known: Iterable[str]) -> Table | None:
        """Return a table within this one; None where it is missing.

        Raises:
            ValueError: if it is none, or holds an unknown key.
        """
        if key not in self._data:
            return None
        return Table(f"{self._where} [{key}]", self._data[key], known)


def read_toml(path: Path, known: Iterable[str]) -> Table:
    """Return what a TOML file of bounded length holds.

    Raises:
        ValueError: if it cannot be read, is too long, is no TOML, or holds an unknown key; names the file and the mend.
    """
    import tomllib

    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); name a file that exists") from error
    if len(content) > MAX_BYTES:
        raise ValueError(f"{path}: more than {MAX_BYTES // 2**20} MiB; it should hold a few tables")
    try:
        return Table(str(path), tomllib.loads(content.decode("utf-8-sig")), known)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: no TOML ({error}); mend it there") from error


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value  # not NaN
