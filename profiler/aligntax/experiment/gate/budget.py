"""Budgets: a TOML file that says what guards may cost.

    # Every limit is optional; times, ratios and sizes are written with their unit.
    [tax]
    absolute = "5 ms"          # median over requests, guarded minus raw
    relative = "10%"           # of raw, ratio of means; 0.10 is the same
    max_regression = "2%"      # against --base: requests may get 2 % slower in relation to raw

    [guards.pii]               # the same keys; means per request, by the guard's share of the tax
    absolute = "1 ms"

    [stages.input]             # all guards of a stage together
    relative = "3%"

    [cpu]                      # CPU time that guards add to a request
    absolute = "4 ms"

    [memory]                   # peak that guards add
    absolute = "64 MiB"

    [cold_start]               # import of the target, and what guards add to the first call
    import = "10 s"
    first_call = "2 s"

    [performance]              # any other tax by its record, or by the whole report: its headline figure
    relative = "1%"

    [performance."squad_v2.f1"]  # or any other of its figures; absolute limits are in the figure's own unit
    absolute = "1.5 points"

    [benefit.attack_success.change]  # taxes are signed: here a bonus of at least 30 points is asked for
    absolute = "-30 points"

A limit is broken only if the whole interval of the figure is above it, and kept only if none of it is: otherwise the
result cannot tell. Cold starts, memory and energy are measured so few times, and some figures of other taxes are plain
counts, so that there may be no interval at all; with `judge_single_values = true` at the top of the file they are
judged by their value.

`max_regression` is about the change from the base as a share of a guarded request, in every section, as the margin of
`aligntax compare` is: a guard with 2 % may make requests 2 % slower than in the base.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aligntax.experiment.gate.measured import Metric, Unit
from aligntax.experiment.gate.quantity import parse, parse_own, parse_signed, written
from aligntax.experiment.gate.sections import MAX_REGRESSION, SECTIONS, Section

__all__ = ["Budget", "Limit", "read_budget"]

MAX_FILE_BYTES = 2**20
_SINGLE = "judge_single_values"


@dataclass(frozen=True, slots=True)
class Limit:
    """One line of a budget.

    Attributes:
        where: the section and the name in it, as in the file: `tax`, `guards.pii`.
        metric: key of the metric that is limited.
        maximum: in the unit's base unit; as it is written where the unit is not known yet.
        unit: of the maximum; `Unit.OWN` until the figure is known, see `of_metric`.
        regression: whether it limits the change from the base, not the figure.
        few: whether there is seldom an interval to judge it by.
        own: what the file says of a maximum in the figure's own unit; None for other units.
        level: whether it limits a state, which has no sign, and not what guards changed.
    """

    where: str
    metric: str
    maximum: float
    unit: Unit | str
    regression: bool = False
    few: bool = False
    own: str | float | None = None
    level: bool = False

    @property
    def section(self) -> Section:
        """The section that it stands in."""
        return SECTIONS[self.where.partition(".")[0]]

    @property
    def title(self) -> str:
        """Where the limit stands in the file, e.g. `guards.pii.max_regression`."""
        return f"{self.where}.{MAX_REGRESSION}" if self.regression else self.metric

    @property
    def written(self) -> str:
        """The maximum with its unit."""
        return str(self.own) if self.unit is Unit.OWN else written(self.maximum, self._told_in)

    @property
    def _told_in(self) -> Unit | str:
        return Unit.RATIO if self.level and self.unit == "share" else self.unit  # in per cent, as reports tell it

    def told(self, value: float) -> str:
        """Return a value of what it limits as people write it: with its sign, unless it is a state."""
        return written(value, self._told_in, signed=not self.level)

    def of_metric(self, metric: Metric) -> Limit:
        """Return the limit in the unit of what it limits.

        Raises:
            ValueError: if it is written in another one.
        """
        level = metric.level and not self.regression
        if self.unit is not Unit.OWN:
            return replace(self, level=level)
        return replace(self, maximum=parse_own(self.metric, self.own, metric.unit), unit=metric.unit, level=level)


@dataclass(frozen=True, slots=True)
class Budget:
    """What guards may cost.

    Attributes:
        path: of the file.
        limits: at least one.
        judge_single_values: whether what was measured too few times for an interval is judged by its value.
    """

    path: Path
    limits: tuple[Limit, ...]
    judge_single_values: bool = False

    @property
    def margin(self) -> float | None:
        """What a comparison may call unchanged: as much as the tax may grow by; None where nothing says so."""
        found = (limit.maximum for limit in self.limits if limit.regression and limit.where == "tax")
        return next(found, None) or None


def read_budget(path: Path | str) -> Budget:
    """Return the budget that a TOML file holds.

    Raises:
        ValueError: if it cannot be read, is no TOML, limits nothing, or has an unknown key or a value that is no limit;
            names the file, the key, what is known and the mend.
    """
    path = Path(path)
    table = _table(path)
    single = table.pop(_SINGLE, False)
    if not isinstance(single, bool):
        raise ValueError(f"{path}: {_SINGLE}={single!r} must be true or false")  # noqa: TRY004 (it is the file's)
    try:
        limits = tuple(_limits(table))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    except RecursionError as error:
        raise ValueError(f"{path}: is nested too deeply to be a budget") from error
    if not limits:
        raise ValueError(f'{path}: it limits nothing; write e.g. [tax] and absolute = "5 ms" below it')
    return Budget(path, limits, single)


def _table(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); name a file that exists") from error
    if len(content) > MAX_FILE_BYTES:
        raise ValueError(f"{path}: more than {MAX_FILE_BYTES // 2**20} MiB, so it is no budget")
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # a UnicodeDecodeError is one, too
        raise ValueError(f"{path}: is no TOML ({error}); mend it there") from error


def _limits(table: Mapping[str, Any]) -> Iterator[Limit]:
    for name, value in table.items():
        section = SECTIONS.get(name)
        if section is None:
            raise _unknown(name, (*SECTIONS, _SINGLE))
        if not section.named:
            yield from _of_table(name, section, value)
            continue
        if section.own:
            yield from _of_kind(name, section, _as_table(name, value))
            continue
        for each, inner in _as_table(name, value).items():
            if section.names is not None and each not in section.names:
                raise _unknown(f"{name}.{each}", section.names)
            yield from _of_table(f"{name}.{each}", section, inner)


def _of_kind(where: str, section: Section, table: Mapping[str, Any]) -> Iterator[Limit]:
    """Yield the limits of a kind of tax: its headline's, and those of figures, whose names may have dots."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _of_kind(f"{where}.{key}", section, value)
        else:
            yield from _of_table(where, section, {key: value})


def _of_table(where: str, section: Section, value: Any) -> Iterator[Limit]:
    for key, maximum in _as_table(where, value).items():
        if key not in section.keys:
            raise _unknown(f"{where}.{key}", section.keys)
        if key == MAX_REGRESSION:
            share = parse(f"{where}.{key}", maximum, Unit.RATIO)
            yield Limit(where, f"{where}.{section.regression}", share, Unit.RATIO, regression=True)
        else:
            yield _limit(where, key, maximum, section)


def _limit(where: str, key: str, maximum: Any, section: Section) -> Limit:
    name, unit = f"{where}.{key}", section.measures[key]
    if unit is Unit.OWN:
        return Limit(where, name, parse_own(name, maximum), unit, few=section.few, own=maximum)
    found = parse_signed(name, maximum) if section.own else parse(name, maximum, unit)
    return Limit(where, name, found, unit, few=section.few)


def _as_table(where: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where}={value!r:.60} is no table; write [{where}] and its limits below")  # noqa: TRY004
    return value


def _unknown(name: str, known: tuple[str, ...]) -> ValueError:
    return ValueError(f"the key {name!r} is unknown; known are {', '.join(known)}")
