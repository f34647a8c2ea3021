"""The files: what is written is what is read, and what is no ledger is left out, once said, and never an error."""

from __future__ import annotations

import json
import logging
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aligntax import Layer, Profiler
from aligntax.ledger import Ledger
from aligntax.ledger_fields import MAX_ERROR_TYPES, OTHER, fields
from aligntax.workers import layout, reading
from aligntax.workers.archive import write_archive
from aligntax.workers.file import WorkerFile
from aligntax.workers.identity import this_server
from aligntax.workers.layout import HEADER, HEADER_BYTES, WORDS_OFFSET, Layout
from aligntax.workers.merging import MAX_MERGED_LAYERS, MAX_MERGED_MODELS, merged
from aligntax.workers.reading import DamagedLedgerError, read

LAYERS = (Layer("pii"), Layer('quote " λ 检' + "x" * 100, stage="output"), Layer("net", "model"))
SERVER = this_server("test")


def filled(max_layers: int = 5, max_models: int = 4) -> Ledger:
    """A ledger with a random number wherever a row has a name."""
    ledger = Ledger(max_layers, max_models)
    for layer in LAYERS:
        ledger.layer_row(layer)
    ledger.model_row("net")
    ledger.error_row("Error" * 300)
    ledger.device_row("cuda:0")
    draw = np.random.default_rng(3)
    ledger.buffer[:] = draw.integers(0, 1 << 40, ledger.buffer.shape)
    for name, _, rows in fields(max_layers, max_models):
        if rows is not None:
            getattr(ledger, name)[len(getattr(ledger, rows)) :] = 0
    ledger.discarded_ns[:, len(LAYERS) :] = 0
    return ledger


def total(ledger: Ledger) -> int:
    return int(ledger.buffer.sum(dtype=np.uint64))


def assert_same(found: Ledger, wanted: Ledger) -> None:
    assert found.layers == wanted.layers
    assert found.models == wanted.models
    assert found.devices == wanted.devices
    assert found.error_types == [OTHER, ("Error" * 300)[:508]]
    for name, _, rows in fields(2, 2):
        mine, theirs = getattr(found, name), getattr(wanted, name)
        used = slice(len(getattr(wanted, rows))) if rows else slice(None)
        width = slice(len(LAYERS)) if name == "discarded_ns" else slice(None)
        assert (mine[used, width] == theirs[used, width] if mine.ndim > 1 else mine[used] == theirs[used]).all(), name
    assert total(found) == total(wanted)


def test_a_ledger_goes_on_in_its_file(folder: Path) -> None:
    folder.mkdir()
    ledger, before = filled(), filled()
    file = WorkerFile(folder, ledger, SERVER)
    assert_same(ledger_of(file), before)
    row = ledger.layer_row(Layer("later", stage="stream"))
    with ledger.lock:
        ledger.calls[row, 7] += 3
    file.show_running([1, 2, 3, 4])
    found = read(file.path)
    assert (found.server, found.alive, found.whole, found.members) == (SERVER, True, True, frozenset())
    assert found.ledger.layers[3] == Layer("later", stage="stream")
    assert found.ledger.calls[3, 7] == 3
    assert list(found.running.values()) == [1, 2, 3, 4]
    file.close(ledger)
    with ledger.lock:
        ledger.calls[row, 7] += 1
    found = read(file.path)
    assert (found.alive, found.ledger.calls[3, 7], set(found.running.values())) == (False, 3, {0})
    assert file.path.stat().st_mode & 0o777 == 0o600


def ledger_of(file: WorkerFile) -> Ledger:
    return read(file.path).ledger


def test_an_archive_holds_the_ledger_and_the_names(tmp_path: Path) -> None:
    path, ledger = tmp_path / "archive-1.ledger", filled()
    write_archive(path, ledger, SERVER, ["one.ledger", "two.ledger"])
    found = read(path)
    assert_same(found.ledger, ledger)
    assert found.members == {"one.ledger", "two.ledger"}
    assert sorted(tmp_path.iterdir()) == [path]


def test_nothing_is_lost_in_a_sum_that_has_more_names_than_room() -> None:
    ledgers = []
    for first in (0, MAX_MERGED_LAYERS - 500):
        ledger = Ledger(1000, 300)
        for number in range(first, first + 1000):
            ledger.calls[ledger.layer_row(Layer(f"layer {number}", stage="output")), 0] = 1
        for number in range(first, first + 299):
            ledger.requests[ledger.model_row(f"model {number}"), 0, 0] = 1
        ledgers.append(ledger)
    found = merged(ledgers)
    assert total(found) == sum(map(total, ledgers)) == 2 * 1299
    assert found.layers[MAX_MERGED_LAYERS:] == [Layer(OTHER, stage="output")]
    distinct = 2 * 1000 - (1000 - (MAX_MERGED_LAYERS - 500))
    assert found.calls[MAX_MERGED_LAYERS, 0] == distinct - MAX_MERGED_LAYERS
    assert len(found.models) == MAX_MERGED_MODELS


def test_error_types_of_workers_that_have_no_common_room_count_as_other() -> None:
    ledgers = []
    for worker in range(2):
        ledger = Ledger(1, 2)
        row = ledger.layer_row(Layer("guard"))
        for number in range(MAX_ERROR_TYPES - 1):
            ledger.errors[row, ledger.error_row(f"Error{worker}x{number}")] = 1
        ledgers.append(ledger)
    found = merged(ledgers)
    assert found.errors[0].tolist() == [MAX_ERROR_TYPES - 1, *[1] * (MAX_ERROR_TYPES - 1)]


