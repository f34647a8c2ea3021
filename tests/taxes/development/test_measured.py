"""What guards take before the first request: real processes, real distributions, and the cold start of a result."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from tests.experiment.results import make_result
from tests.taxes.one_command import figures, reasons, refused, run

from aligntax.experiment.result import write_json
from aligntax.taxes.development import development_tax
from aligntax.taxes.development.installed import installed_for
from aligntax.taxes.footprint import RUNS, Footprint

ROOT = Path(__file__).parents[3]
GUARDS = "tests.taxes.development.guards_of_tests"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the processes that are started find the guards of this folder."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def config(folder: Path, *guards: str) -> Path:
    path = folder / "guards.toml"
    path.write_text("\n".join(f"[[guards]]\n{guard}\n" for guard in guards))
    return path


def test_guards_of_users(tmp_path: Path) -> None:
    path = config(
        tmp_path,
        f'use = "{GUARDS}:Hoarder"\nmebibytes = 64',
        f'use = "{GUARDS}:wait"\nname = "wait"\nstage = "output"',
    )
    record = development_tax(guards=path)
    found = figures(record)
    assert 60 * 2**20 < found["hoarder.memory_bytes"].absolute.value < 100 * 2**20
    assert found["wait.memory_bytes"].absolute.value < 20 * 2**20
    assert 0 < found["wait.ready_seconds"].absolute.value < 60
    assert [found[f"wait.{part}"].n for part in ("ready_seconds", "memory_bytes", "dependencies")] == [RUNS, RUNS, None]
    assert found["hoarder.knobs_set"].absolute.value == 1
    assert found["hoarder.knobs_set"].more == {"keys": ["mebibytes"]}
    assert "hoarder.knobs" not in found, "only a catalogue says what keys there are"
    # Neither compiles anything, and that is no zero.
    assert not any("compile" in name for name in found)
    assert found["hoarder.dependencies"].absolute.value == 0
    # A module of the application is of no distribution.
    assert reasons(record) == {
        "ledger": "no_ledger",
        "hoarder.installed_bytes": "no_distribution",
        "wait.installed_bytes": "no_distribution",
    }


def test_a_guard_with_a_kernel(tmp_path: Path) -> None:
    path = config(tmp_path, 'use = "entropy_gate"\nabove = 4.5')
    found = figures(development_tax(guards=path))
    names = found["entropy_gate.dependencies"].more["names"]
    assert {"numba", "llvmlite"} <= set(names)
    assert "aligntax" not in names
    assert found["entropy_gate.dependencies"].absolute.value == len(names)
    assert found["entropy_gate.installed_bytes"].absolute.value > 10 * 2**20
    assert found["entropy_gate.memory_bytes"].absolute.value > 10 * 2**20
    # The first process finds no compiled kernel, and the others do.
    assert found["entropy_gate.compile_seconds"].absolute.value > 0.1
    assert found["entropy_gate.knobs"].absolute.value > found["entropy_gate.knobs_set"].absolute.value == 1
    assert str(RUNS) in found["entropy_gate.ready_seconds"].formula
    # It stands between a model and its next token: there is nothing to call it with.
    assert found["entropy_gate.ready_seconds"].marks == ("without a first call",)


@pytest.mark.parametrize(
    ("guards", "message"),
    [
        ((f'use = "{GUARDS}:broken"\nstage = "input"',), "guard 1 could not be measured: RuntimeError: no such model"),
        (('use = "nothing"',), "guards.toml: guard 1 could not be measured: use='nothing' is no guard"),
        (('stage = "input"',), "no list of guards in it; write [[guards]] and use = ..."),
        ((), "no list of guards in it"),
        ((f'use = "{GUARDS}:shorten"\nstage = "input"',) * 2, "guards 1 and 2 are both called 'shorten'; give one"),
    ],
)
def test_bad_guards(guards: tuple[str, ...], message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    refused(run(capfd, "development", "--guards", config(tmp_path, *guards)), message)


def test_a_system_that_does_not_tell_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    untold = Footprint("slow", 0.5, None, None, (), GUARDS, called=True)
    monkeypatch.setattr("aligntax.taxes.development.measure_footprint", lambda *_: untold)
    record = development_tax(guards=config(tmp_path, f'use = "{GUARDS}:wait"'))
    assert reasons(record)["slow.memory_bytes"] == "no_proc"
    assert "slow.memory_bytes" not in figures(record)


def test_ctrl_c(tmp_path: Path) -> None:
    path = config(tmp_path, 'use = "blocklist"\nstage = "input"\npatterns = ["forbiddenword"]')
    code = (
        "import sys, typer\n"
        "from aligntax.commands.tax.development import development\n"
        "app = typer.Typer(); app.command()(development)\n"
        "sys.stderr.write('ready\\n'); sys.stderr.flush()\n"
        f"sys.exit(app(['--guards', {str(path)!r}, '--json', {str(tmp_path / 'out.json')!r}], standalone_mode=False))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        assert process.stderr.readline() == "ready\n"
        deadline = time.monotonic() + 60
        while not _children(process.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    finally:
        process.kill()
        process.communicate()
    assert not (tmp_path / "out.json").exists()


def _children(pid: int) -> str:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return path.read_text() if path.exists() else ""


def test_installed_for_a_package() -> None:
    found = installed_for(["scipy", "json", "os", "_private", "aligntax_kernels", "no_such_module"])
    assert {"scipy", "numpy"} <= set(found.distributions)
    assert found.unknown == ("no_such_module",)
    listed = [Path(str(file.locate())) for file in metadata.distribution("scipy").files or ()]
    assert found.bytes >= sum(path.stat().st_size for path in listed if path.is_file())


def test_nothing_beyond_aligntax() -> None:
    assert installed_for(["aligntax", "json"]) == ((), 0, ())


def _estimate(value: float) -> dict[str, float | None]:
    return {"value": value, "low": None, "high": None}


def test_the_cold_start_of_a_result(tmp_path: Path) -> None:
    raw = np.full(8, 0.1)
    cold = {
        "runs": 3,
        "raw": {"import_seconds": _estimate(2.0), "first_call_seconds": _estimate(0.4)},
        "guarded": {"import_seconds": _estimate(2.0), "first_call_seconds": _estimate(0.5)},
    }
    write_json(tmp_path / "with.json", make_result(raw, raw, cold_start=cold))
    found = figures(development_tax(bench=tmp_path / "with.json"))
    first = found["cold_start.first_call"]
    assert first.absolute == (pytest.approx(0.1), None, None)
    assert first.relative.value == pytest.approx(0.25)
    assert (first.raw, first.n) == (0.4, 3)
    assert found["cold_start.import"].absolute.value == 2.0

    write_json(tmp_path / "without.json", make_result(raw, raw))
    record = development_tax(bench=tmp_path / "without.json")
    assert reasons(record) == {"ledger": "no_ledger", "cold_start": "not_measured"}

    del cold["raw"]
    write_json(tmp_path / "half.json", make_result(raw, raw, cold_start=cold))
    with pytest.raises(ValueError, match=r"half\.json: its cold start lacks 'raw'; measure it anew"):
        development_tax(bench=tmp_path / "half.json")


def test_bad_results(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    refused(run(capfd, "development", "--bench", tmp_path / "none.json"), "none.json: cannot be read")
    refused(run(capfd, "development"), "nothing to tell a development tax from")
    refused(run(capfd, "development", "--json", tmp_path / "none" / "x.json"), "cannot write there")
