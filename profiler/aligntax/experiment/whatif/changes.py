"""What can be changed about the guards of a recorded request: left out, made faster, in parallel, reordered."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["Change", "Drop", "Faster", "Parallel", "Reorder"]

LEAST_FACTOR, GREATEST_FACTOR = 1e-3, 1e6


class Change(Protocol):
    """A change of guards."""

    @property
    def guards(self) -> tuple[str, ...]:
        """The guards that it names."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        ...

    def __str__(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Drop:
    """The guard is not called, and neither are the guards that only it calls.

    Attributes:
        guard: its name.
    """

    guard: str

    @property
    def guards(self) -> tuple[str, ...]:
        """The guard."""
        return (self.guard,)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"change": "drop", "guard": self.guard}

    def __str__(self) -> str:
        return f"drop {self.guard}"


@dataclass(frozen=True, slots=True)
class Faster:
    """The guard's own work takes a fraction of its time.

    Attributes:
        guard: its name.
        factor: how many times faster it is; below 1 it is slower.

    Raises:
        ValueError: if the factor does not lie between 0.001 and 1,000,000.
    """

    guard: str
    factor: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.factor) and LEAST_FACTOR <= self.factor <= GREATEST_FACTOR):
            raise ValueError(
                f"{self.guard} cannot be {self.factor:g} times as fast; use a number from {LEAST_FACTOR:g} to "
                f"{GREATEST_FACTOR:,.0f}, such as 2 for half of the time"
            )

    @property
    def guards(self) -> tuple[str, ...]:
        """The guard."""
        return (self.guard,)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"change": "faster", "guard": self.guard, "factor": self.factor}

    def __str__(self) -> str:
        return f"{self.guard} {self.factor:g} times as fast"


@dataclass(frozen=True, slots=True)
class Parallel:
    """The guard runs beside what comes after it, and is waited for only before something is released.

    Attributes:
        guard: its name.
    """

    guard: str

    @property
    def guards(self) -> tuple[str, ...]:
        """The guard."""
        return (self.guard,)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"change": "parallel", "guard": self.guard}

    def __str__(self) -> str:
        return f"{self.guard} in parallel"


@dataclass(frozen=True, slots=True)
class Reorder:
    """Guards that run one after the other swap places.

    Attributes:
        order: their names, in the new order.

    Raises:
        ValueError: for fewer than two names, or one that is there twice.
    """

    order: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.order) < 2:
            raise ValueError(f"an order of {len(self.order)} guards changes nothing; name two or more")
        twice = next((name for name in self.order if self.order.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice} is there twice in the new order; name each guard once")

    @property
    def guards(self) -> tuple[str, ...]:
        """The guards in their new order."""
        return self.order

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"change": "reorder", "order": list(self.order)}

    def __str__(self) -> str:
        return f"order {', '.join(self.order)}"
