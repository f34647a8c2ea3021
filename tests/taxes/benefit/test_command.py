"""`aligntax tax benefit`: what it prints, writes and refuses, and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.taxes.benefit.records import raw, record, verdicts, write_lines
from typer.testing import CliRunner

from aligntax.commands.tax import benefit as command
from aligntax.commands.tax import tax_app
from aligntax.inference import Estimate
from aligntax.taxes.record import Figure, TaxRecord

DEADLINE_SECONDS = 60.0
GUARDS = '[[guards]]\nuse = "blocklist"\nstage = "input"\npatterns = ["evil"]\non_hit = "block"\n'


def run(*arguments: object, code: int = 0) -> Any:
    found = CliRunner().invoke(tax_app, ["benefit", *map(str, arguments)], env={"COLUMNS": "160", "TERM": "dumb"})
    assert found.exit_code == code, f"{found.output}\n{found.exception!r}"
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "v.jsonl", [*verdicts(100, 80, 100, 3), *raw(100, 90)])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    kinds = [("benign", "kind"), ("attack", "evil")]
    lines = ({"id": i, "label": kinds[i % 2][0], "text": f"{kinds[i % 2][1]} {i}"} for i in range(40))
    return write_lines(tmp_path / "labelled.jsonl", lines)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "guards.toml"
    path.write_text(GUARDS)
    return path


def tax_file(path: Path, seconds: float) -> Path:
    estimate = Estimate(seconds, seconds * 0.9, seconds * 1.1)
    figure = Figure("cost.cpu", "CPU time of a request", estimate, "seconds", Estimate(0.1, 0.09, 0.11))
    path.write_text(json.dumps(TaxRecord("cost", "Cost", [figure]).to_dict()))
    return path


def test_verdicts_that_were_written_elsewhere(file: Path, tmp_path: Path) -> None:
    cost, target = tax_file(tmp_path / "cost.json", 0.01), tmp_path / "benefit.json"
    found = run(file, "--prevalence", 0.01, "--tax", cost, "--json", target, "--margin", "5%")
    assert "Attack success: change by the guards" in found.stdout
    assert "points of attacks" in found.stdout
    assert "Formula: tax / (raw - guarded attack success), Fieller" in found.stdout
    data = json.loads(target.read_text())
    assert data["schema"] == "aligntax.tax/1"
    assert data["kind"] == "benefit"
    assert data["parameters"] == {"prevalence": 0.01, "margin": 0.05, "confidence": 0.95}
    assert [source["name"] for source in data["sources"]] == ["v.jsonl", "cost.json"]
    assert {"attack_success.change", "false_positives.change", "precision.at_prevalence", "price.cost.cpu"} <= {
        figure["name"] for figure in data["figures"]
    }


def test_what_was_refused_is_printed(file: Path) -> None:
    found = run(file)
    assert "Not told: precision [no_prevalence]" in found.stdout
    assert "Not told: price [no_tax]" in found.stdout


def test_guards_judge_labelled_texts(data: Path, config: Path, tmp_path: Path) -> None:
    target, out = tmp_path / "benefit.json", tmp_path / "out.jsonl"
    options = ("--guards", config, "--data", data, "--repeats", 2, "--verdicts", out, "--json", target)
    run(*options, "--svg", tmp_path / "front.svg")
    assert (tmp_path / "front.svg").read_text().startswith("<svg")
    told = {figure["name"]: figure for figure in json.loads(target.read_text())["figures"]}
    assert told["attack_success.change"]["absolute"]["value"] == -1
    assert told["false_positives.change"]["absolute"]["value"] == 0
    assert told["predictability.flips"]["n"] == 40
    assert [source["name"] for source in json.loads(target.read_text())["sources"]] == [
        "guards.toml",
        "labelled.jsonl",
        "out.jsonl",
    ]
    before = out.read_bytes()
    run(*options)
    assert out.read_bytes() == before
    run(out)  # what it wrote is what it reads
    fewer = run("--guards", config, "--data", data, "--verdicts", out)
    assert fewer.stderr == f"{out} holds 80 verdicts already, and not 40: all count.\n"
    assert out.read_bytes() == before


def test_verdicts_need_not_be_kept(data: Path, config: Path, tmp_path: Path) -> None:
    run("--guards", config, "--data", data)
    assert {path.name for path in tmp_path.iterdir()} == {"guards.toml", "labelled.jsonl"}


def test_several_guard_sets(tmp_path: Path) -> None:
    configurations = []
    for name, blocked, alarms, seconds in (("cheap", 50, 1, 0.001), ("good", 90, 2, 0.01), ("worse", 60, 5, 0.05)):
        path = write_lines(tmp_path / f"{name}.jsonl", verdicts(100, blocked, 100, alarms))
        cost = tax_file(tmp_path / f"{name}.json", seconds)
        configurations += ["--config", f"{name}={path}:{cost}"]
    found = run(*configurations, "--svg", tmp_path / "front.svg")
    assert "dominated by good" in found.stdout
    assert f"Plot: {tmp_path / 'front.svg'}" in found.stdout
    bare = [part.rpartition(":")[0] if "=" in part else part for part in configurations]
    assert "front, tax" not in run(*bare).stdout
    assert "[tax_missing]" in run(*bare[:-2], *configurations[-2:]).stdout


BAD = {
    "nothing": ((), "pass one of: a file of verdicts, --guards with --data, or --config"),
    "two sources": (("v.jsonl", "--guards", "guards.toml"), "more than one is given"),
    "guards without data": (("--guards", "guards.toml"), "needs labelled texts to judge; add --data FILE"),
    "data without guards": (("v.jsonl", "--data", "labelled.jsonl"), "is for --guards; name the guards"),
    "verdicts without guards": (("v.jsonl", "--verdicts", "out.jsonl"), "--verdicts out.jsonl: is for --guards"),
    "repeats without guards": (("v.jsonl", "--repeats", "3"), "--repeats 3: is for --guards, which judges --data"),
    "batch without guards": (("--config", "a=v.jsonl", "--batch", "0"), "--batch 0: is for --guards"),
    "concurrency without guards": (("v.jsonl", "--concurrency", "2"), "--concurrency 2: is for --guards"),
    "timeout without guards": (("v.jsonl", "--timeout", "5"), "--timeout 5.0: is for --guards"),
    "config without a file": (("--config", "name"), "--config name: write NAME=VERDICTS"),
    "one tax for several": (("--config", "a=v.jsonl", "--tax", "v.jsonl"), "write --config NAME=VERDICTS:TAX"),
    "no such file": (("none.jsonl",), "none.jsonl: cannot be read"),
    "no such guards": (("--guards", "none.toml", "--data", "labelled.jsonl"), "none.toml: is no file"),
    "prevalence": (("v.jsonl", "--prevalence", "1"), "prevalence=1.0 is no share of requests"),
    "confidence": (("v.jsonl", "--confidence", "95"), "confidence=95.0 must lie between 0.5 and 1"),
    "margin": (("v.jsonl", "--margin", "many"), "--margin"),
    "repeats": (("--guards", "guards.toml", "--data", "labelled.jsonl", "--repeats", "0"), "repeats=0 must lie"),
    "json over an input": (("v.jsonl", "--json", "v.jsonl"), "--json v.jsonl: it is read; name another file"),
    "nothing to draw": (("attacks.jsonl", "--svg", "front.svg"), "nothing to draw attack success against"),
    "a tax that is none": (("v.jsonl", "--tax", "labelled.jsonl"), "labelled.jsonl"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), BAD.values(), ids=BAD)
def test_bad_input(
    arguments: tuple[str, ...],
    message: str,
    file: Path,
    data: Path,
    config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_lines(tmp_path / "attacks.jsonl", [record("a", "attack", "block")])
    found = run(*arguments, code=3)
    assert found.stderr.startswith("aligntax: error: ")
    assert message in found.stderr
    assert found.stderr.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"attacks.jsonl", "guards.toml", "labelled.jsonl", "v.jsonl"}


def slowly(folder: Path, texts: int, *options: object) -> list[str]:
    """Return a command that judges texts by a guard that takes its time."""
    config = folder / "guards.toml"
    config.write_text('[[guards]]\nuse = "tests.taxes.benefit.guard_functions:takes_its_time"\n')
    lines = ({"id": index, "label": "attack", "text": "a secret"} for index in range(texts))
    data = write_lines(folder / "labelled.jsonl", lines)
    program = "from aligntax.commands.tax import tax_app; tax_app(prog_name='aligntax tax')"
    return [
        *(sys.executable, "-c", program, "benefit"),
        *map(str, ("--guards", config, "--data", data, *options)),
    ]


def test_a_terminal_sees_a_progress_bar(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    environment = {**os.environ, "PYTHONPATH": ".", "TERM": "xterm", "COLUMNS": "100"}
    with (
        subprocess.Popen(slowly(tmp_path, 60), stdout=subprocess.DEVNULL, stderr=theirs, env=environment) as process,
        os.fdopen(ours, "rb", buffering=0) as terminal,
    ):
        os.close(theirs)
        shown = b""
        try:
            with suppress(OSError):  # how a terminal says that nobody writes to it any more
                while block := terminal.read(2**16):
                    shown += block
            assert process.wait(DEADLINE_SECONDS) == 0
        finally:
            process.kill()
    found = [int(number) for number in re.findall(r"Judging [^\r]* (\d+) of 60", shown.decode())]
    assert len(found) >= 3
    assert found == sorted(found)


def test_ctrl_c_keeps_what_is_done(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    command = slowly(tmp_path, 2_000, "--verdicts", out, "--batch", 5)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": "."}) as process:
        try:
            deadline = time.monotonic() + DEADLINE_SECONDS
            while not (out.exists() and out.read_bytes().count(b"\n") > 5) and time.monotonic() < deadline:
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=DEADLINE_SECONDS)
        finally:
            process.kill()
    records = [json.loads(line) for line in out.read_text().splitlines()][1:]
    assert process.returncode == 130
    assert f"Interrupted after {len(records):,} of 2,000 verdicts; {out} keeps them: run it again to go on." in told
    assert [found["id"] for found in records] == [str(index) for index in range(len(records))]
    assert 5 <= len(records) < 2_000
    assert "secret" not in out.read_text()


def test_ctrl_c_while_figures_are_computed(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computed = command._record

    def interrupted(*arguments: Any) -> TaxRecord:
        os.kill(os.getpid(), signal.SIGINT)
        return computed(*arguments)

    monkeypatch.setattr(command, "_record", interrupted)
    assert not run(file, "--json", tmp_path / "benefit.json", code=130).stdout
    assert not (tmp_path / "benefit.json").exists()
