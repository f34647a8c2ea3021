"""Workers with a sensor each of the same device answer with one total, which never goes back."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from aligntax import Profiler
from aligntax.devices import Reading
from aligntax.exporters.scrape import read_families


class Meter:
    """A sensor that was opened when the device had used so much."""

    failures = 0
    used = 0.0

    def __init__(self) -> None:
        self._before = Meter.used

    def read(self) -> list[Reading]:
        return [
            Reading("energy_joules", "gpu0", "nvml", Meter.used - self._before),
            Reading("memory_bytes", "gpu0", "nvml", 7.0),
        ]


@pytest.fixture
def start(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Profiler]:
    monkeypatch.setattr(Meter, "used", 1000.0)
    return lambda: Profiler(ledger_dir=folder, drain_seconds=0, sensors=[Meter()])


def joules(profiler: Profiler) -> float:
    reading, memory = sorted(profiler.readings(), key=lambda reading: reading.metric)
    assert memory.value == 7.0
    return reading.value


def test_a_total_goes_on_from_worker_to_worker(start: Callable[[], Profiler]) -> None:
    first = start()
    Meter.used += 10
    assert joules(first) == 10
    second = start()
    assert joules(second) == 10
    Meter.used += 5
    assert [joules(second), joules(first), joules(second)] == [15, 15, 15]
    first.close()
    third = start()
    Meter.used += 2
    assert [joules(third), joules(second), joules(third)] == [15, 17, 17]
    Meter.used += 1
    assert joules(second) == 18
    assert second.readings(own=True)[0].value == 8
    second.close()
    third.close()


def test_what_was_used_before_anyone_answered_is_not_counted_twice(start: Callable[[], Profiler]) -> None:
    first, second = start(), start()
    Meter.used += 10
    assert [joules(first), joules(second)] == [10, 10]
    Meter.used += 10
    assert [joules(second), joules(first)] == [20, 20]
    first.close()
    second.close()


def test_energy_is_left_out_where_workers_cannot_agree(
    start: Callable[[], Profiler], folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    profiler = start()

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        for _ in range(2):
            assert [reading.metric for reading in profiler.readings()] == ["memory_bytes"]
    assert "energy is left out of scrapes, since workers cannot agree on it: [Errno 28]" in caplog.text
    assert len(caplog.records) == 1
    assert joules(profiler) == 0
    (folder / "energy.json").write_text("[]")
    assert joules(profiler) == 0
    assert any(family.definition.name == "aligntax_device_energy_joules" for family in read_families(profiler))
    profiler.close()
