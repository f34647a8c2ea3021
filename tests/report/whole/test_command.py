"""`aligntax report`: what it reads, writes and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer

from aligntax.commands.report import EXAMPLES, report

from ...taxes.whole.records import everything, performance, write


class Ended(NamedTuple):
    """What the command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Ended]:
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.chdir(tmp_path)
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command(epilog=EXAMPLES)(report)

    def run(*arguments: object) -> Ended:
        capfd.readouterr()
        code = app([str(argument) for argument in arguments], standalone_mode=False)
        return Ended(int(code or 0), *capfd.readouterr())

    return run


def test_it_writes_all_that_is_asked_for(run: Callable[..., Ended], tmp_path: Path) -> None:
    everything(tmp_path / "shop")
    found = run("shop", "--html", "r.html", "--json", "r.json", "--markdown", "r.md", "--name", "Shop, spring")
    assert (found.code, found.err) == (0, "")
    assert found.out.startswith("Alignment tax of Shop, spring\nRaw performance 100, after alignment 95.0: ")
    assert "Over 5 releases, performance: declines." in found.out
    assert "Not measured: cost." in found.out
    assert "Left out: 2026-03-v1.4/notes.json" in found.out
    whole = json.loads((tmp_path / "r.json").read_text())
    assert (whole["schema"], whole["title"]) == ("aligntax.whole/1", "Shop, spring")
    assert "<h1>Shop, spring</h1>" in (tmp_path / "r.html").read_text()
    assert "# Alignment tax of Shop, spring" in (tmp_path / "r.md").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.html", "r.json", "r.md", "shop"]


def test_the_table_alone_writes_nothing(run: Callable[..., Ended], tmp_path: Path) -> None:
    write(tmp_path, {"p.json": performance()})
    assert run("p.json").code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["p.json"]


def test_what_is_read_from_a_folder_is_not_written_over(run: Callable[..., Ended], tmp_path: Path) -> None:
    everything(tmp_path / "shop")
    record = tmp_path / "shop" / "2026-03-v1.4" / "benefit.json"
    before = record.read_bytes()
    found = run("shop", "--json", "shop/2026-03-v1.4/benefit.json")
    assert (found.code, found.out) == (3, "")
    assert "--json shop/2026-03-v1.4/benefit.json: it is read; name another file" in found.err
    assert record.read_bytes() == before
    for _ in range(2):  # the report of before is none of its own records
        assert run("shop", "--json", "shop/whole.json").code == 0


def test_a_folder_of_reports_gives_the_trend(run: Callable[..., Ended], tmp_path: Path) -> None:
    everything(tmp_path / "shop")
    (tmp_path / "reports").mkdir()
    for release in sorted((tmp_path / "shop").iterdir()):
        assert run(f"shop/{release.name}", "--json", f"reports/{release.name}.json").code == 0
    found = run("reports", "--html", "trend.html")
    assert (found.code, found.err) == (0, "")
    assert "Over 5 releases, performance: declines." in found.out
    assert 'id="trend"' in (tmp_path / "trend.html").read_text()
    assert "it is read" in run("reports", "--json", "reports/2026-03-v1.4.json").err


def test_any_subfolder_may_be_a_release(run: Callable[..., Ended], tmp_path: Path) -> None:
    write(tmp_path, {f"all/v{number}/p.json": performance(0.1 - number / 100) for number in range(4)})
    assert "Over 4 releases, performance: " in run("all", "--releases").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.json"], "nothing.json: there is no such file or folder"),
        (["empty"], "empty: no record and no result there"),
        (["foreign.json"], "foreign.json: has no schema, so it is neither a record"),
        (["p.json", "--html", "p.json"], "--html p.json: it is read; name another file"),
        (["p.json", "--html", "x", "--json", "x"], "--json x: --html writes it, too"),
        (["p.json", "--markdown", "no/such/file.md"], "cannot write there"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    run: Callable[..., Ended], tmp_path: Path, arguments: list[Any], message: str
) -> None:
    write(tmp_path, {"p.json": performance(), "foreign.json": "[]"})
    (tmp_path / "empty").mkdir()
    before = {path: path.read_bytes() for path in tmp_path.glob("*.json")}
    found = run(*arguments)
    assert (found.code, found.out) == (3, "")
    assert found.err.startswith("aligntax: error: ")
    assert found.err.count("\n") == 1
    assert message in found.err
    assert {path: path.read_bytes() for path in tmp_path.glob("*") if path.is_file()} == before
