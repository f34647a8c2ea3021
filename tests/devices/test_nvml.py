"""The NVML sensor against a scripted library, and against the real one of this machine."""

from __future__ import annotations

import gc
from types import SimpleNamespace

import pynvml
import pytest

from aligntax.devices import NullSensor, Reading, open_nvml
from aligntax.devices.nvml import NvmlLibrary, NvmlSensor


class FakeNvmlError(Exception):
    """Base of the scripted errors."""


class NotSupportedError(FakeNvmlError):
    """This device does not have it."""


class FunctionNotFoundError(FakeNvmlError):
    """This driver does not have it."""


class GpuIsLostError(FakeNvmlError):
    """The device fell off the bus."""


class FakeNvml:
    """GPUs whose answers are values to return or exceptions to raise."""

    NVMLError = FakeNvmlError
    NVMLError_NotSupported = NotSupportedError
    NVMLError_FunctionNotFound = FunctionNotFoundError

    def __init__(self, gpus: int = 1) -> None:
        self.answers = [
            {
                "handle": index,
                "uuid": f"GPU-{index}",
                "energy": 50_000,
                "power": 120_000,
                "memory": 3 << 30,
                "utilization": 40,
            }
            for index in range(gpus)
        ]
        self.init: Exception | None = None
        self.count: int | Exception = gpus
        self.calls: list[str] = []

    def _answer(self, index: int, quantity: str):
        self.calls.append(quantity)
        answer = self.answers[index][quantity]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def nvmlInit(self):  # noqa: N802 - NVML's own name
        self.calls.append("init")
        if self.init is not None:
            raise self.init

    def nvmlShutdown(self):  # noqa: N802 - NVML's own name
        self.calls.append("shutdown")

    def nvmlDeviceGetCount(self):  # noqa: N802 - NVML's own name
        if isinstance(self.count, Exception):
            raise self.count
        return self.count

    def nvmlDeviceGetHandleByIndex(self, index):  # noqa: N802 - NVML's own name
        return self._answer(index, "handle")

    def nvmlDeviceGetUUID(self, handle):  # noqa: N802 - NVML's own name
        return self._answer(handle, "uuid")

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):  # noqa: N802 - NVML's own name
        return self._answer(handle, "energy")

    def nvmlDeviceGetPowerUsage(self, handle):  # noqa: N802 - NVML's own name
        return self._answer(handle, "power")

    def nvmlDeviceGetMemoryInfo(self, handle):  # noqa: N802 - NVML's own name
        return SimpleNamespace(used=self._answer(handle, "memory"))

    def nvmlDeviceGetUtilizationRates(self, handle):  # noqa: N802 - NVML's own name
        return SimpleNamespace(gpu=self._answer(handle, "utilization"))


def values(sensor) -> dict[tuple[str, str], float]:
    return {(reading.device, reading.metric): reading.value for reading in sensor.read()}


def test_readings_are_in_joules_since_opening_bytes_and_ratio() -> None:
    library = FakeNvml()
    sensor = open_nvml(library)
    library.answers[0]["energy"] = 52_500
    assert sensor.read() == [
        Reading("energy_joules", "gpu0", "nvml", 2.5),
        Reading("memory_bytes", "gpu0", "nvml", float(3 << 30)),
        Reading("utilization_ratio", "gpu0", "nvml", 0.4),
    ]
    assert sensor.failures == 0


@pytest.mark.parametrize("reason", [NotSupportedError, FunctionNotFoundError])
@pytest.mark.parametrize(("quantity", "metric"), [("memory", "memory_bytes"), ("utilization", "utilization_ratio")])
def test_what_one_gpu_does_not_have_is_dropped_there_for_good(reason, quantity: str, metric: str) -> None:
    library = FakeNvml(gpus=2)
    library.answers[1][quantity] = reason()
    sensor = open_nvml(library)
    library.calls.clear()
    read = values(sensor)
    assert ("gpu0", metric) in read
    assert ("gpu1", metric) not in read
    assert len(read) == 5
    assert library.calls.count(quantity) == 1  # gpu0's only
    assert sensor.failures == 0


@pytest.mark.parametrize("quantity", ["energy", "memory", "utilization"])
def test_a_passing_failure_is_counted_and_tried_again(quantity: str) -> None:
    library = FakeNvml()
    sensor = open_nvml(library)
    answer = library.answers[0][quantity]
    library.answers[0][quantity] = FakeNvmlError("busy")
    assert len(sensor.read()) == 2
    assert sensor.failures == 1
    library.answers[0][quantity] = answer
    assert len(sensor.read()) == 3
    assert sensor.failures == 1


def test_energy_used_while_reads_failed_is_not_lost() -> None:
    library = FakeNvml()
    sensor = open_nvml(library)
    library.answers[0]["energy"] = FakeNvmlError("busy")
    sensor.read()
    library.answers[0]["energy"] = 61_000
    assert values(sensor)["gpu0", "energy_joules"] == 11


def test_a_lost_gpu_vanishes_and_the_others_stay() -> None:
    library = FakeNvml(gpus=2)
    sensor = open_nvml(library)
    library.answers[0].update(dict.fromkeys(("energy", "memory", "utilization"), GpuIsLostError()))
    assert {device for device, _ in values(sensor)} == {"gpu1"}
    assert sensor.failures == 3