def test_another_meaning_of_the_integers_is_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    assert layout.layout_digest() == layout.DIGEST
    for name, value in (("DROP_REASONS", ("other",)), ("EDGES", layout.EDGES[:-1]), ("MAX_DEVICES", 17)):
        with monkeypatch.context() as patch:
            patch.setattr(layout, name, value)
            assert layout.layout_digest() != layout.DIGEST, name


def written(folder: Path) -> Path:
    """Return the file of a worker that has ended."""
    folder.mkdir(exist_ok=True)
    ledger = filled()
    file = WorkerFile(folder, ledger, SERVER)
    file.close(ledger)
    return file.path


def patched(offset: int, content: bytes) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(offset)
            file.write(content)

    return change


def cut(size: int) -> Callable[[Path], None]:
    return lambda path: os.truncate(path, size)


def replaced(make: Callable[[Path], Any]) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        path.unlink()
        make(path)

    return change


SIZES = Layout(5, 4)
DAMAGES = {
    "foreign": (patched(0, b"SQLite format 3\0"), "does not begin as a ledger"),
    "text": (replaced(lambda path: path.write_text("not a ledger at all")), "only 19 bytes"),
    "other version": (patched(8, b"x" * 32), "another version of aligntax"),
    "no layers": (patched(40, struct.pack("=q", 0)), "room for 0 layers"),
    "too many layers": (patched(40, struct.pack("=q", 1 << 40)), "cannot be"),
    "too many models": (patched(48, struct.pack("=q", 1 << 40)), "cannot be"),
    "another size": (patched(40, struct.pack("=q", 6)), "bytes where there should be"),
    "negative tail": (patched(64, struct.pack("=q", -9)), "bytes where there should be"),
    "no server": (patched(256, b"{]"), "header is broken"),
    "odd server": (patched(256, b"[1]" + b" " * 100), "header is broken"),
    "cut header": (cut(100), "only 100 bytes"),
    "cut names": (cut(HEADER_BYTES + 10), "bytes where there should be"),
    "cut counts": (cut(SIZES.end - 8), "bytes where there should be"),
    "more names than room": (patched(WORDS_OFFSET + 8, struct.pack("=q", 6)), "6 layers have no room"),
    "negative names": (patched(WORDS_OFFSET + 16, struct.pack("=q", -1)), "-1 models have no room"),
    "unknown stage": (patched(HEADER_BYTES + 1, b"\xff"), "a name in its table of layers is broken"),
    "stage of another kind": (patched(HEADER_BYTES, b"\x00"), "a name in its table of layers is broken"),
    "long name": (patched(HEADER_BYTES + 2, b"\xff\xff"), "a name in its table of layers is broken"),
    "no name": (patched(HEADER_BYTES + 2, b"\0\0"), "a name in its table of layers is broken"),
    "no UTF-8": (patched(HEADER_BYTES + 4, b"\xff"), "a name in its table of layers is broken"),
    "folder": (replaced(Path.mkdir), "not a regular file"),
    "pipe": (replaced(os.mkfifo), "not a regular file"),
    "symbolic link": (replaced(lambda path: path.symlink_to("/dev/zero")), "not a regular file"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_that_is_no_ledger_is_left_out_and_said_once(
    folder: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    change, why = DAMAGES[damage]
    path = written(folder)
    change(path)
    with Profiler(ledger_dir=folder, server="test", drain_seconds=0) as profiler:
        for _ in range(3):
            with profiler.request(), profiler.layer("guard"):
                pass
            profiler.report()
        assert profiler.report().to_dict()["requests"] == 3
    assert os.path.lexists(path)  # whatever it is, it is not ours to remove
    (record,) = caplog.records
    assert (record.levelno, record.name) == (logging.WARNING, "aligntax")
    assert f"{path.name} is left out: " in record.getMessage()
    assert why in record.getMessage()


def test_a_file_that_is_cut_while_it_is_read(folder: Path) -> None:
    path = written(folder)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.truncate(path, HEADER_BYTES)
        with pytest.raises(DamagedLedgerError, match="cut short"):
            reading._copy(descriptor, SIZES, [0, 3, 2, 2, 2])
    finally:
        os.close(descriptor)


def test_whatever_is_changed_in_an_archive_is_noticed_and_the_archive_put_aside(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    written(folder)
    with Profiler(ledger_dir=folder, server="test", drain_seconds=0) as profiler:
        before = profiler.view().ledger.requests.sum()
        profiler.view()
        (archive,) = folder.glob("archive-*.ledger")
        content = archive.read_bytes()
        draw = np.random.default_rng(5)
        for place in draw.integers(HEADER_BYTES, len(content), 20).tolist():
            archive.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            with pytest.raises(DamagedLedgerError, match="checksum"):
                read(archive)
        assert profiler.view().ledger.requests.sum() == 0
        written(folder)
        for _ in range(2):
            assert profiler.view().ledger.requests.sum() == before
    assert "its checksum does not fit" in caplog.text
    assert [path.name for path in folder.glob("*.damaged")] == [archive.with_suffix(".damaged").name]


def test_a_file_that_was_never_finished_is_removed(folder: Path) -> None:
    path = written(folder)
    with path.open("r+b") as file:
        file.write(bytes(HEADER.size))
    empty = path.with_name("17-4-0123abcd.ledger")
    empty.touch()
    foreign = path.with_name("empty.ledger")
    foreign.touch()
    with Profiler(ledger_dir=folder, server="test", drain_seconds=0):
        assert not path.exists()
        assert not empty.exists()
        assert foreign.exists()


def test_a_server_file_that_cannot_be_read_is_written_anew(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder.mkdir()
    (folder / "server.json").write_text("{")
    Profiler(ledger_dir=folder, server="test", drain_seconds=0).close()
    assert "server.json cannot be understood" in caplog.text
    assert json.loads((folder / "server.json").read_text())["label"] == "test"
