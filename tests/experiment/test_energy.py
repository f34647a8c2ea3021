"""Joules of a request, from counters that are fed by the requests themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from aligntax.devices import open_rapl
from aligntax.devices.sensor import NullSensor, Reading
from aligntax.experiment import energy
from aligntax.experiment.energy import BLOCKS, energy_of

RANGE_MICROJOULES = 10_000_000


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "BLOCK_SECONDS", 0.01)


def quiet(stage: str, done: float, detail: str) -> bool:
    return True


class Meter:
    """A sensor whose counters are exact; `readable` says which of them can be read."""

    failures = 0

    def __init__(self, *devices: str, estimated: bool = False) -> None:
        self.joules = dict.fromkeys(devices, 0.0)
        self.readable = set(devices)
        self.estimated = estimated

    def read(self) -> list[Reading]:
        gauge = Reading("utilization_ratio", "gpu0", "nvml", 0.5)
        counters = [
            Reading("energy_joules", device, "nvml", joules, self.estimated)
            for device, joules in self.joules.items()
            if device in self.readable
        ]
        return [gauge, *counters]

    def using(self, joules: float, asked: list[object] | None = None):
        def answer(prompt: object) -> None:
            for device in self.joules:
                self.joules[device] += joules
            if asked is not None:
                asked.append(prompt)

        return answer


def test_each_arm_is_told_what_its_requests_took_on_all_devices():
    meter, asked = Meter("gpu0", "gpu1"), []
    arms = {"raw": meter.using(1.0), "guarded": meter.using(1.5, asked)}
    found = energy_of(arms, ["a", "b"], [NullSensor(), meter], quiet)
    assert found == {
        "raw": pytest.approx(2.0),
        "guarded": pytest.approx(3.0),
        "source": ["nvml gpu0", "nvml gpu1"],
        "estimated": False,
    }
    assert set(asked) == {"a", "b"}
    assert len(asked) >= BLOCKS


def test_what_was_estimated_is_said():
    meter = Meter("gpu0", estimated=True)
    found = energy_of({"raw": meter.using(1.0)}, ["a"], [meter], quiet)
    assert found is not None
    assert found["estimated"] is True


@pytest.mark.parametrize("sensors", [[], [NullSensor()], [Meter()]])
def test_without_a_counter_nothing_is_asked_and_nothing_is_told(sensors):
    asked: list[object] = []
    assert energy_of({"raw": asked.append}, ["a"], sensors, quiet) is None
    assert asked == []


def test_a_counter_that_fails_meanwhile_tells_nothing():
    meter = Meter("gpu0", "gpu1")

    def breaking(prompt: object) -> None:
        meter.readable.discard("gpu1")

    assert energy_of({"raw": meter.using(1.0), "guarded": breaking}, ["a"], [meter], quiet) is None


def test_whoever_is_told_of_the_progress_can_end_it():
    meter, stages = Meter("gpu0"), []

    def ending(stage: str, done: float, detail: str) -> bool:
        stages.append((stage, done))
        return len(stages) < 3

    assert energy_of({"raw": meter.using(1.0), "guarded": meter.using(1.0)}, ["a"], [meter], ending) is None
    assert stages == [("measuring energy", number / 6) for number in range(3)]


def test_a_processors_own_counter_is_read_also_when_it_wraps(tmp_path: Path):
    domain = tmp_path / "intel-rapl:0"
    domain.mkdir()
    (domain / "name").write_text("package-0\n")
    (domain / "max_energy_range_uj").write_text(f"{RANGE_MICROJOULES}\n")
    count = RANGE_MICROJOULES - 1_000_000

    def using(microjoules: int):
        def answer(prompt: object) -> None:
            nonlocal count
            count = (count + microjoules) % RANGE_MICROJOULES
            (domain / "energy_uj").write_text(f"{count}\n")

        return answer

    using(0)(None)
    found = energy_of({"raw": using(200), "guarded": using(300)}, ["a"], [open_rapl(tmp_path)], quiet)
    assert found == {
        "raw": pytest.approx(0.0002),
        "guarded": pytest.approx(0.0003),
        "source": ["rapl package-0"],
        "estimated": False,
    }
