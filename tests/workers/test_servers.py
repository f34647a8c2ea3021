"""Which processes are workers of one server, and what happens to a second server in the same folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aligntax import Profiler
from aligntax.workers import identity
from aligntax.workers.folder import LedgerFolder
from aligntax.workers.identity import Server, machine, started, this_server

Start = Callable[..., Any]
SHOW = "from aligntax.workers.identity import this_server; print(this_server().pid)"


def test_a_second_server_is_refused_with_both_named(start: Start, folder: Path) -> None:
    first = start(server=None)
    first("serve 3")
    with pytest.raises(AssertionError) as refused:
        start(server=None)
    message = str(refused.value)
    assert f"ledger_dir={str(folder)!r} is in use by process {first.pid} (" in message
    assert "cannot be shared by process" in message
    assert "give each server a folder of its own" in message
    with pytest.raises(AssertionError, match="cannot be shared by server 'other'"):
        start(server="other")
    assert first("requests") == 3


def test_a_server_whose_workers_restart_keeps_its_folder(folder: Path, start: Start) -> None:
    """The parent is alive and has no worker just now."""
    parent = Server(os.getpid(), started(os.getpid()) or 0, machine(), "pytest")
    folder.mkdir()
    LedgerFolder(folder)._write_server(parent, [])
    with pytest.raises(AssertionError, match=f"in use by process {os.getpid()} \\('pytest'\\)"):
        start(server=None)


def test_the_folder_of_a_dead_server_is_taken_over_with_its_counts(start: Start) -> None:
    first = start(server=None)
    first("serve 3")
    first.kill()
    second = start(server=None)
    second("serve 4")
    assert second("requests") == 7
    second.kill()
    assert start(server="named")("requests") == 7


def test_a_server_of_another_boot_or_namespace_is_not_taken_for_a_process_of_this_one() -> None:
    here = this_server()
    assert here.is_alive
    assert not replace(here, machine="another boot").is_alive
    assert not replace(here, start_ticks=here.start_ticks + 1).is_alive
    assert not this_server("named").is_alive
    assert Server.from_dict(here.to_dict()) == here


def test_a_zombie_is_dead() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert started(child) is None
    os.waitpid(child, 0)
    assert started(child) is None


def test_a_process_with_brackets_and_spaces_in_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(identity, "PROC", tmp_path)
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_text("7 (a) b (c)) S " + " ".join(map(str, range(4, 40))))
    assert started(7) == 22


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_workers_that_multiprocessing_starts_belong_to_their_parent(method: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", MULTIPROCESSING.format(method=method)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    parent, *servers = run.stdout.split()
    assert servers == [parent] * 2


MULTIPROCESSING = """
import multiprocessing, os
from aligntax.workers.identity import this_server
import concurrent.futures
if __name__ == "__main__":
    print(os.getpid(), flush=True)
    context = multiprocessing.get_context({method!r})
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        for server in [pool.submit(this_server) for _ in range(2)]:
            print(server.result().pid)
"""


def test_a_program_that_a_program_starts_is_a_server_by_itself() -> None:
    run = subprocess.Popen([sys.executable, "-c", SHOW], stdout=subprocess.PIPE, text=True)
    assert int(run.communicate(timeout=60)[0]) == run.pid


@pytest.mark.parametrize("manager", ["gunicorn", "bentoml"])
def test_a_program_that_a_manager_of_workers_starts_is_its_worker(tmp_path: Path, manager: str) -> None:
    master = tmp_path / manager
    master.write_text(f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {SHOW!r}])\n")
    run = subprocess.Popen([sys.executable, str(master)], stdout=subprocess.PIPE, text=True)
    assert int(run.communicate(timeout=60)[0]) == run.pid


@pytest.mark.parametrize("name", ["", "x" * 121, "a\nb", 7])
def test_names_that_cannot_be(folder: Path, name: Any) -> None:
    with pytest.raises(ValueError, match=r"server name .* must be a printable string"):
        Profiler(ledger_dir=folder, server=name)


def test_a_server_name_needs_a_folder() -> None:
    with pytest.raises(ValueError, match="server='x' names those who share a ledger_dir"):
        Profiler(server="x")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        Profiler(ledger_dir=tmp_path / "file" / "ledgers")
    with pytest.raises(FileExistsError):
        Profiler(ledger_dir=tmp_path / "file")


def test_no_command_line_is_kept(start: Start, folder: Path) -> None:
    """It may hold secrets."""
    start(server=None, layer="secret-in-the-arguments")
    for path in folder.iterdir():
        assert b"secret-in" not in path.read_bytes().replace(b"secret-in-the-arguments", b"", 1)
    assert "secret" not in (folder / "server.json").read_text()


def test_nothing_of_this_is_loaded_without_a_folder() -> None:
    program = "import sys, aligntax; aligntax.Profiler().report(); print([m for m in sys.modules if 'workers' in m])"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout == "[]\n"
