"""Labelled verdicts as a file: read in bounded memory, and refused with the line and the mend."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest
from tests.taxes.benefit.records import record, verdicts, write_lines

from aligntax.taxes import lines as lines_module
from aligntax.taxes.benefit import verdicts as module
from aligntax.taxes.benefit.verdicts import SCHEMA, read_verdicts

GOOD = {"id": "a", "label": "attack", "arm": "guarded", "verdict": "block"}
OTHER = {**GOOD, "id": "b"}
BAD = {
    "cut off": ('{"id": "a", "lab', "no JSON .*column"),
    "no object": ("[1, 2]", "a list; write one object"),
    "not UTF-8": ('{"id": "\udcff"}', "not UTF-8"),
    "NaN": ('{"id": "b", "latency_seconds": NaN}', "holds NaN, which is no number"),
    "too deep": ("[" * 100_000, "nested too deeply"),
    "huge integer": ('{"id": ' + "1" * 5_000 + "}", "digits"),
    "no id": ({**GOOD, "id": None}, "id=None does not go; give each text an 'id'"),
    "id of a list": ({**GOOD, "id": [1]}, "id=a list does not go"),
    "empty id": ({**GOOD, "id": ""}, "id='' does not go"),
    "long id": ({**GOOD, "id": "x" * 300}, "id=a string of 300 characters does not go"),
    "no label": ({"id": "b", "arm": "raw", "verdict": "allow"}, "'label' is missing; write one of attack, benign"),
    "unknown label": ({**OTHER, "label": "evil"}, "label='evil' does not go; write one of attack, benign"),
    "unknown arm": ({**OTHER, "arm": "control"}, "arm='control' does not go; write one of guarded, with"),
    "unknown verdict": ({**OTHER, "verdict": "deny"}, "verdict='deny' does not go; write one of allow, modify"),
    "cancelled": ({**OTHER, "verdict": "cancelled"}, "verdict='cancelled' does not go"),
    "prompt as verdict": ({**OTHER, "verdict": "tell me a secret story"}, "verdict=a string of 22 characters"),
    "succeeded as text": ({**OTHER, "succeeded": "yes"}, "succeeded='yes' does not go; write true or false"),
    "benign that succeeds": ({**OTHER, "label": "benign", "succeeded": True}, "only an attack can succeed"),
    "block that passed": ({**OTHER, "passed": True}, "passed=True does not go with the verdict 'block'"),
    "allow that did not": ({**OTHER, "verdict": "allow", "passed": False}, "passed=False does not go"),
    "repeat below 0": ({**OTHER, "repeat": -1}, "'repeat' is no count"),
    "repeat as text": ({**OTHER, "repeat": "1"}, "'repeat' is no count"),
    "negative latency": ({**OTHER, "latency_seconds": -1}, "no number of seconds"),
    "infinite latency": (json.dumps({**OTHER, "latency_seconds": 1}).replace(" 1}", " 1e999}"), "no number of seconds"),
    "guard without a name": ({**OTHER, "guard": 3}, "'guard' is no name"),
    "the same twice": (GOOD, "lines 1 and 2 are of the same id, arm and repeat"),
    "two labels": ({**GOOD, "label": "benign", "repeat": 1}, "lines 1 and 2 label one text as an attack and as benign"),
    "another schema": ({"schema": "aligntax.bench/1"}, "has schema 'aligntax.bench/1'; this program reads"),
    "a second header": ({"schema": SCHEMA}, "a header that is not the first line"),
}  # fmt: skip


@pytest.mark.parametrize(("line", "message"), BAD.values(), ids=BAD)
def test_a_bad_line_is_named(line: object, message: str, tmp_path: Path) -> None:
    path = tmp_path / "verdicts.jsonl"
    text = line if isinstance(line, str) else json.dumps(line)
    path.write_bytes(f"{json.dumps(GOOD)}\n{text}\n".encode("utf-8", "surrogateescape"))
    with pytest.raises(ValueError, match=message) as caught:
        read_verdicts(path)
    assert str(caught.value).startswith(f"{path}:2: ")


def test_a_bad_line_is_not_quoted(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "v.jsonl", [{**GOOD, "arm": "the secret of the prompt is here"}])
    with pytest.raises(ValueError, match="arm=a string of 32 characters") as caught:
        read_verdicts(path)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read"), ("", "no verdict in it"), ("\n \n", "no verdict in it")],
)
def test_a_file_without_verdicts(content: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "v.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match=message):
        read_verdicts(path)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        read_verdicts(tmp_path)


def test_a_line_has_a_greatest_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "MAX_LINE_BYTES", 1_000)
    path = write_lines(tmp_path / "v.jsonl", [{**GOOD, "more": "x" * 1_000}])
    with pytest.raises(ValueError, match=r":1: longer than"):
        read_verdicts(path)


def test_there_is_a_greatest_number_of_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RECORDS", 3)
    with pytest.raises(ValueError, match=r":4: more than 3 records; take a sample"):
        read_verdicts(write_lines(tmp_path / "v.jsonl", verdicts(4, 2, 0, 0)))


def test_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "v.jsonl"
    lines = [
        {"schema": SCHEMA, "texts": 2},
        record(7, "benign", "modify", guard="pii", latency_seconds=0.25),
        record("a", "attack", "error", repeat=1, passed=True, unknown="not looked at"),
        record("a", "attack", "timeout"),
        record("a", "attack", "allow", "without", succeeded=True),
    ]
    path.write_bytes(b"\xef\xbb\xbf" + "\n".join(map(json.dumps, lines)).encode())  # and no end of the last line
    found = read_verdicts(path)
    assert found.header["texts"] == 2
    assert found.names == ("", "pii")
    rows = zip(found.attack, found.guarded, found.passed, found.succeeded, found.guards, strict=True)
    of_attack = [(False, True, 1), (True, False, -1), (True, True, -1)]  # raw first, then by repeat
    expected = [(True, guarded, passed, said, 0) for guarded, passed, said in of_attack]
    found_rows = [tuple(row) for row in rows]
    assert [row for row in found_rows if row[0]] == expected
    assert [row for row in found_rows if not row[0]] == [(False, True, True, -1, 1)]


def test_ids_are_the_same_as_numbers_and_strings(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "v.jsonl", [{**GOOD, "id": 7}, {**GOOD, "id": "7"}])
    with pytest.raises(ValueError, match="lines 1 and 2 are of the same id"):
        read_verdicts(path)


def test_memory_does_not_grow_with_what_lines_hold(tmp_path: Path) -> None:
    path = tmp_path / "v.jsonl"
    n, padding = 4_000, "x" * 5_000
    write_lines(path, ({**GOOD, "id": i, "padding": padding} for i in range(n)))
    tracemalloc.start()
    read_verdicts(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size > 20e6
    assert peak < 2e6


def test_reading_can_be_ended(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "v.jsonl", ({**GOOD, "id": i} for i in range(20_000)))
    told: list[float] = []

    def progress(stage: str, done: float, detail: str) -> bool:
        told.append(done)
        return len(told) < 2

    with pytest.raises(KeyboardInterrupt):
        read_verdicts(path, progress)
    assert 0 < told[0] < told[1] <= 1
