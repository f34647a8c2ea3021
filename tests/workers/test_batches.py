"""A reader sees whole batches only, as long as their writer is alive to finish them."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from aligntax import Layer
from aligntax.batch_lock import BatchLock
from aligntax.ledger import Ledger
from aligntax.workers import reading
from aligntax.workers.file import WorkerFile
from aligntax.workers.identity import this_server
from aligntax.workers.reading import read

GUARD = Layer("guard")


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger(4, 2)
    ledger.layer_row(GUARD)
    return ledger


@pytest.fixture
def file(folder: Path, ledger: Ledger) -> WorkerFile:
    folder.mkdir()
    return WorkerFile(folder, ledger, this_server("test"))


def test_the_number_is_odd_while_a_batch_is_added() -> None:
    lock = BatchLock()
    with lock:
        assert lock.sequence[0] == 1
    assert lock.sequence[0] == 2
    with lock.unmarked:
        assert lock.sequence[0] == 2
        assert not lock.unmarked.acquire(blocking=False)


def test_no_copy_is_of_half_a_batch(file: WorkerFile, ledger: Ledger) -> None:
    """A batch adds one to the first and to the last number of a ledger."""
    done = threading.Event()

    def write() -> None:
        while not done.wait(0.0001):  # a writer that never pauses may leave no reader a whole batch
            with ledger.lock:
                ledger.calls[0, 0] += 1
                ledger.calls_ns[0] += 1
                ledger.dropped[-1] += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = []
        while sum(content.whole for content in seen) < 100:
            seen.append(read(file.path))
    finally:
        done.set()
        writer.join()
    whole = [content.ledger for content in seen if content.whole]
    for copy in whole:
        assert copy.calls[0, 0] == copy.calls_ns[0] == copy.dropped[-1]
    assert whole[-1].calls[0, 0] > whole[0].calls[0, 0]


def test_a_batch_that_does_not_end_is_read_as_far_as_it_is(
    file: WorkerFile, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(reading.time, "sleep", pauses.append)
    with ledger.lock:
        ledger.calls[0, 0] += 1
        found = read(file.path)
    assert (found.whole, found.ledger.calls[0, 0], len(pauses)) == (False, 1, reading.TRIES)
    assert sum(pauses) < 0.1


def test_nobody_waits_for_a_batch_whose_writer_is_dead(
    file: WorkerFile, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading.time, "sleep", lambda _: pytest.fail("waited for the dead"))
    ledger.lock.acquire()
    ledger.calls[0, 0] += 1
    file.forget()  # lets go of the lock, as the kernel does for a dead process
    found = read(file.path)
    assert (found.alive, found.whole, found.ledger.calls[0, 0]) == (False, False, 1)


def test_a_name_is_there_before_anything_is_counted_under_it(file: WorkerFile, ledger: Ledger) -> None:
    layers = [Layer(f"later {number}") for number in range(3)]
    rows = [ledger.layer_row(layer) for layer in layers]
    assert read(file.path).ledger.layers == [GUARD, *layers]
    assert rows == [1, 2, 3]
    ledger.error_row("KeyError")
    ledger.device_row("cuda:0")
    ledger.model_row("model")
    found = read(file.path).ledger
    assert (found.error_types[1:], found.devices[1:], found.models[1:]) == (["KeyError"], ["cuda:0"], ["model"])


def test_threads_that_wait_for_the_lock_while_the_ledger_moves_write_to_the_new_place(folder: Path) -> None:
    folder.mkdir()
    ledger, done, written = Ledger(4, 2), threading.Event(), []
    ledger.layer_row(GUARD)

    def write() -> None:
        count = 0
        while not done.wait(0.0001):  # a writer that never pauses may leave no reader a whole batch
            with ledger.lock:
                ledger.calls[0, 0] += 1
            count += 1
        written.append(count)

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    server = this_server("test")
    last = None
    for _ in range(20):
        last = WorkerFile(folder, ledger, server)
        if len(written) == 0:
            last.close(ledger)
    last = WorkerFile(folder, ledger, server)
    done.set()
    for thread in threads:
        thread.join()
    assert read(last.path).ledger.calls[0, 0] == sum(written) > 0
