"""The examples: made up the same way every time, and joined by the one command that their page names."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from aligntax.experiment.gate import judge, read_budget, read_measured
from aligntax.experiment.gate.judging import Standing
from aligntax.report.whole import write_whole_page
from aligntax.taxes.whole import join, read_inputs

EXAMPLES = Path(__file__).parents[3] / "examples"


def loaded(name: str) -> ModuleType:
    spec = spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def make() -> Iterator[ModuleType]:
    yield loaded("make")
    del sys.modules["make"]


def test_the_data_is_what_its_program_makes(make: ModuleType) -> None:
    made = make.files()
    there = {
        path.relative_to(EXAMPLES / "data").as_posix() for path in (EXAMPLES / "data").rglob("*") if path.is_file()
    }
    assert there == made.keys()
    for name, text in made.items():
        assert (EXAMPLES / "data" / name).read_text(encoding="utf-8") == text


def test_the_records_are_those_of_the_commands_and_of_the_data(make: ModuleType) -> None:
    commands = [*loaded("measure").commands()]
    written = {word for command in commands for word in re.findall(r"--json (\S+)", command)}
    there = {path.relative_to(EXAMPLES.parent).as_posix() for path in EXAMPLES.rglob("*.json")}
    assert there == written
    known = {
        source["sha256"]
        for path in there
        for source in json.loads((EXAMPLES.parent / path).read_text()).get("sources", ())
    }
    for name, text in make.files().items():
        if not name.startswith("verdicts/"):
            assert sha256(text.encode()).hexdigest() in known, name
    del sys.modules["measure"]


def test_one_command_joins_them_and_every_kind_of_tax_is_there(tmp_path: Path) -> None:
    whole = join(read_inputs([EXAMPLES / "records"]))
    assert whole["not_measured"] == whole["left_out"] == []
    assert whole["definition"].startswith("Raw performance 100, after alignment 9")
    assert len(whole["releases"]) == 5
    assert {one["kind"]: one["verdict"] for one in whole["trend"] if one["headline"]}["performance"] == "declines"
    assert len(whole["trade_off"]["front"]["points"]) == 4
    write_whole_page(whole, tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size < 2**20
    (tmp_path / "whole.json").write_text(json.dumps(whole))
    judged = judge(read_measured(tmp_path / "whole.json"), read_budget(EXAMPLES / "budget.toml"))
    assert judged.standing is Standing.PASSED
