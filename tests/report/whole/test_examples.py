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

from aligntax.cli import main
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


@pytest.mark.parametrize("name", ["performance", "capability", "benefit", "configurations", "scaling", "cost", "debt"])
@pytest.mark.usefixtures("make")
def test_what_is_not_timed_is_what_the_commands_find_today(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [one for one in loaded("measure").commands() if one.endswith(f"/{name}.json")][-1]
    del sys.modules["measure"]
    kept, made = EXAMPLES.parent / command.split()[-1], tmp_path / f"{name}.json"
    monkeypatch.chdir(EXAMPLES.parent)
    assert main([*command.split()[:-1], str(made)]) == 0
    old, new = (json.loads(path.read_text(encoding="utf-8")) for path in (kept, made))
    assert {**new, "figures": [], "created": "", "more": {}} == {**old, "figures": [], "created": "", "more": {}}
    assert len(old["figures"]) == len(new["figures"])
    for before, after in zip(old["figures"], new["figures"], strict=True):
        for part in ("absolute", "relative"):
            found = [one.pop(part) or {} for one in (before, after)]
            ends = [{name: end for name, end in one.items() if end is not None} for one in found]
            assert ends[1] == pytest.approx(ends[0], rel=1e-6, abs=1e-9), f"{before['name']}, {part}"
        assert {**after, "more": {}, "p": None, "raw": None} == {**before, "more": {}, "p": None, "raw": None}


def test_one_command_joins_them_and_every_kind_of_tax_is_there(tmp_path: Path) -> None:
    whole = join(read_inputs([EXAMPLES / "records"]))
    assert whole["not_measured"] == whole["left_out"] == []
    assert whole["definition"].startswith("Raw performance 100, after alignment 9")
    assert len(whole["releases"]) == 5
    assert {one["kind"]: one["verdict"] for one in whole["trend"] if one["headline"]}["performance"] == "declines"
    assert len(whole["trade_off"]["front"]["points"]) == 4
    write_whole_page(whole, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.index("behind these figures are made up") < page.index("<section")
    assert (tmp_path / "report.html").stat().st_size < 2**20
    (tmp_path / "whole.json").write_text(json.dumps(whole))
    judged = judge(read_measured(tmp_path / "whole.json"), read_budget(EXAMPLES / "budget.toml"))
    assert judged.standing is Standing.PASSED