def test_a_driver_that_restarts_its_counter_does_not_lower_the_total() -> None:
    library = FakeNvml()
    sensor = open_nvml(library)
    totals = []
    for counter in (54_000, 1_000, 3_000):
        library.answers[0]["energy"] = counter
        totals.append(values(sensor)["gpu0", "energy_joules"])
    assert totals == [4, 4, 6]


@pytest.mark.parametrize("reason", [NotSupportedError, FunctionNotFoundError])
def test_without_an_energy_counter_power_is_integrated_and_says_so(reason) -> None:
    library = FakeNvml()
    library.answers[0]["energy"] = reason()
    seconds = iter((0, 2, 5))
    sensor = open_nvml(library, clock=lambda: next(seconds) * 1_000_000_000)
    library.calls.clear()
    assert sensor.read()[0] == Reading("energy_joules", "gpu0", "nvml", 240.0, estimated=True)
    library.answers[0]["power"] = FakeNvmlError("busy")
    assert ("gpu0", "energy_joules") not in values(sensor)
    library.answers[0]["power"] = 80_000
    assert sensor.read()[0] == Reading("energy_joules", "gpu0", "nvml", 540.0, estimated=True)
    assert sensor.failures == 1
    assert "energy" not in library.calls


def test_a_counter_that_is_withdrawn_is_continued_by_power() -> None:
    library = FakeNvml()
    seconds = iter((0, 1))
    sensor = open_nvml(library, clock=lambda: next(seconds) * 1_000_000_000)
    library.answers[0]["energy"] = 57_000
    assert sensor.read()[0] == Reading("energy_joules", "gpu0", "nvml", 7.0)
    library.answers[0]["energy"] = NotSupportedError()
    assert sensor.read()[0] == Reading("energy_joules", "gpu0", "nvml", 7.0, estimated=True)
    assert sensor.read()[0] == Reading("energy_joules", "gpu0", "nvml", 127.0, estimated=True)


def test_neither_energy_nor_power_is_absent_not_zero() -> None:
    library = FakeNvml()
    library.answers[0].update(energy=NotSupportedError(), power=NotSupportedError())
    sensor = open_nvml(library)
    library.calls.clear()
    assert {reading.metric for reading in sensor.read()} == {"memory_bytes", "utilization_ratio"}
    assert library.calls == ["memory", "utilization"]


def test_devices_are_named_by_index_and_told_apart_by_uuid() -> None:
    library = FakeNvml(gpus=3)
    library.answers[1]["uuid"] = FakeNvmlError("no uuid")
    sensor = open_nvml(library)
    assert isinstance(sensor, NvmlSensor)
    assert sensor.uuids == {"gpu0": "GPU-0", "gpu2": "GPU-2"}
    assert {device for device, _ in values(sensor)} == {"gpu0", "gpu1", "gpu2"}
    assert sensor.failures == 1


def test_a_gpu_without_a_handle_is_counted_and_shifts_no_index() -> None:
    library = FakeNvml(gpus=2)
    library.answers[0]["handle"] = FakeNvmlError("no permission")
    sensor = open_nvml(library)
    assert {device for device, _ in values(sensor)} == {"gpu1"}
    assert sensor.failures == 1


def test_closing_twice_shuts_down_once_and_reads_nothing_after() -> None:
    library = FakeNvml()
    sensor = open_nvml(library)
    assert isinstance(sensor, NvmlSensor)
    sensor.close()
    sensor.close()
    library.calls.clear()
    assert sensor.read() == []
    del sensor
    gc.collect()
    assert library.calls == []


def test_a_dropped_sensor_shuts_down_once() -> None:
    library = FakeNvml()
    open_nvml(library)
    gc.collect()
    assert library.calls.count("shutdown") == 1


def test_a_failing_shutdown_does_not_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    library = FakeNvml()
    attempts = []

    def fail() -> None:
        attempts.append("shutdown")
        raise FakeNvmlError("driver unloaded")

    monkeypatch.setattr(library, "nvmlShutdown", fail)
    sensor = open_nvml(library)
    assert isinstance(sensor, NvmlSensor)
    sensor.close()
    assert attempts == ["shutdown"]


def test_no_driver_is_a_null_sensor() -> None:
    library = FakeNvml()
    library.init = FakeNvmlError("library not found")
    sensor = open_nvml(library)
    assert isinstance(sensor, NullSensor)
    assert sensor.read() == []
    assert library.calls == ["init"]


def test_a_library_that_cannot_count_is_shut_down_again() -> None:
    library = FakeNvml()
    library.count = FakeNvmlError("unknown")
    assert isinstance(open_nvml(library), NullSensor)
    assert library.calls == ["init", "shutdown"]


def test_the_real_library_has_every_name_that_is_used() -> None:
    names = [name for name in {**vars(NvmlLibrary), **NvmlLibrary.__annotations__} if "nvml" in name.lower()]
    assert len(names) == 12
    assert [name for name in names if not hasattr(pynvml, name)] == []
    assert issubclass(pynvml.NVMLError_NotSupported, pynvml.NVMLError)


def test_the_real_library_is_a_sensor_exactly_where_there_is_a_driver() -> None:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        sensor = open_nvml()
        assert isinstance(sensor, NullSensor)
        assert sensor.read() == []
    else:
        gpus = pynvml.nvmlDeviceGetCount()
        pynvml.nvmlShutdown()
        sensor = open_nvml()
        assert isinstance(sensor, NvmlSensor)
        assert {reading.device for reading in sensor.read()} <= {f"gpu{index}" for index in range(gpus)}
        sensor.close()
