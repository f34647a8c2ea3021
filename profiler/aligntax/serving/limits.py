"""How much, how many and how long a proxy lets requests and answers be."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import isfinite

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one proxy, of each of its workers.

    Attributes:
        connect_seconds: for a connection to the upstream, TLS included.
        first_byte_seconds: from the end of a request until its answer begins; a model may think that long.
        idle_seconds: between two pieces of an answer.
        total_seconds: for the whole exchange; None: as long as it goes on.
        client_seconds: between two pieces of a request's body, and for its headers.
        max_body_bytes: of a request; those that guards read have a limit of their own, see `Settings`.
        max_header_bytes: of a request's headers, and of an answer's.
        max_requests: at a time; more are refused.

    Raises:
        ValueError: for one out of range.
    """

    connect_seconds: float = 5.0
    first_byte_seconds: float = 600.0
    idle_seconds: float = 120.0
    total_seconds: float | None = None
    client_seconds: float = 60.0
    max_body_bytes: int = 64 * 2**20
    max_header_bytes: int = 64 * 2**10
    max_requests: int = 1000

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None and field.name == "total_seconds":
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
                raise ValueError(f"{field.name}={value!r} is no number; use one")
            least, most = _RANGES.get(field.name, (0.001, 86_400))
            if not least <= value <= most:
                raise ValueError(f"{field.name}={value} is out of range; use {least} to {most}")


_RANGES: dict[str, tuple[int, int]] = {
    "max_body_bytes": (1, 2**40),
    "max_header_bytes": (1024, 2**20),
    "max_requests": (1, 100_000),
}
