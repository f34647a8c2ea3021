"""Quantities as people write them in budgets and options: "5 ms", "2 %", "64 MiB"."""

from __future__ import annotations

import math
import re
from typing import Any

from aligntax.experiment.gate.measured import Unit
from aligntax.figures import MISSING, duration, percentage

__all__ = ["parse", "written"]

_FACTORS = {
    Unit.SECONDS: {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0},
    Unit.RATIO: {"%": 0.01},
    Unit.BYTES: {"B": 1, "kB": 1e3, "KiB": 2**10, "MB": 1e6, "MiB": 2**20, "GB": 1e9, "GiB": 2**30},
    Unit.JOULES: {"uJ": 1e-6, "mJ": 1e-3, "J": 1.0, "kJ": 1e3},
}
_EXAMPLES = {Unit.SECONDS: "'5 ms'", Unit.RATIO: "'2%' or 0.02", Unit.BYTES: "'64 MiB'", Unit.JOULES: "'1.5 J'"}
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
        raise ValueError(f"{name}={value!r} is no limit; write e.g. {_EXAMPLES[unit]} (units: {known})")
    return found


def _parsed(value: Any, unit: Unit) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if unit is Unit.RATIO else None
    match = _WRITTEN.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    number, suffix = match.groups()
    if not suffix and unit is Unit.RATIO:
        return float(number)
    factor = _FACTORS[unit].get(suffix)
    return None if factor is None else float(number) * factor


def written(value: float | None, unit: Unit, *, signed: bool = False) -> str:
    """Return a figure for a table, e.g. "+1.20 ms"; "-" for None."""
    if value is None:
        return MISSING
    if unit is Unit.SECONDS:
        return duration(value, signed=signed)
    if unit is Unit.RATIO:
        return percentage(value, signed=signed)
    sign = "-" if value < 0 else "+" if signed and value > 0 else ""
    if unit is Unit.JOULES:
        return f"{sign}{abs(value):.3g} J"
    factor, name = next((pair for pair in _SIZES if abs(value) >= pair[0]), (1, "B"))
    return f"{sign}{abs(value) / factor:.3g} {name}" if factor > 1 else f"{sign}{abs(value):.0f} B"


_SIZES = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))
