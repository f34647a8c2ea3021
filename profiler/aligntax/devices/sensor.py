"""What a hardware sensor says, and what it says where there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Metric = Literal["energy_joules", "memory_bytes", "utilization_ratio"]
Source = Literal["nvml", "rapl"]


@dataclass(frozen=True, slots=True)
class Reading:
    """One quantity of one device at the time of the read.

    Attributes:
        metric: `energy_joules` is a counter that starts at 0 when its sensor is opened and never goes down;
            `memory_bytes` and `utilization_ratio` are gauges.
        device: `"gpu0"` (NVML's index), `"package-0"` or `"package-0/dram"`.
        source: the interface that was asked.
        value: joules, bytes, or a ratio from 0 to 1, as the metric's name says.
        estimated: True where the value was derived from another quantity and not measured as such.
    """

    metric: Metric
    device: str
    source: Source
    value: float
    estimated: bool = False


class Sensor(Protocol):
    """Anything that reports readings.

    Attributes:
        failures: how many readings could not be taken since the sensor was opened (a count).
    """

    failures: int

    def read(self) -> list[Reading]:
        """Return what can be read now, and never raise.

        Returns:
            Readings in the units that their metric names. A quantity that fails is left out and counted in
            `failures`; one that the hardware does not have is left out. Neither ever reads as zero.
        """
        ...


class NullSensor:
    """The sensor of hardware that is not there.

    Attributes:
        failures: always 0, a count.
    """

    failures: int = 0

    def read(self) -> list[Reading]:
        """Return no readings."""
        return []
