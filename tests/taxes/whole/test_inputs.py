"""What a report is made of: files, folders, releases, and what is left out or refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from aligntax.taxes.whole import inputs as inputs_module
from aligntax.taxes.whole import read_inputs

from .records import benefit, capability, debt, everything, performance, result, write


def names(documents: Any) -> list[str]:
    return [document.file for document in documents]


def test_files_and_folders_are_read_with_what_identifies_them(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", {"a/p.json": performance(), "b/deep/er/c.json": capability(), "text.txt": "no"})
    alone = write(tmp_path, {"r.json": result()}) / "r.json"
    found = read_inputs([folder, alone])
    assert names(found.documents) == ["a/p.json", "b/deep/er/c.json", "r.json"]
    assert (found.releases, found.left_out) == ((), ())
    assert found.title == "shop.chat:pipeline"
    one = found.documents[0]
    assert len(one.provenance["sha256"]) == 64
    assert one.provenance["bytes"] == (folder / "a/p.json").stat().st_size
    assert one.inputs[0]["name"] == "performance.csv"


def test_what_folders_say_of_themselves_is_read_once_each(tmp_path: Path) -> None:
    folder = write(tmp_path / "shop", {"note.txt": "All of this\nis  made up.\n", "2026-01-v1/p.json": performance()})
    write(folder / "2026-01-v1", {"note.txt": "A note of the release."})
    write(folder / "other", {"note.txt": "Nothing is read here."})
    expected = (("shop/note.txt", "All of this is made up."), ("2026-01-v1/note.txt", "A note of the release."))
    assert read_inputs([folder]).notes == expected
    assert read_inputs([folder / "2026-01-v1/p.json"]).notes == expected[1:]
    write(folder / "2026-01-v1", {"note.txt": "All of this is made up."})
    assert [note.text for note in read_inputs([folder]).notes] == ["All of this is made up."]
    write(folder, {"note.txt": " \n"})
    write(folder / "2026-01-v1", {"note.txt": ""})
    assert read_inputs([folder]).notes == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a" * 2001, "note.txt: has more than 2,000 bytes; say in a few lines what must be known"),
        (b"\xff\xfe", "note.txt: is no text in UTF-8 .*; write it anew, or take it away"),
    ],
)
def test_a_note_that_is_none_is_refused(text: bytes, message: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "shop", {"p.json": performance()})
    (folder / "note.txt").write_bytes(text)
    with pytest.raises(ValueError, match=message):
        read_inputs([folder])


def test_a_result_gives_latency_and_compute(tmp_path: Path) -> None:
    energy = {"energy_joules": {"tax": 0.4, "source": ["rapl"], "estimated": True}}
    made = result(compute=energy)
    (document,) = read_inputs([write(tmp_path, {"r.json": made}) / "r.json"]).documents
    found = {figure.name: (kind, figure) for kind, figure in document.figures}
    assert [*found] == ["tax", "guards.pii", "guards.toxicity", "cpu", "energy"]
    kind, tax = found["tax"]
    assert kind == "latency"
    assert tax.to_dict()["absolute"] == made["tax"]["seconds"]
    assert tax.to_dict()["relative"] == made["tax"]["relative"]
    assert (tax.verdict, tax.n, tax.unit, tax.raw) == ("tax", 120, "seconds", made["latency"]["raw"]["mean"])
    assert found["cpu"][0] == "compute"
    assert found["energy"][1].marks == ("estimated",)
    assert found["energy"][1].verdict is None


def test_a_tax_within_the_noise_is_inconclusive_and_a_negative_one_a_bonus(tmp_path: Path) -> None:
    noisy = result()
    noisy["tax"]["distinguishable"] = False
    files = {"noisy.json": noisy, "bonus.json": result(2, cost=-1.0)}
    documents = read_inputs([write(tmp_path, files)]).documents
    first = {document.file: document.figures[0][1] for document in documents}
    assert (first["noisy.json"].verdict, first["bonus.json"].verdict) == ("inconclusive", "bonus")


def test_folders_with_dates_are_releases(tmp_path: Path) -> None:
    found = read_inputs([everything(tmp_path / "shop")])
    assert [release.name for release in found.releases] == [
        *("2025-03-v1.0", "2025-06-v1.1", "2025-09-v1.2", "2025-12-v1.3", "2026-03-v1.4"),
    ]
    assert {document.kind for document in found.documents} == {
        *("performance", "latency", "capability", "benefit", "debt", "scaling", "development"),
    }
    assert [one.file for one in found.left_out] == ["2026-03-v1.4/broken.json", "2026-03-v1.4/notes.json"]
    assert "it ends too early" in found.left_out[0].reason


@pytest.mark.parametrize("name", ["20260301", "2026-03-01-v2", "2026-03"])
def test_a_release_may_be_named_itself_and_dates_are_written_in_several_ways(tmp_path: Path, name: str) -> None:
    folders = [
        write(tmp_path / each, {"p.json": performance(tax)}) for each, tax in ((name, 0.05), ("2025-12-31", 0.06))
    ]
    found = read_inputs(folders)
    assert [(release.name, f"{release.date:%Y-%m-%d}") for release in found.releases] == [
        ("2025-12-31", "2025-12-31"),
        (name, "2026-03-01"),
    ]
    assert names(found.documents) == [f"{name}/p.json"]


def test_what_lies_beside_releases_is_of_the_deployment_as_it_is(tmp_path: Path) -> None:
    files = {"debt.json": debt(), "2026-01/p.json": performance(), "2026-02/p.json": performance(0.04)}
    found = read_inputs([write(tmp_path, files)])
    assert names(found.documents) == ["debt.json", "2026-02/p.json"]


def test_any_subfolder_is_a_release_on_request(tmp_path: Path) -> None:
    older, newer = performance(), performance(0.04)
    older["created"], newer["created"] = "2026-01-05T12:00:00+01:00", "2026-02-05T12:00:00"
    files = {"zeta/p.json": older, "alpha/p.json": newer}
    folder = write(tmp_path / "in", files)
    assert [release.name for release in read_inputs([folder], releases=True).releases] == ["zeta", "alpha"]
    by_name = read_inputs([folder / "zeta", folder / "alpha"], releases=True)
    assert [release.name for release in by_name.releases] == ["zeta", "alpha"]
    assert not read_inputs([folder]).releases
    broken = write(tmp_path / "other", {"x/p.json": {**older, "created": "yesterday"}})
    with pytest.raises(ValueError, match=r"p\.json: created='yesterday' is no time"):
        read_inputs([broken], releases=True)


def test_the_same_file_counts_once(tmp_path: Path) -> None:
    text = json.dumps(performance())
    folder = write(tmp_path / "in", {"a.json": text, "b/a.json": text})
    found = read_inputs([folder, folder / "a.json", folder])
    assert names(found.documents) == ["a.json"]
    assert [(one.file, one.reason) for one in found.left_out] == [("b/a.json", "the same as a.json")]


def test_files_of_one_name_get_their_folders(tmp_path: Path) -> None:
    paths = [write(tmp_path / name, {"p.json": performance(tax)}) / "p.json" for name, tax in (("x", 0.1), ("y", 0.2))]
    assert names(read_inputs(paths).documents) == ["p.json", "y/p.json"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '{"schema": "aligntax.compare/1"}',
            r"has schema 'aligntax.compare/1', so it is neither a record .* nor a result",
        ),
        ("[1, 2]", "has no schema, so it is neither a record"),
        ('{"schema": ', "is no JSON (it ends too early)"),
        ('{"schema": "aligntax.tax/1"}', "is not whole ('kind' is missing); write it anew with: aligntax tax"),
        ({**performance(), "kind": "speed"}, "kind 'speed' is no tax that is known"),
        ({**performance(), "refusals": None}, "is not whole ('NoneType' object is not iterable)"),
        ({**performance(), "figures": performance()["figures"][:1] * 2}, "figure 'macro' is there twice"),
        ('{"schema": "aligntax.bench/1"}', "has no part 'target'"),
    ],
)
def test_what_is_damaged_or_foreign_is_refused_by_name(tmp_path: Path, content: Any, message: str) -> None:
    path = write(tmp_path, {"f.json": content}) / "f.json"
    with pytest.raises(
        ValueError, match=rf"^{re.escape(str(path))}: (?s:.*){message if '.*' in message else re.escape(message)}"
    ):
        read_inputs([path])


def test_figures_that_are_none_are_refused_with_their_name(tmp_path: Path) -> None:
    for key, value, message in (
        ("absolute", {"value": 1.0, "low": 2.0, "high": 3.0}, "figure 'macro', absolute: .* low <= value <= high"),
        ("verdict", "splendid", "'splendid' is not a valid TaxVerdict"),
        ("n", "many", "invalid literal for int"),
    ):
        made = performance()
        made["figures"][0][key] = value
        with pytest.raises(ValueError, match=f"p.json: .*{message}"):
            read_inputs([write(tmp_path, {"p.json": made})])


def test_a_damaged_record_in_a_folder_is_not_passed_over(tmp_path: Path) -> None:
    made = benefit()
    del made["figures"][0]["unit"]
    with pytest.raises(ValueError, match=r"b\.json: is not whole \('unit' is missing\)"):
        read_inputs([write(tmp_path, {"b.json": made, "p.json": performance()})])


def test_nothing_to_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no such file or folder"):
        read_inputs([tmp_path / "nothing"])
    with pytest.raises(ValueError, match="no record and no result there"):
        read_inputs([tmp_path])
    with pytest.raises(ValueError, match=r"the folder 2026-02-30: its name starts with no date"):
        read_inputs([write(tmp_path, {"2026-02-30/p.json": performance()})])


def test_too_many_files_and_too_deep_folders_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "in", {f"{number}.json": performance(number / 100) for number in range(4)})
    monkeypatch.setattr(inputs_module, "MAX_FILES", 3)
    with pytest.raises(ValueError, match="more than 3 JSON files"):
        read_inputs([folder])
    monkeypatch.setattr(inputs_module, "MAX_FILES", 10)
    monkeypatch.setattr(inputs_module, "MAX_DEPTH", 1)
    deep = write(tmp_path / "deep", {"a/p.json": performance(), "a/b/p.json": capability(), ".git/p.json": debt()})
    (deep / "a" / "loop").symlink_to(deep)
    assert names(read_inputs([deep]).documents) == ["a/p.json"]
