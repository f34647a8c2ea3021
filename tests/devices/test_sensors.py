"""What is opened by default, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from aligntax import devices
from aligntax.clock import Clock
from aligntax.devices import NullSensor, Reading, Sensor, open_nvml, open_rapl, open_sensors


class OneReading:
    failures = 0

    def __init__(self, device: str) -> None:
        self.device = device

    def read(self) -> list[Reading]:
        return [Reading("energy_joules", self.device, "nvml", 1.0)]


@pytest.mark.parametrize(
    ("nvml", "rapl"),
    [
        (NullSensor(), NullSensor()),
        (OneReading("gpu0"), NullSensor()),
        (NullSensor(), OneReading("package-0")),
        (OneReading("gpu0"), OneReading("package-0")),
    ],
)
def test_only_sensors_that_are_there_are_opened(monkeypatch: pytest.MonkeyPatch, nvml: Sensor, rapl: Sensor) -> None:
    clocks = []

    def open_with(clock: Clock) -> Sensor:
        clocks.append(clock)
        return nvml

    def clock() -> int:
        return 0

    monkeypatch.setattr(devices, "open_nvml", open_with)
    monkeypatch.setattr(devices, "open_rapl", lambda: rapl)
    expected = [sensor for sensor in (nvml, rapl) if isinstance(sensor, OneReading)]
    assert list(open_sensors(clock)) == expected
    assert clocks == [clock]


def test_the_sensors_of_this_machine_are_the_present_ones() -> None:
    present = [type(sensor) for sensor in (open_nvml(), open_rapl()) if not isinstance(sensor, NullSensor)]
    assert [type(sensor) for sensor in open_sensors()] == present


def test_a_null_sensor_has_no_readings_and_no_failures() -> None:
    sensor: Sensor = NullSensor()
    assert sensor.read() == []
    assert sensor.failures == 0


def test_importing_the_devices_imports_no_framework_and_no_driver() -> None:
    heavy = "{'torch', 'onnxruntime', 'numba', 'pynvml', 'rich', 'prometheus_client'}"
    imports = "import sys, aligntax.devices, aligntax.devices.cuda_events"
    program = f"{imports}; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
