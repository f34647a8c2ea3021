"""Quantities as people write them in budgets and options: "5 ms", "2 %", "64 MiB"."""

from __future__ import annotations

import math
import re
from typing import Any

from aligntax.experiment.gate.measured import Unit
from aligntax.figures import amount, percentage

__all__ = ["parse", "parse_own", "parse_signed", "written"]

_FACTORS: dict[Unit, dict[str, float]] = {
    Unit.SECONDS: {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0},
    Unit.RATIO: {"%": 0.01},
    Unit.BYTES: {"B": 1, "kB": 1e3, "KiB": 2**10, "MB": 1e6, "MiB": 2**20, "GB": 1e9, "GiB": 2**30},
    Unit.JOULES: {"uJ": 1e-6, "mJ": 1e-3, "J": 1.0, "kJ": 1e3},
}
_EXAMPLES = {Unit.SECONDS: "'5 ms'", Unit.RATIO: "'2%' or 0.02", Unit.BYTES: "'64 MiB'", Unit.JOULES: "'1.5 J'"}
_BASE = {"seconds": Unit.SECONDS, "bytes": Unit.BYTES, "joules": Unit.JOULES}
_OWN = re.compile(r"\s*([-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*([^\s0-9].*?)?\s*")
_WRITTEN = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?|\.[0-9]+)\s*([A-Za-zµ%]*)\s*")


def parse(name: str, value: Any, unit: Unit) -> float:
    """Return a quantity in its base unit.

    Args:
        name: what it is called where it stands, for the message.
        value: a number and a unit; a ratio may be a bare number, too.
        unit: what it must be a quantity of.

    Raises:
        ValueError: if it is none, is negative, or has no unit or another one; names the value and an example.
    """
    found = _parsed(value, unit)
    if found is None or not 0 <= found < math.inf:
        known = ", ".join(_FACTORS[unit])
        raise ValueError(f"{name}={value!r:.60} is no limit; write e.g. {_EXAMPLES[unit]} (units: {known})")
    return found


def parse_signed(name: str, value: Any) -> float:
    """Return a ratio that may be negative: a tax below 0 is a bonus.

    Raises:
        ValueError: if it is none; names the value and an example.
    """
    text = value.strip() if isinstance(value, str) else value
    negative = isinstance(text, str) and text.startswith("-")
    found = _parsed(text[1:] if negative else text, Unit.RATIO)
    if found is None or not math.isfinite(found):
        raise ValueError(f"{name}={value!r:.60} is no limit; write e.g. {_EXAMPLES[Unit.RATIO]}")
    return -found if negative else found


def parse_own(name: str, value: Any, unit: str = "") -> float:
    """Return an amount of whatever a figure is measured in, which may be negative.

    Args:
        name: what it is called where it stands, for the message.
        value: a number, or a number and a unit: the figure's own, or of seconds, bytes, joules and shares any that
            people write, such as "5 ms" or "2%".
        unit: of the figure; where it is empty, the figure is not known yet, and any unit will do.

    Raises:
        ValueError: if it is none, or of another unit; names the value, the unit and an example.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = _as_float(value)
        if math.isfinite(number):
            return number
    match = _OWN.fullmatch(value) if isinstance(value, str) else None
    if match is not None:
        number, suffix = float(match[1]), match[2] or ""
        known = {unit: 1.0, "": 1.0, **_of_base(unit)}
        if math.isfinite(number) and (not unit or suffix in known):
            return number * known.get(suffix, 1.0)
    what = f"in {unit}; write e.g. '1.5 {unit}'" if unit else "a limit; write a number and a unit, e.g. '1.5 points'"
    raise ValueError(f"{name}={value!r:.60} is not {what}")


def _of_base(unit: str) -> dict[str, float]:
    if unit.partition(" ")[0] == "share":
        return {"%": 0.01, "points": 0.01}
    return _FACTORS[_BASE[unit]] if unit in _BASE else {}


def _parsed(value: Any, unit: Unit) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _as_float(value) if unit is Unit.RATIO else None
    match = _WRITTEN.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    number, suffix = match.groups()
    if not suffix and unit is Unit.RATIO:
        return float(number)
    factor = _FACTORS[unit].get(suffix)
    return None if factor is None else float(number) * factor


def _as_float(value: float) -> float:
    """Return a number as one; an integer that is too large for it is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def written(value: float | None, unit: Unit | str, *, signed: bool = False) -> str:
    """Return a figure for a table, e.g. "+1.20 ms"; "-" for None."""
    if unit is Unit.RATIO:
        return percentage(value, signed=signed)
    return amount(value, "J" if unit is Unit.JOULES else unit, signed=signed)
