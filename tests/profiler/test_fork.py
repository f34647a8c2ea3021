"""A forked child records, drains and reports by itself, whatever its parent's threads held when it was made."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import json, os, sys, threading
from aligntax import Profiler

profiler = Profiler(drain_seconds=0.001, cpu_share=1.0)
guard = profiler.guard(lambda text: text, name="guard")


def serve(count):
    for _ in range(count):
        with profiler.request():
            guard("x")


serve(10)
profiler.drain()
stop = threading.Event()


def busy():
    while not stop.is_set():
        serve(1)


threads = [threading.Thread(target=busy) for _ in range(2)]
for thread in threads:
    thread.start()
# Whatever lock is held by another thread now would be held for ever in a child that kept it.
for held in ({held}):
    held.acquire()
child = os.fork()
if child == 0:
    before = profiler.report().to_dict()["requests"]
    serve(25)
    after = profiler.report().to_dict()["requests"]
    threads_alive = sorted(thread.name for thread in threading.enumerate())
    profiler.close()
    print(json.dumps({{"requests": after - before, "threads": threads_alive}}), flush=True)
    os._exit(0)
for held in ({held}):
    held.release()
_, status = os.waitpid(child, 0)
stop.set()
for thread in threads:
    thread.join()
sys.exit(os.waitstatus_to_exitcode(status) or profiler.report().to_dict()["requests"] < 10)
"""


@pytest.mark.parametrize(
    "held",
    [
        "",
        "profiler.ledger.lock,",
        "profiler._drain._lock,",
        "profiler._thread._lock,",
        "profiler.recorder.drops._lock,",
        "profiler._intake.half_full._cond,",
    ],
)
def test_a_forked_child_is_whole(held: str) -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM.format(held=held)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == '{"requests": 25, "threads": ["MainThread", "aligntax-drain"]}\n'
