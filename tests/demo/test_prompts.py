"""Prompt files: what is read, and that everything else is refused with file, line and mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from aligntax.demo import prompts
from aligntax.demo.plain_guards import check_phrases, redact_personal_data
from aligntax.demo.prompts import read_prompts, shipped_prompts
from aligntax.trace import Verdict


def write(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_the_shipped_prompts_are_varied() -> None:
    shipped = shipped_prompts()
    assert len(shipped) == len(set(shipped)) == 24
    assert all(prompt.strip() == prompt and prompt for prompt in shipped)
    assert sum(redact_personal_data(prompt) != prompt for prompt in shipped) == 4
    assert sum(check_phrases(prompt) is Verdict.BLOCK for prompt in shipped) == 2


GOOD = {
    "a.txt": (b"one\n\n  two \r\nthree", ["one", "two", "three"]),
    "noname": (b"one", ["one"]),
    "mark.txt": (b"\xef\xbb\xbfone\n", ["one"]),
    "separators.txt": ("one\x0b\u2028still one\n".encode(), ["one\x0b\u2028still one"]),
    "a.jsonl": (b'"one"\n\n{"prompt": " two "}\n{"text": "three", "id": 3}\n', ["one", "two", "three"]),
    "a.NDJSON": ('{"prompt": "Gr\u00fc\u00dfe \\ud83d\\ude00"}'.encode(), ["Grüße 😀"]),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_file_is_read(tmp_path: Path, name: str) -> None:
    content, expected = GOOD[name]
    assert read_prompts(write(tmp_path, name, content)) == expected


BAD = {
    "empty.txt": (b"", r"empty\.txt: no prompt in it; write one on each line"),
    "blank.jsonl": (b"\n \n", r"blank\.jsonl: no prompt in it"),
    "latin.txt": (b"one\ncaf\xe9\n", r"latin\.txt:2: byte 0xe9 at column 4 is not UTF-8; convert"),
    "broken.jsonl": (b'"one"\n{"prompt": \n', r"broken\.jsonl:2: broken JSON, .* at column \d+; write one JSON value"),
    "twovalues.jsonl": (b'"one" "two"', r"twovalues\.jsonl:1: broken JSON, Extra data"),
    "missing.jsonl": (b'{"question": "one"}', r'missing\.jsonl:1: no prompt; .* under "prompt" or "text"'),
    "number.jsonl": (b'"one"\n3', r"number\.jsonl:2: no prompt; write a string"),
    "null.jsonl": (b'{"prompt": null, "text": "one"}', r"null\.jsonl:1: no prompt"),
    "list.jsonl": (b'["one"]', r"list\.jsonl:1: no prompt"),
    "nothing.jsonl": (b'{"prompt": " "}', r"nothing\.jsonl:1: an empty prompt; leave the line out"),
    "deep.jsonl": (b"[" * 100_000, r"deep\.jsonl:1: (broken JSON|JSON that is nested too deeply)"),
    "long.txt": (b"one\n" + b"x" * 8_001, r"long\.txt:2: a prompt of 8,001 characters; shorten it to at most 8,000"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_file_line_and_mend(tmp_path: Path, name: str) -> None:
    content, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        read_prompts(write(tmp_path, name, content))


def test_the_longest_prompt_is_still_read(tmp_path: Path) -> None:
    assert read_prompts(write(tmp_path, "a.txt", "ä" * prompts.MAX_CHARACTERS)) == ["ä" * prompts.MAX_CHARACTERS]


def test_too_many_prompts_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "MAX_PROMPTS", 2)
    assert read_prompts(write(tmp_path, "two.txt", "1\n2\n\n")) == ["1", "2"]
    with pytest.raises(ValueError, match=r"three\.txt:3: more than 2 prompts; split the file"):
        read_prompts(write(tmp_path, "three.txt", "1\n2\n3"))


def test_too_large_a_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "MAX_FILE_BYTES", 2**20)
    path = write(tmp_path, "a.txt", b"one\n" * 2**18 + b"x")
    with pytest.raises(ValueError, match=r"a\.txt: more than 1 MiB; split the file"):
        read_prompts(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"gone\.txt: cannot be read \(No such file or directory\); name a text"):
        read_prompts(tmp_path / "gone.txt")
    with pytest.raises(ValueError, match=r"cannot be read \(Is a directory\)"):
        read_prompts(tmp_path)


def test_a_file_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ValueError, match=r"a\.txt: cannot be read \(Permission denied\)"):
        read_prompts(tmp_path / "a.txt")
