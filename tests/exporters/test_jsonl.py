"""Trace files: what a line says, rotation, several processes, forks, a full disk and a folder that is gone."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aligntax import Layer, Outcome, Profiler, Span, Trace, Verdict, attribute
from aligntax.exporters import jsonl
from aligntax.exporters.jsonl import TraceFile
from aligntax.exporters.record import MAX_SPANS
from aligntax.testing import FakeClock, taking

PII = Layer("pii", stage="input")
MODEL = Layer("gpt2", kind="model")
MILLISECOND = 1_000_000

TRACE = Trace(
    1_000,
    9_000,
    (
        Span(PII, 2_000, 2_500, Verdict.ERROR, cpu_ns=400, error_type="KeyError"),
        Span(MODEL, 3_000, 5_000, None, call=3, gpu_start_ns=3_100, gpu_end_ns=5_600, gpu_device="cuda:0"),
        Span(PII, 4_000, 4_500, Verdict.MODIFY, parent=1),
        Span(MODEL, 6_000, 7_000, call=3),
    ),
    Outcome.MODIFIED,
    "gpt2",
    'an "id"',
)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def numbered(number: int) -> Trace:
    return Trace(0, number)


def write(file: TraceFile, trace: Trace) -> None:
    file(trace, attribute(trace))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traces.jsonl"


def test_a_line_says_it_all(path: Path) -> None:
    clock = FakeClock(500_000)
    before = datetime.now(UTC)
    file = TraceFile(path, clock=clock)
    after = datetime.now(UTC)
    write(file, TRACE)
    file.close()
    (line,) = lines_of(path)
    start = datetime.fromisoformat(line.pop("start"))
    earlier = timedelta(microseconds=500 - 1)  # the request began before the file was made
    assert before - timedelta(milliseconds=1) <= start + earlier <= after
    found = attribute(TRACE)
    spans = line.pop("spans")
    assert line == {
        "schema": "aligntax.trace/1",
        "trace_id": 'an "id"',
        "model": "gpt2",
        "outcome": "modified",
        "duration_ns": 8_000,
        "raw_ns": found.raw_ns,
        "tax_ns": found.tax_ns,
        "unattributed_ns": found.unattributed_ns,
        "shares_ns": {"pii": found.layers["pii"].share_ns},
        "spans_left_out": 0,
    }
    assert sum(line["shares_ns"].values()) == line["tax_ns"] > 0
    nothing = dict.fromkeys(("parent", "call", "cpu_ns", "gpu_ns", "gpu_offset_ns", "gpu_device", "error_type"))
    pii = {"layer": "pii", "kind": "guard", "stage": "input"}
    model = {"layer": "gpt2", "kind": "model", "stage": "model"}
    assert spans == [
        nothing | pii | {"offset_ns": 1_000, "duration_ns": 500, "verdict": "error"}
        | {"cpu_ns": 400, "error_type": "KeyError"},
        nothing | model | {"offset_ns": 2_000, "duration_ns": 2_000, "verdict": None, "call": 3}
        | {"gpu_ns": 2_500, "gpu_offset_ns": 2_100, "gpu_device": "cuda:0"},
        nothing | pii | {"offset_ns": 3_000, "duration_ns": 500, "verdict": "modify", "parent": 1},
        nothing | model | {"offset_ns": 5_000, "duration_ns": 1_000, "verdict": "allow", "call": 3},
    ]  # fmt: skip


def test_a_profiler_s_requests_arrive_in_order_and_without_any_text(path: Path) -> None:
    clock = FakeClock()
    profiler = Profiler(clock=clock, drain_seconds=0)
    guard = profiler.guard(taking(clock, MILLISECOND, "the changed answer"), name="guard")
    file = TraceFile(path, clock=clock)
    profiler.subscribe(file)
    starts_ns = []
    for _ in range(3):
        clock.advance(3 * MILLISECOND)
        starts_ns.append(clock.now_ns)
        with profiler.request():
            guard("the prompt")
    profiler.close()
    file.close()
    lines = lines_of(path)
    times = [datetime.fromisoformat(line["start"]) for line in lines]
    assert [time - times[0] for time in times] == [timedelta(milliseconds=4 * number) for number in range(3)]
    assert [line["tax_ns"] for line in lines] == [MILLISECOND] * 3
    assert b"the " not in path.read_bytes()


def test_it_is_for_its_owner_alone(path: Path) -> None:
    old = os.umask(0)
    try:
        file = TraceFile(path, max_bytes=4096, backups=1)
        for number in range(40):
            write(file, numbered(number))
    finally:
        os.umask(old)
    file.close()
    found = sorted(path.parent.iterdir())
    assert [part.name for part in found] == ["traces.jsonl", "traces.jsonl.1"]
    assert {stat.S_IMODE(part.stat().st_mode) for part in found} == {0o600}


def test_files_stay_small_and_the_oldest_go(path: Path) -> None:
    file = TraceFile(path, max_bytes=4096, backups=2)
    for number in range(200):
        write(file, numbered(number))
    file.close()
    found = [path.with_name(f"{path.name}.{age}") for age in (2, 1)] + [path]
    assert sorted(path.parent.iterdir()) == sorted(found)
    assert all(2048 < part.stat().st_size <= 4096 for part in found[:2])
    kept = [line["duration_ns"] for part in found for line in lines_of(part)]
    assert kept == list(range(200 - len(kept), 200)), "what is kept are the last ones, in order"


def test_a_restart_goes_on_where_the_file_ends(path: Path) -> None:
    for number in range(2):
        file = TraceFile(path)
        write(file, numbered(number))
        file.close()
        file.close()
    assert [line["duration_ns"] for line in lines_of(path)] == [0, 1]


def test_many_spans_are_cut(path: Path) -> None:
    spans = [Span(PII, number, number + 1) for number in range(MAX_SPANS + 5)]
    spans[3] = spans[3]._replace(parent=MAX_SPANS + 1)
    spans[MAX_SPANS + 1] = Span(MODEL, 0, 100)
    file = TraceFile(path)
    write(file, Trace(0, 2 * MAX_SPANS, tuple(spans)))
    file.close()
    (line,) = lines_of(path)
    assert (len(line["spans"]), line["spans_left_out"]) == (MAX_SPANS, 5)
    assert line["spans"][3]["parent"] is None


def test_a_line_longer_than_a_file_is_refused(path: Path) -> None:
    file = TraceFile(path, max_bytes=4096)
    with pytest.raises(ValueError, match="raise max_bytes=4096"):
        write(file, Trace(0, 100, tuple(Span(PII, number, number + 1) for number in range(50))))
    write(file, numbered(1))
    file.close()
    assert [line["duration_ns"] for line in lines_of(path)] == [1]


def test_nothing_is_written_after_the_close(path: Path) -> None:
    file = TraceFile(path)
    file.close()
    with pytest.raises(ValueError, match="end its subscription before you close it"):
        write(file, TRACE)
    assert path.read_bytes() == b""


def test_bad_arguments(path: Path) -> None:
    with pytest.raises(ValueError, match="max_bytes=4095 is too small"):
        TraceFile(path, max_bytes=4095)
    with pytest.raises(ValueError, match="backups=0 is too small"):
        TraceFile(path, backups=0)
    with pytest.raises(ValueError, match="is no regular file"):
        TraceFile(path.parent)
    path.symlink_to(path.parent / "elsewhere")
    with pytest.raises(ValueError, match="is no regular file"):
        TraceFile(path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        TraceFile(path.parent / "nowhere" / "traces.jsonl")
    os.mkfifo(path.parent / "pipe")
    with pytest.raises(ValueError, match="is no regular file"):
        TraceFile(path.parent / "pipe")


@pytest.mark.parametrize("remove", [lambda path: path.unlink(), lambda path: path.rename(f"{path}.moved")])
def test_a_file_that_is_removed_or_moved_is_made_anew(path: Path, remove: Callable[[Path], object]) -> None:
    file = TraceFile(path)
    write(file, numbered(1))
    remove(path)
    write(file, numbered(2))
    file.close()
    assert [line["duration_ns"] for line in lines_of(path)] == [2]


def test_a_folder_that_is_gone_is_counted_and_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    profiler = Profiler(drain_seconds=0)
    file = TraceFile(folder / "traces.jsonl")
    profiler.subscribe(file)

    def serve() -> None:
        with profiler.request():
            pass
        profiler.drain()

    serve()
    shutil.rmtree(folder)
    for _ in range(3):
        serve()
    folder.mkdir()
    serve()
    file.close()
    report = profiler.report().to_dict()
    assert report["requests"] == 5
    assert report["self"]["dropped_by_reason"] == {"export": 3}
    assert len(lines_of(file.path)) == 1
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"FileNotFoundError: No such file or directory, {file.path}" in record.getMessage()


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from aligntax import Trace, attribute
from aligntax.exporters.jsonl import TraceFile

path = Path(sys.argv[1])
file = TraceFile(path)
trace = Trace(0, 1)
file(trace, attribute(trace))
size = path.stat().st_size
failures = 0
for limit in (size, size + 1, 2 * size - 1):  # no byte of another line has room, one has, all but one have
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        file(trace, attribute(trace))
    except OSError as error:
        failures += 1
        assert error.filename == str(path), error
    assert path.stat().st_size == size
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
file(trace, attribute(trace))
assert path.stat().st_size == 2 * size
print(failures)
"""


def test_a_full_disk_leaves_no_torn_line(path: Path) -> None:
    """A limit on the size of files, at which writes end short as on a full disk."""
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.stdout, run.stderr) == ("3\n", "")
    assert len(lines_of(path)) == 2


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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
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


def test_times_are_of_the_wall_clock(path: Path) -> None:
    profiler = Profiler(drain_seconds=0)
    file = TraceFile(path)
    profiler.subscribe(file)
    before = time.time()
    with profiler.request():
        pass
    after = time.time()
    profiler.drain()
    file.close()
    (line,) = lines_of(path)
    assert before - 0.001 <= datetime.fromisoformat(line["start"]).timestamp() <= after + 0.001
