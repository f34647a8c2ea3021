"""Pattern sets in files: those that people write, and those that `save` writes."""

import json

import pytest

from aligntax_kernels import literals
from aligntax_kernels.fold import Folding
from aligntax_kernels.literals import storage


def test_a_file_has_a_pattern_a_line(tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes("\ufeff# a comment\nfirst word\n\n  second \r\n\\# not a comment\nünï\n".encode())
    assert literals.read_patterns(path) == ["first word", "second", "# not a comment", "ünï"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no pattern in it; write one on each line"),
        (b"# only\n\n", "no pattern in it"),
        (b"good\ncaf\xe9\n", r":2: byte 4 of the line is not UTF-8; convert the file"),
    ],
)
def test_a_file_that_is_no_list_of_patterns_is_refused(tmp_path, content, message):
    path = tmp_path / "words.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        literals.read_patterns(path)


def test_a_file_that_is_too_large_is_refused(tmp_path, monkeypatch):
    from aligntax_kernels.literals import patterns

    monkeypatch.setattr(patterns, "MAX_FILE_BYTES", 5)
    (tmp_path / "words.txt").write_text("too long")
    with pytest.raises(ValueError, match="split the file"):
        literals.read_patterns(tmp_path / "words.txt")


SETS = [
    (["abcd", "Привет", "\ud83d"], {}),
    ([b"\xff\x00", b"ab"], {"caseless": False}),
    (["a"], {"whole_words": True, "match": "overlapping"}),
    (["attack"], {"fold": Folding(leet=True), "caseless": False}),
    (["attack"], {"caseless": False}),
    ([], {}),
]


@pytest.mark.parametrize(("patterns", "options"), SETS)
def test_what_was_saved_is_read_back(tmp_path, patterns, options):
    words = literals.compile(patterns, **options)
    words.save(tmp_path / "set.json")
    again = literals.load(tmp_path / "set.json")
    assert again.patterns == words.patterns
    assert again.reason == words.reason
    assert [path.name for path in tmp_path.iterdir()] == ["set.json"]


def changed(document, **changes):
    return json.dumps({**document, **changes})


DAMAGES = [
    (lambda d: "no json", "is no saved pattern set"),
    (lambda d: "[" * 100_000, "is no saved pattern set"),
    (lambda d: "[]", "its format is None"),
    (lambda d: changed(d, format="aligntax.literals/9"), "its format is 'aligntax.literals/9', and this version reads"),
    (lambda d: changed(d, sha256="0"), "is damaged"),
    (lambda d: changed(d, content={**d["content"], "caseless": False}), "is damaged"),
    (lambda d: signed(d, patterns=["?"]), "its content is not that of a pattern set"),
    (lambda d: signed(d, patterns=5), "its content is not that of a pattern set"),
    (lambda d: signed(d, fold={"no": 1}), "its content is not that of a pattern set"),
    (lambda d: signed(d, patterns=["é"]), "its content is not that of a pattern set"),
    (lambda d: signed(d, caseless="false"), r"not that of a pattern set \(caseless: got 'false'"),
    (lambda d: signed(d, match="some"), r"set\.json: .* not that of a pattern set \(match='some' is unknown"),
]


def signed(document, **changes):
    content = {**document["content"], **changes}
    return changed(document, content=content, sha256=storage._digest(content))


@pytest.mark.parametrize(("damage", "message"), DAMAGES)
def test_another_file_or_a_damaged_one_is_refused(tmp_path, damage, message):
    path = tmp_path / "set.json"
    literals.compile(["abcd"], fold=Folding()).save(path)
    path.write_text(damage(json.loads(path.read_text())))
    with pytest.raises(ValueError, match=message):
        literals.load(path)


def test_a_saved_set_that_is_too_large_is_refused(tmp_path, monkeypatch):
    literals.compile(["abcd"]).save(tmp_path / "set.json")
    monkeypatch.setattr(storage, "MAX_FILE_BYTES", 5)
    with pytest.raises(ValueError, match="split the pattern set"):
        literals.load(tmp_path / "set.json")
