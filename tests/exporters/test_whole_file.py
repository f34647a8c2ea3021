"""Files that are complete or not there at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aligntax.whole_file import write_whole


def test_a_text_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    for text in ("old", "new, and \N{SNOWMAN}"):
        write_whole(path, text)
        assert path.read_text(encoding="utf-8") == text
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["\ud800", "new \udfff"])
def test_a_text_that_cannot_be_written_leaves_what_was_there(tmp_path: Path, text: str) -> None:
    path = tmp_path / "file.txt"
    write_whole(path, "old")
    with pytest.raises(UnicodeError):
        write_whole(path, text)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_to_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_whole(tmp_path / "folder", "text")
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


def test_files_written_at_the_same_time_are_each_whole(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    contents = [letter * 200_000 for letter in "abcd"]
    write_whole(path, contents[0])

    def write(content: str) -> None:
        for _ in range(20):
            write_whole(path, content.encode())

    with ThreadPoolExecutor() as pool:
        writing = [pool.submit(write, content) for content in contents]
        while not all(each.done() for each in writing):
            assert path.read_text() in contents
        for each in writing:
            each.result()
    assert list(tmp_path.iterdir()) == [path]
