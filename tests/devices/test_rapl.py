"""The RAPL sensor on sysfs trees as machines have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from aligntax.devices import NullSensor, Reading, open_rapl

RANGE_UJ = 262_143_328_850

DESKTOP = {
    "intel-rapl:0": "package-0",
    "intel-rapl:0:0": "core",
    "intel-rapl:0:1": "uncore",
    "intel-rapl:0:2": "dram",
    "intel-rapl:1": "psys",
    "intel-rapl-mmio:0": "package-0",
}
TWO_SOCKETS = {
    "intel-rapl:0": "package-0",
    "intel-rapl:0:0": "dram",
    "intel-rapl:1": "package-1",
    "intel-rapl:1:0": "dram",
}
SAME_NAMES = {
    "intel-rapl:0": "package-0",
    "intel-rapl:0:0": "dram",
    "intel-rapl:1": "package-0",
    "intel-rapl:1:0": "dram",
}
DIES = {"intel-rapl:0": "package-0-die-0", "intel-rapl:1": "package-0-die-1"}
AMD = {"intel-rapl:0": "package-0", "intel-rapl:0:0": "core"}


def build(root: Path, names: dict[str, str], energy_uj: int = 1_000_000) -> Path:
    (root / "intel-rapl").mkdir()  # the control type itself, which every machine has beside its domains
    for folder, name in names.items():
        domain = root / folder
        domain.mkdir()
        (domain / "name").write_text(f"{name}\n")
        (domain / "energy_uj").write_text(f"{energy_uj}\n")
        (domain / "max_energy_range_uj").write_text(f"{RANGE_UJ}\n")
    return root


def devices(sensor) -> list[str]:
    return [reading.device for reading in sensor.read()]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(DESKTOP, ["package-0", "package-0/dram"], id="desktop"),
        pytest.param(TWO_SOCKETS, ["package-0", "package-0/dram", "package-1", "package-1/dram"], id="two-sockets"),
        pytest.param(
            SAME_NAMES,
            ["package-0:0", "package-0/dram:0:0", "package-0:1", "package-0/dram:1:0"],
            id="same-names",
        ),
        pytest.param(DIES, ["package-0-die-0", "package-0-die-1"], id="dies"),
        pytest.param(AMD, ["package-0"], id="amd"),
    ],
)
def test_each_joule_is_in_one_domain_and_each_domain_has_one_name(
    tmp_path: Path, names: dict[str, str], expected: list[str]
) -> None:
    assert devices(open_rapl(build(tmp_path, names))) == expected


def test_readings_are_joules_since_opening(tmp_path: Path) -> None:
    root = build(tmp_path, AMD)
    sensor = open_rapl(root)
    assert sensor.read() == [Reading("energy_joules", "package-0", "rapl", 0.0)]
    (root / "intel-rapl:0" / "energy_uj").write_text("3500000\n")
    assert sensor.read() == [Reading("energy_joules", "package-0", "rapl", 2.5)]


def test_a_wrap_is_seen(tmp_path: Path) -> None:
    root = build(tmp_path, AMD, energy_uj=RANGE_UJ - 4_000_000)
    sensor = open_rapl(root)
    totals = []
    for energy_uj in (RANGE_UJ - 1_000_000, 2_000_000, 5_000_000):
        (root / "intel-rapl:0" / "energy_uj").write_text(str(energy_uj))
        totals += [reading.value for reading in sensor.read()]
    assert totals == pytest.approx([3, 6, 9])


def test_counters_that_only_root_may_read_are_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = build(tmp_path, TWO_SOCKETS)
    read_text = Path.read_text

    def deny(path: Path, *arguments, **keywords) -> str:
        if path.name == "energy_uj":
            raise PermissionError(13, "Permission denied", str(path))
        return read_text(path, *arguments, **keywords)

    monkeypatch.setattr(Path, "read_text", deny)
    sensor = open_rapl(root)
    assert isinstance(sensor, NullSensor)
    assert sensor.read() == []


@pytest.mark.parametrize("file", ["name", "energy_uj", "max_energy_range_uj"])
def test_a_domain_that_lacks_a_file_is_absent_and_the_others_stay(tmp_path: Path, file: str) -> None:
    root = build(tmp_path, DIES)
    (root / "intel-rapl:0" / file).unlink()
    sensor = open_rapl(root)
    assert devices(sensor) == ["package-0-die-1"]
    assert sensor.failures == 0


@pytest.mark.parametrize("content", ["", "many", b"\xff"])
@pytest.mark.parametrize("file", ["energy_uj", "max_energy_range_uj"])
def test_a_domain_that_makes_no_sense_is_absent(tmp_path: Path, file: str, content: str | bytes) -> None:
    root = build(tmp_path, AMD)
    content = content if isinstance(content, bytes) else content.encode()
    (root / "intel-rapl:0" / file).write_bytes(content)
    assert isinstance(open_rapl(root), NullSensor)


@pytest.mark.parametrize("name", [b"\xff", b"battery"])
def test_a_domain_of_unknown_name_is_absent_with_its_subdomains(tmp_path: Path, name: bytes) -> None:
    root = build(tmp_path, TWO_SOCKETS)
    (root / "intel-rapl:0" / "name").write_bytes(name)
    assert devices(open_rapl(root)) == ["package-1", "package-1/dram"]


def test_a_counter_that_fails_later_is_left_out_counted_and_tried_again(tmp_path: Path) -> None:
    root = build(tmp_path, DIES)
    sensor = open_rapl(root)
    energy = root / "intel-rapl:0" / "energy_uj"
    energy.unlink()
    assert devices(sensor) == ["package-0-die-1"]
    energy.write_text("not a number")
    assert devices(sensor) == ["package-0-die-1"]
    assert sensor.failures == 2
    energy.write_text("2000000")
    assert [reading.value for reading in sensor.read()] == [1, 0]
    assert sensor.failures == 2


def test_a_container_with_dangling_links_has_no_sensor(tmp_path: Path) -> None:
    (tmp_path / "intel-rapl:0").symlink_to(tmp_path / "masked" / "intel-rapl:0")
    assert isinstance(open_rapl(tmp_path), NullSensor)


def test_no_powercap_class_is_a_null_sensor(tmp_path: Path) -> None:
    assert isinstance(open_rapl(tmp_path / "absent"), NullSensor)
