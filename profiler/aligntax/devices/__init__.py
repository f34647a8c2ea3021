"""Sensors and timers of the hardware, with null objects where the hardware is missing."""

from __future__ import annotations

from aligntax.clock import Clock, wall_clock
from aligntax.devices.nvml import open_nvml
from aligntax.devices.rapl import open_rapl
from aligntax.devices.sensor import Metric, NullSensor, Reading, Sensor, Source

__all__ = [
    "Metric",
    "NullSensor",
    "Reading",
    "Sensor",
    "Source",
    "open_nvml",
    "open_rapl",
    "open_sensors",
]


def open_sensors(clock: Clock = wall_clock) -> tuple[Sensor, ...]:
    """Open every sensor that this machine has.

    Args:
        clock: nanoseconds; times the power readings of GPUs that count no energy.

    Returns:
        The NVML and the RAPL sensor, in this order, each only where it is present; perhaps neither.
    """
    candidates = (open_nvml(clock=clock), open_rapl())
    return tuple(sensor for sensor in candidates if not isinstance(sensor, NullSensor))
