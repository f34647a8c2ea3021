"""Folding fails, or its process dies, at every step: nothing is counted twice, nothing is lost."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aligntax import Profiler
from aligntax.workers import archive
from aligntax.workers import folder as folder_module
from aligntax.workers.folder import LOCK, LedgerFolder
from aligntax.workers.identity import this_server
from aligntax.workers.locks import shared_or_alone

Start = Callable[..., Any]


@pytest.fixture
def reader(folder: Path) -> Iterator[Profiler]:
    with Profiler(ledger_dir=folder, server="test", drain_seconds=0) as profiler:
        yield profiler


def requests(profiler: Profiler) -> int:
    return int(profiler.view().ledger.requests.sum())


def dead_worker(start: Start, count: int) -> None:
    worker = start()
    worker(f"serve {count}")
    worker.kill()


def ended_worker(folder: Path, count: int) -> None:
    """A worker that has been closed, and might as well have been killed, in this process."""
    with Profiler(ledger_dir=folder, server="test", drain_seconds=0) as profiler:
        for _ in range(count):
            with profiler.request(), profiler.layer("guard"):
                pass


STEPS: dict[str, tuple[Any, str]] = {
    "opening": (os, "open"),
    "writing": (archive, "_packed"),
    "reaching the disk": (os, "fsync"),
    "renaming": (Path, "replace"),
    "removing": (Path, "unlink"),
}


@pytest.mark.parametrize("step", STEPS)
def test_folding_that_fails_leaves_everything_as_it_was(
    start: Start, reader: Profiler, folder: Path, step: str, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    dead_worker(start, 11)
    place, name = STEPS[step]
    genuine = getattr(place, name)

    def fail(*arguments: Any, **more: Any) -> Any:
        if name == "open" and not str(arguments[0]).endswith(".partial"):
            return genuine(*arguments, **more)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(place, name, fail)
        assert [requests(reader) for _ in range(4)] == [11] * 4
    assert len(caplog.records) == 1
    assert "No space left on device" in caplog.text
    assert [requests(reader) for _ in range(2)] == [11] * 2
    assert len(list(folder.glob("[0-9]*.ledger"))) == 1
    assert not list(folder.glob("*.partial"))
    dead_worker(start, 5)
    assert [requests(reader) for _ in range(2)] == [16] * 2


@pytest.mark.parametrize("step", STEPS)
def test_a_process_that_dies_while_it_folds(start: Start, folder: Path, step: str) -> None:
    dead_worker(start, 11)
    place, name = STEPS[step]
    child = os.fork()
    if child == 0:
        setattr(place, name, lambda *_, **__: os.kill(os.getpid(), 9))
        LedgerFolder(folder)._fold_dead(this_server("test"))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -9
    with Profiler(ledger_dir=folder, server="test", drain_seconds=0) as profiler:
        assert [requests(profiler) for _ in range(3)] == [11] * 3
        assert len(list(folder.glob("[0-9]*.ledger"))) == 1


def test_a_file_that_is_in_the_archive_and_cannot_be_removed_counts_once(
    reader: Profiler, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(folder.glob("[0-9]*.ledger"))
    ended_worker(folder, 11)
    (stuck,) = set(folder.glob("[0-9]*.ledger")) - before
    genuine = Path.unlink

    def unlink(path: Path, **more: Any) -> None:
        if path == stuck:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        genuine(path, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", unlink)
        for expected in (11, 16, 21):
            assert [requests(reader) for _ in range(3)] == [expected] * 3
            ended_worker(folder, 5)
            assert stuck.exists()
    assert [requests(reader) for _ in range(2)] == [26] * 2
    assert not stuck.exists()


def test_a_process_without_descriptors_fails_to_read_and_forgets_nobody(
    start: Start, reader: Profiler, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead_worker(start, 11)
    assert requests(reader) == 11
    ended_worker(folder, 5)
    genuine = os.open

    def no_more(path: Any, *arguments: Any, **more: Any) -> int:
        if str(path).endswith(".ledger"):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return genuine(path, *arguments, **more)

    before = sorted(folder.iterdir())
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", no_more)
        with pytest.raises(OSError, match="Too many open files"):
            reader.view()
        LedgerFolder(folder)._fold(this_server("test"))
        with pytest.raises(OSError, match="Too many open files"):
            Profiler(ledger_dir=folder, server="test")
    assert sorted(folder.iterdir()) == before
    assert [requests(reader) for _ in range(2)] == [16] * 2


def test_the_names_of_files_that_are_gone_are_dropped(start: Start, reader: Profiler, folder: Path) -> None:
    for round_number in range(1, 4):
        dead_worker(start, 5)
        assert requests(reader) == 5 * round_number
        (path,) = folder.glob("archive-*.ledger")
        assert len(folder_module.read(path).members) == 1


def test_no_room_for_a_workers_file_is_said_at_once(start: Start, folder: Path) -> None:
    first = start()
    first("serve 3")
    first("limit-files 100000")
    assert first("requests") == 3
    with pytest.raises(AssertionError, match=r"OSError: .*a worker's ledger takes [\d.]+ MiB, and they cannot be had"):
        limited(start)
    assert len(list(folder.glob("[0-9]*.ledger"))) == 1
    assert first("requests") == 3


def limited(start: Start) -> None:
    """Start a worker that may write no more than 100 kB into a file."""
    import resource

    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, old[1]))
    try:
        start()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def test_a_disk_without_room_for_the_archive(start: Start, folder: Path) -> None:
    worker = start()
    dead_worker(start, 30)
    worker("limit-files 4096")
    assert [worker("requests") for _ in range(3)] == [30] * 3
    assert worker.end().count("folding failed, and is tried again at each scrape: [Errno 27] File too large") == 1


def test_a_forked_worker_without_room_is_counted_as_soon_as_there_is_some(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with Profiler(ledger_dir=folder, drain_seconds=0) as profiler:
        assert profiler.worker is not None
        profiler.worker.forget_parent()
        with monkeypatch.context() as patch:
            patch.setattr(os, "posix_fallocate", no_room)
            for _ in range(3):
                with profiler.request(), profiler.layer("guard"):
                    pass
                profiler.drain()
            assert requests(profiler) == 0
        profiler.drain()
        assert requests(profiler) == 3
    assert len(caplog.records) == 1
    assert "a forked worker is not counted yet, and tries again" in caplog.text


def no_room(*_: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# -- locks -----------------------------------------------------------------------------------------------------------


def test_a_folder_that_stays_locked_is_an_error_and_not_a_hang(
    reader: Profiler, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_module, "READ_PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(folder_module, "START_PATIENCE_SECONDS", 0.05)
    with shared_or_alone(folder / LOCK, alone=True, patience_seconds=1):
        with pytest.raises(TimeoutError, match="stays locked by another process; if a worker of this server hangs"):
            reader.view()
        with pytest.raises(TimeoutError, match="stays locked"), reader.worker.claiming("x"):  # type: ignore[union-attr]
            pass
    assert requests(reader) == 0


def test_the_lock_of_a_dead_process_is_free(start: Start, reader: Profiler, folder: Path) -> None:
    child = os.fork()
    if child == 0:
        with shared_or_alone(folder / LOCK, alone=True, patience_seconds=1):
            os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    assert requests(reader) == 0


def test_many_may_read_and_whoever_wants_to_be_alone_is_not_kept_out_by_them(folder: Path) -> None:
    """Readers hold the lock without a gap between them; the next one to come waits behind who wants it alone."""
    folder.mkdir()
    path = folder / LOCK
    with shared_or_alone(path, alone=False, patience_seconds=1), shared_or_alone(path, alone=False, patience_seconds=1):
        with pytest.raises(TimeoutError), shared_or_alone(path, alone=True, patience_seconds=0.01):
            pass
        gate = os.open(path.with_name(path.name + ".gate"), os.O_RDWR)
        fcntl.flock(gate, fcntl.LOCK_EX)  # as whoever waits to be alone holds it
        with pytest.raises(TimeoutError), shared_or_alone(path, alone=False, patience_seconds=0.01):
            pass
        os.close(gate)


def test_a_child_that_is_forked_in_the_middle_of_a_read_keeps_nothing_locked(folder: Path) -> None:
    folder.mkdir()
    path = folder / LOCK
    release = os.pipe()
    middle = os.fork()
    if middle == 0:
        with shared_or_alone(path, alone=True, patience_seconds=1):
            if os.fork() == 0:
                os.close(release[1])
                os.read(release[0], 1)  # lives until the test is over
                os._exit(0)
            os.kill(os.getpid(), 9)
    os.waitpid(middle, 0)
    with shared_or_alone(path, alone=True, patience_seconds=1):
        pass
    os.close(release[1])
    os.close(release[0])
