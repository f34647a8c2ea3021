"""How numbers are written in reports: three significant digits, the unit that suits, a sign where the tax has one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

MISSING = "-"
TOO_SMALL = "n too small"

_UNITS = ((1.0, "s"), (1e3, "ms"), (1e6, "us"), (1e9, "ns"))
_SIZES = ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"))
_EXACT = 1e15
_EIGHTHS = " ▏▎▍▌▋▊▉"


def duration(seconds: float | None, *, signed: bool = False) -> str:
    """Return a duration with three significant digits, e.g. `"1.20 ms"`; `"-"` for None.

    Args:
        seconds: the duration; may be negative.
        signed: whether a positive one gets its sign, too.
    """
    if seconds is None:
        return MISSING
    # Rounded before the unit is chosen: 999.9 us are 1.00 ms, and not 1000 us.
    rounded = abs(float(f"{seconds:.2e}"))
    if rounded == 0:
        return "0 s"
    factor, unit = next((pair for pair in _UNITS if rounded * pair[0] >= 1), _UNITS[-1])
    value = rounded * factor
    decimals = 0 if value >= 100 or unit == "ns" else 1 if value >= 10 else 2
    return f"{_sign(seconds, signed)}{value:,.{decimals}f} {unit}"


def percentage(ratio: float | None, *, signed: bool = False) -> str:
    """Return a ratio as a percentage, e.g. `"0.84 %"`; `"-"` for None."""
    if ratio is None:
        return MISSING
    value = abs(ratio) * 100
    decimals = 2 if value < 10 else 1
    return f"{_sign(ratio, signed)}{value:,.{decimals}f} %"


def amount(value: float | None, unit: str, *, signed: bool = False) -> str:
    """Return an amount of anything, e.g. `"+1.20 ms"`, `"31.0 points"` or `"1,250 USD"`; `"-"` for None.

    Args:
        value: the amount; may be negative.
        unit: `seconds`, `bytes` and `share ...` are written as people do, with a share in points of a hundred; a
            `ratio` has no unit, and any other unit stands behind the number.
        signed: whether a positive one gets its sign, too.
    """
    if value is None:
        return MISSING
    if unit == "seconds":
        return duration(value, signed=signed)
    of_hundred = unit.partition(" ")[0] == "share"
    if of_hundred:
        value, unit = value * 100, f"points{unit.removeprefix('share')}"
    if unit == "ratio":
        unit = ""
    factor = 1.0
    if unit == "bytes":
        factor, unit = next((pair for pair in _SIZES if abs(value) >= pair[0]), (1.0, "B"))
    rounded = abs(float(f"{value / factor:.2e}"))
    if rounded == 0:
        return f"0 {unit}".rstrip()
    counted = factor == 1 and not of_hundred and unit != "points" and float(value).is_integer() and rounded < _EXACT
    if counted:
        number = f"{abs(value):,.0f}"  # a count is told as it is
    elif rounded < 1e-3:
        number = f"{rounded:.2e}"
    else:
        number = f"{rounded:,.{max(0, 2 - math.floor(math.log10(rounded)))}f}"
    return f"{_sign(value, signed)}{number} {unit}".rstrip()


def of_hundred(value: float, *, signed: bool = False) -> str:
    """Return a number of a scale on which raw is 100, e.g. `"95.0"` or `"+0.42"`."""
    rounded = abs(float(f"{value:.1f}"))
    if rounded >= 1000:
        number = f"{abs(value):,.0f}"
    else:
        number = f"{abs(value):.1f}" if rounded >= 1 or value == 0 else f"{abs(value):.2g}"
    return f"{_sign(value, signed)}{number}"


def share(ratio: float | None) -> str:
    """Return a part of a whole as a percentage with one decimal, e.g. `"65.2 %"`; `"-"` for None."""
    return MISSING if ratio is None else f"{ratio * 100:.1f} %"


def quantile(distribution: Mapping[str, Any], name: str, *, signed: bool = False) -> str:
    """Return a quantile of a report's distribution of times, or that there are too few values to know it."""
    if distribution["intervals"][name] == TOO_SMALL:
        return TOO_SMALL
    return duration(distribution[name], signed=signed)


def ratio_quantile(distribution: Mapping[str, Any], name: str) -> str:
    """Return a quantile of a report's distribution of ratios, as a signed percentage, or that n is too small."""
    if distribution["intervals"][name] == TOO_SMALL:
        return TOO_SMALL
    return percentage(distribution[name], signed=True)


def bar(ratio: float, width: int, *, ascii_only: bool = False) -> str:
    """Return a bar of at most `width` characters for a ratio from 0 to 1; what lies outside is cut off.

    A ratio above 0 shows at least a sliver.
    """
    eighths = round(min(max(ratio, 0.0), 1.0) * width * 8)
    if ratio > 0:
        eighths = max(eighths, 1)
    if ascii_only:
        return "#" * -(-eighths // 8)
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()


def counts(numbers: Mapping[str, int]) -> str:
    """Return what was counted, e.g. `"40 allow, 8 modify"`; `"-"` for nothing."""
    return ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in numbers.items()) or MISSING


def _sign(value: float, signed: bool) -> str:
    return "-" if value < 0 else "+" if signed and value > 0 else ""
