"""What is checked in is what the generator writes, and all of it is filled in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aligntax.deploy import Settings
from aligntax.deploy.generate import COMMAND, DATA, FILES
from aligntax.deploy.pack import read_pack

WRITTEN_BY_HAND = {
    "compose.yml",
    "grafana/provisioning/dashboards/aligntax.yml",
    "grafana/provisioning/datasources/aligntax.yml",
    "prometheus/prometheus.yml",
}


@pytest.mark.parametrize("name", FILES)
def test_nothing_has_drifted(name: str) -> None:
    assert (DATA / name).read_text(encoding="utf-8") == FILES[name](), f"it has drifted; mend it with: {COMMAND}"


def test_the_package_holds_these_files_and_no_others() -> None:
    found = {path.relative_to(DATA).as_posix() for path in DATA.rglob("*") if path.is_file()}
    assert found == WRITTEN_BY_HAND | set(FILES)
    assert {path.as_posix() for path in read_pack(Settings())} == found


def test_every_placeholder_is_filled_in() -> None:
    settings = Settings(1.0, 2.5e-5, ("ten.example:1", "[::1]:2"), 12345, 23456)
    pack = {path.as_posix(): text for path, text in read_pack(settings).items()}
    assert not [name for name, text in pack.items() if "@{" in text]
    assert 'le="1.0"' in pack["prometheus/rules/recording.yml"]
    assert 'le="2.5e-05"' in pack["prometheus/rules/recording.yml"]
    assert '["ten.example:1", "[::1]:2"]' in pack["prometheus/prometheus.yml"]
    assert "127.0.0.1:12345" in pack["compose.yml"]
    assert '"23456"' in pack["compose.yml"]
    assert "http://127.0.0.1:12345" in pack["grafana/provisioning/datasources/aligntax.yml"]


def test_every_setting_is_used() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in DATA.rglob("*") if path.is_file())
    assert set(re.findall(r"@\{(\w+)\}", sources)) == set(Settings().values())


def test_lines_end_as_they_should(pack: Path) -> None:
    for path in pack.rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            assert text.endswith("\n"), path
            assert not [line for line in text.splitlines() if line != line.rstrip()], path
