"""What a run may be told: options, their twins in the configuration file, and the arguments of the marker."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest

__all__ = ["CANNOT_TELL", "Settings", "add_options", "read_settings"]

CANNOT_TELL = ("fail", "skip", "pass")
_OPTION, _INI = "--tax-benchmark-", "aligntax_"


class _Setting(NamedTuple):
    """One setting: its name, what it does, and what is written for its value; None where it is on or off."""

    name: str
    help: str
    metavar: str | None = None


_SETTINGS = (
    _Setting("only", "run the tests that measure a tax, and no others"),
    _Setting("skip", "run all tests but those that measure a tax"),
    _Setting("disable", "let tests that measure a tax run once, and assert nothing about time"),
    _Setting(
        "json", "keep results: each in a file of FOLDER that is named after its test, or one in FILE.json", "PATH"
    ),
    _Setting("budget", "end a measurement after so many seconds in any case (default: 10)", "SECONDS"),
    _Setting(
        "width",
        "end it when the tax, absolute and relative, is known to ± this share of a call (default: 0.01)",
        "SHARE",
    ),
    _Setting("cannot-tell", "what a test does whose limit lies within the interval: fail, skip or pass", "WHAT"),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """How a run, or one of its tests, measures.

    Attributes:
        only, skip: which tests run at all.
        disabled: whether they run once and untimed.
        json: a folder for results, or a file for one; None to keep none.
        budget_seconds: after which a measurement ends in any case.
        width: half the width at which it ends of the intervals of the absolute and, of calls that are known without
            guards, of the relative tax; as a share of a call.
        cannot_tell: what becomes of a test whose limit lies within the interval: `fail`, `skip` or `pass`.
    """

    only: bool = False
    skip: bool = False
    disabled: bool = False
    json: Path | None = None
    budget_seconds: float = 10.0
    width: float = 0.01
    cannot_tell: str = CANNOT_TELL[0]

    def with_marker(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Settings:
        """Return the settings of a test with the marker's arguments.

        Raises:
            ValueError: if one of them is unknown, or has a value that it cannot have.
        """
        unknown = [*map(repr, args), *(kwargs.keys() - {"budget", "width", "cannot_tell"})]
        if unknown:
            raise ValueError(f"the marker tax_benchmark takes budget=, width= and cannot_tell=, and not {unknown[0]}")
        return self._with(kwargs, "the marker tax_benchmark: {}=")

    def _with(self, given: Mapping[str, Any], written: str) -> Settings:
        """Return the settings with what was given for some; `written` is how their names are, for messages."""
        found: dict[str, Any] = {}
        for name, field in (("budget", "budget_seconds"), ("width", "width")):
            if given.get(name) is not None:
                found[field] = _above_zero(written.format(name), given[name])
        if given.get("cannot_tell") is not None:
            found["cannot_tell"] = given["cannot_tell"]
            if found["cannot_tell"] not in CANNOT_TELL:
                where = written.format("cannot_tell")
                raise ValueError(f"{where}{found['cannot_tell']!r} must be one of {', '.join(CANNOT_TELL)}")
        return replace(self, **found)


def add_options(parser: pytest.Parser) -> None:
    """Add every setting as an option and to the configuration file."""
    group = parser.getgroup("aligntax", "measuring what guards cost (aligntax)")
    for setting in _SETTINGS:
        field = setting.name.replace("-", "_")
        details: dict[str, Any] = {"metavar": setting.metavar} if setting.metavar else {"action": "store_true"}
        name = _OPTION + setting.name
        group.addoption(name, dest=f"tax_benchmark_{field}", default=None, help=setting.help, **details)
        kind: Literal["string", "bool"] = "string" if setting.metavar else "bool"
        parser.addini(_INI + field, f"twin of {name}", type=kind, default=None)


def read_settings(config: pytest.Config) -> Settings:
    """Return the settings of a run: options first, then the configuration file, then the defaults.

    Raises:
        ValueError: if one has a value that it cannot have, or two exclude each other.
    """
    settings = Settings()
    given: dict[str, Any] = {}
    for setting in _SETTINGS:
        field = setting.name.replace("-", "_")
        option, twin = config.getoption(f"tax_benchmark_{field}"), config.getini(_INI + field)
        given[field] = twin or None if option is None else option
        written = f"{_INI}{{}} = " if option is None else f"{_OPTION}{setting.name} "
        settings = settings._with({field: given[field]}, written)
    if given["only"] and given["skip"]:
        raise ValueError(f"{_OPTION}only and {_OPTION}skip leave no test; use one of them")
    return replace(
        settings,
        only=bool(given["only"]),
        skip=bool(given["skip"]),
        disabled=bool(given["disable"]),
        json=Path(given["json"]).absolute() if given["json"] else None,
    )


def _above_zero(where: str, value: Any) -> float:
    try:
        number = float(value)
    except (OverflowError, TypeError, ValueError):
        number = math.nan
    if not 0 < number < math.inf:
        raise ValueError(f"{where}{value!r} must be a number above 0")
    return number
