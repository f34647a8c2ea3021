"""One trace file of several processes: writers, forks, and one that has stopped."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest
from tests.exporters.jsonl.lines import lines_of, numbered, write

from aligntax.exporters import jsonl
from aligntax.exporters.jsonl import TraceFile

WRITER = """
import sys
from aligntax import Trace, attribute
from aligntax.exporters.jsonl import TraceFile

file = TraceFile(sys.argv[1], max_bytes=int(sys.argv[3]), backups=int(sys.argv[4]))
sys.stdin.readline()
for number in range(500):
    trace = Trace(0, number, trace_id=sys.argv[2])
    file(trace, attribute(trace))
file.close()
"""


@pytest.mark.parametrize(("max_bytes", "backups"), [(64 << 20, 1), (20_000, 50)], ids=["one file", "rotating"])
def test_processes_share_a_file_without_losing_or_mixing_a_line(path: Path, max_bytes: int, backups: int) -> None:
    command = [sys.executable, "-c", WRITER, str(path)]
    names = ("one", "two", "three")
    writers = [
        subprocess.Popen([*command, name, str(max_bytes), str(backups)], stdin=subprocess.PIPE) for name in names
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=60)
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    parts = sorted(path.parent.iterdir(), key=lambda part: -int(part.suffix[1:]) if part.suffix[1:].isdecimal() else 1)
    found: dict[str, list[int]] = {}
    for part in parts:
        assert part.stat().st_size <= 2 * max_bytes
        for line in lines_of(part):
            found.setdefault(line["trace_id"], []).append(line["duration_ns"])
    assert len(parts) > 5 if backups > 1 else len(parts) == 1
    assert {name: sorted(numbers) for name, numbers in found.items()} == {name: list(range(500)) for name in names}


FORK = """
import os, signal, sys
from aligntax import Trace, attribute
from aligntax.exporters.jsonl import TraceFile

signal.alarm(60)
file = TraceFile(sys.argv[1], max_bytes=4096, backups=50)

def write(name):
    for number in range(60):
        trace = Trace(0, number, trace_id=name)
        file(trace, attribute(trace))

file._lock.acquire()
child = os.fork()
if child == 0:
    write("child")
    file.close()
    os._exit(0)
file._lock.release()
write("parent")
assert os.waitpid(child, 0)[1] == 0
"""


def test_a_forked_child_writes_and_rotates_beside_its_parent(path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", FORK, str(path)], capture_output=True, text=True, timeout=90, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    parts = list(path.parent.iterdir())
    assert len(parts) > 3
    lines = [(line["trace_id"], line["duration_ns"]) for part in parts for line in lines_of(part)]
    assert sorted(lines) == [(name, number) for name in ("child", "parent") for number in range(60)]


def test_a_stopped_process_cannot_make_the_file_grow_without_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody holds the lock that a rotation takes, and does not rotate."""
    monkeypatch.setattr(jsonl, "PATIENCE_SECONDS", 0.01)
    file = TraceFile(path, max_bytes=4096, backups=1)

    def fill() -> None:
        for _ in range(100):
            write(file, numbered(1))

    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(TimeoutError, match="has stopped at the rotation"):
            fill()
        size = path.stat().st_size
        assert 4096 < size <= 2 * 4096
        with pytest.raises(TimeoutError, match="has stopped at the rotation"):
            write(file, numbered(1))
        assert path.stat().st_size == size
    write(file, numbered(2))
    file.close()
    assert [line["duration_ns"] for line in lines_of(path)] == [2]
