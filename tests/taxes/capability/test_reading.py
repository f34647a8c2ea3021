"""Files of samples, in any order of lines; what is wrong with others, told by file and line."""

from __future__ import annotations

import json
import random
import tracemalloc
from pathlib import Path

import pytest

from aligntax.taxes.capability import reading
from aligntax.taxes.capability.lines import Fields
from aligntax.taxes.capability.reading import SampleFile

from .writing import write


def texts(file: SampleFile) -> list[list[str]]:
    return sorted([written.text for written in file.samples(prompt)] for prompt in range(len(file.keys)))


def test_lines_of_a_prompt_need_not_follow_each_other(tmp_path: Path) -> None:
    rows = [{"id": prompt, "text": f"{prompt}{sample}"} for sample in range(3) for prompt in "ab"]
    with SampleFile(write(tmp_path / "a.jsonl", rows), Fields()) as file:
        assert texts(file) == [["a0", "a1", "a2"], ["b0", "b1", "b2"]]
        assert file.counts.tolist() == [3, 3]
        assert [len(file.samples(0, 2)), len(file.samples(1, 1))] == [2, 1]


def test_lists_of_samples_and_lines_of_them_are_the_same(tmp_path: Path) -> None:
    listed = write(tmp_path / "a.jsonl", [{"id": 7, "samples": ["x", "y"], "refused": [True, False]}])
    single = write(
        tmp_path / "b.jsonl", [{"id": "7", "text": "x", "refused": True}, {"id": "7", "text": "y", "refused": False}]
    )
    with SampleFile(listed, Fields()) as one, SampleFile(single, Fields()) as other:
        assert one.samples(0) == other.samples(0)
        assert one.keys.tolist() == other.keys.tolist()


def test_other_names_of_fields_a_mark_at_the_start_and_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"q": 1, "answer": "x"}\n\n  \r\n{"q": 2, "answer": "\\ud800y"}')
    with SampleFile(path, Fields(id="q", text="answer")) as file:
        assert texts(file) == [["?y"], ["x"]]


def test_the_order_of_keys_is_drawn_by_the_seed_alone(tmp_path: Path) -> None:
    rows = [{"id": number, "text": str(number)} for number in range(50)]
    there = write(tmp_path / "a.jsonl", rows)
    back = write(tmp_path / "b.jsonl", rows[::-1])
    orders = []
    for path, seed in ((there, 0), (back, 0), (there, 1)):
        with SampleFile(path, Fields(), seed) as file:
            orders.append([file.samples(prompt)[0].text for prompt in range(50)])
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"a.jsonl: no sample in it"),
        ("\n\n", r"a.jsonl: no sample in it"),
        ('{"id": 1, "text": "x"}\n{"id": 2, "text"', r"a.jsonl:2: broken JSON"),
        ('{"id": 1, "text": "x"}\n[1]', r"a.jsonl:2: a list; write an object"),
        ('{"text": "x"}', r"a.jsonl:1: no 'id'; add it, or name the field with the prompt's id by --id"),
        ('{"id": null, "text": "x"}', r"a.jsonl:1: 'id' is no id"),
        ('{"id": true, "text": "x"}', r"a.jsonl:1: 'id' is no id"),
        ('{"id": 1.5, "text": "x"}', r"a.jsonl:1: 'id' is no id"),
        ('{"id": "", "text": "x"}', r"a.jsonl:1: 'id' is no id"),
        ('{"id": 1}', r"a.jsonl:1: it needs either 'text', a sample, or 'samples'"),
        ('{"id": 1, "text": "x", "samples": ["y"]}', r"a.jsonl:1: it needs either"),
        ('{"id": 1, "text": NaN}', r"a.jsonl:1: a sample that is a float; write a string"),
        ('{"id": 1, "text": null}', r"a.jsonl:1: a sample that is a NoneType"),
        ('{"id": 1, "samples": []}', r"a.jsonl:1: 'samples' is no list of samples"),
        ('{"id": 1, "samples": "xy"}', r"a.jsonl:1: 'samples' is no list of samples"),
        ('{"id": 1, "samples": ["x", 2]}', r"a.jsonl:1: a sample that is a int"),
        ('{"id": 1, "text": "x", "refused": "no"}', r"a.jsonl:1: 'refused' is a str; write true or false"),
        ('{"id": 1, "samples": ["x"], "refused": true}', r"a.jsonl:1: 'refused' must be a list as long as"),
        ('{"id": 1, "text": "x", "safe": 1}', r"a.jsonl:1: 'safe' is a int"),
        ('{"id": 1, "samples": ["x"]}\n\n{"id": 1, "samples": ["y"]}', r"a.jsonl:3: the id of line 1 again"),
        ('{"id": 1, "samples": ["x"]}\n{"id": 1, "text": "y"}', r"a.jsonl:2: the id of line 1 again"),
        ('{"id": 1, "text": "x", "safe": true}\n{"id": 1, "text": "y"}', r"a.jsonl:1: .* differ in 'safe'"),
        ('{"id": 1, "text": "x", "decoding": 1}\n{"id": 2, "text": "y", "decoding": 2}', r"a.jsonl:2: 'decoding'"),
        ('{"id": 1, "text": ' + "[" * 100_000, r"a.jsonl:1: JSON that is nested too deeply"),
        (json.dumps({"id": 1, "samples": ["x"] * 257}), r"a.jsonl:1: 'samples' holds 257 samples; keep at most 256"),
        ('{"id": 1, "text": "x"}\n' * 257, r"a.jsonl:1: 257 samples of one prompt; keep at most 256"),
    ],
)
def test_bad_files(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        SampleFile(path, Fields())


def test_no_text_and_no_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"id": 1, "text": "\xff"}')
    with pytest.raises(ValueError, match=r"a.jsonl:1: byte 20 is not UTF-8"):
        SampleFile(path, Fields())
    with pytest.raises(ValueError, match="cannot be read"):
        SampleFile(tmp_path / "none.jsonl", Fields())
    with pytest.raises(ValueError, match="no regular file"):
        SampleFile(tmp_path, Fields())


def test_lines_and_files_that_are_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.jsonl", [{"id": 1, "text": "x"}, {"id": 2, "text": "x" * 2000}])
    monkeypatch.setattr(reading, "MAX_LINE_BYTES", 1000)
    with pytest.raises(ValueError, match=r"a.jsonl:2: a line of more than"):
        SampleFile(path, Fields())
    monkeypatch.undo()
    monkeypatch.setattr(reading, "MAX_LINES", 1)
    with pytest.raises(ValueError, match=r"a.jsonl:2: more than 1 lines"):
        SampleFile(path, Fields())


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [{"id": 1, "text": "x"}, {"id": 2, "text": "y"}])
    with SampleFile(path, Fields()) as file:
        write(path, [{"id": 3, "text": "x"}, {"id": 4, "text": "y"}])
        with pytest.raises(ValueError, match="has changed while it was read"):
            file.samples(0)


def test_what_is_kept_does_not_grow_with_the_texts(tmp_path: Path) -> None:
    draw = random.Random(0)
    path = write(
        tmp_path / "a.jsonl", ({"id": number // 4, "text": draw.randbytes(2000).hex()} for number in range(8_000))
    )
    assert path.stat().st_size > 30_000_000
    tracemalloc.start()
    with SampleFile(path, Fields()) as file:
        for prompt in range(len(file.keys)):
            file.samples(prompt)
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000
