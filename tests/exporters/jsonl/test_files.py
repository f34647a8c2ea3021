"""Trace files on a disk: sizes, rotation and restarts, a full disk, and a folder that is gone."""

from __future__ import annotations

import logging
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.exporters.jsonl.lines import PII, TRACE, lines_of, numbered, write

from aligntax import Profiler, Span, Trace
from aligntax.exporters.jsonl import TraceFile


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
