"""A forked child is a worker of its own from its first request on, and never writes to its parent's file."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aligntax import Profiler
from aligntax.workers.reading import read

Start = Callable[..., Any]

PROGRAM = """
import os, sys, threading
from aligntax import Profiler

profiler = Profiler(ledger_dir=sys.argv[1], drain_seconds=0.001, cpu_share=1.0, queue_size=1_000_000)
guard = profiler.guard(lambda text: text, name="guard")


def serve(count):
    for _ in range(count):
        with profiler.request():
            guard("x")


stop, served = threading.Event(), []


def busy():
    while not stop.is_set():
        serve(1)
        served.append(1)


threads = [threading.Thread(target=busy) for _ in range(2)]
for thread in threads:
    thread.start()
children = []
for number in range(8):
    child = os.fork()
    if child == 0:
        assert int(profiler.ledger.buffer.any()) == 0, "starts from zero"
        assert profiler.in_progress() == {"guard": 0}
        serve(25)
        profiler.drain()
        assert int(profiler.ledger.requests.sum()) == 25, "only its own"
        if number % 2:
            profiler.close()
        os._exit(0)
    children.append(child)
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
stop.set()
for thread in threads:
    thread.join()
profiler.drain()
assert codes == [0] * 8, codes
assert int(profiler.ledger.requests.sum()) == len(served)
assert profiler.report().to_dict()["requests"] == len(served) + 8 * 25
"""


def test_children_of_a_busy_parent_count_only_their_own(folder: Path) -> None:
    """Requests that the parent has not drained yet, or is in the middle of draining, are the parent's."""
    command = [sys.executable, "-W", "error", "-c", PROGRAM, str(folder)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_a_killed_child_is_counted(start: Start) -> None:
    worker = start()
    worker("serve 3")
    for _ in range(2):
        worker("fork 10")
    assert worker("requests") == 23
    assert worker("own") == 3


def test_a_child_that_records_nothing_makes_no_file_and_keeps_no_lock(folder: Path) -> None:
    profiler = Profiler(ledger_dir=folder, drain_seconds=0)
    assert profiler.worker is not None
    assert profiler.worker._file is not None
    path = profiler.worker._file.path
    release, running = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.write(running[1], b"x")
        os.read(release[0], 1)
        os._exit(0)
    try:
        os.read(running[0], 1)
        assert list(folder.glob("[0-9]*.ledger")) == [path]
        assert read(path).alive
        profiler.close()
        assert not read(path).alive  # though the child, which had the lock's descriptor, is alive
    finally:
        os.write(release[1], b"x")
        os.waitpid(child, 0)
        for descriptor in (*release, *running):
            os.close(descriptor)


def test_a_child_outlives_its_parent_and_its_parents_file(start: Start, folder: Path) -> None:
    reader = start()
    program = (
        "import os, sys\n"
        "from aligntax import Profiler\n"
        "profiler = Profiler(ledger_dir=sys.argv[1], server='test', drain_seconds=0)\n"
        "def serve(count):\n"
        "    for _ in range(count):\n"
        "        with profiler.request(), profiler.layer('guard'): pass\n"
        "    profiler.drain()\n"
        "serve(2)\n"
        "if os.fork():\n"
        "    os.kill(os.getpid(), 9)\n"
        "sys.stdin.readline()\n"
        "serve(5)\n"
        "print('served', flush=True)\n"
        "sys.stdin.readline()\n"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", program, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert run.wait(timeout=60) == -9
    assert run.stdin is not None
    assert run.stdout is not None
    assert [reader("requests") for _ in range(2)] == [2, 2]
    assert len(list(folder.glob("[0-9]*.ledger"))) == 1
    run.stdin.write("go\n")
    run.stdin.flush()
    assert run.stdout.readline() == "served\n"
    assert reader("requests") == 7
    assert len(list(folder.glob("[0-9]*.ledger"))) == 2
    run.communicate("end\n")


@pytest.mark.parametrize("number", range(3))
def test_a_profiler_that_is_forgotten_gives_its_file_up(folder: Path, number: int) -> None:
    import gc

    profiler: Profiler | None = Profiler(ledger_dir=folder, drain_seconds=0)
    assert profiler is not None
    with profiler.request():
        pass
    profiler.drain()
    profiler = None
    gc.collect()
    with Profiler(ledger_dir=folder, drain_seconds=0) as other:
        assert other.report().to_dict()["requests"] == 1
        assert len(list(folder.glob("[0-9]*.ledger"))) == 1
