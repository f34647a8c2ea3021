"""`aligntax tax capability`, run in this process and in one of its own."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from aligntax.commands.tax.capability import capability

from ...experiment.running import Result, runner
from .writing import REFUSAL, samples, write


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("COLUMNS", "160")
    return runner(capability, capfd)


@pytest.fixture
def both(tmp_path: Path) -> tuple[Path, Path]:
    raw = samples(tmp_path / "raw.jsonl", 25, 3, variety=0.9, safe=True)
    return raw, samples(tmp_path / "aligned.jsonl", 25, 3, variety=0.2, refused=0.3, seed=1, safe=True)


def test_tables_record_and_no_texts(run: Callable[..., Result], both: tuple[Path, Path], tmp_path: Path) -> None:
    code, out, err = run(*both, "--json", tmp_path / "record.json", "--seed", 3)
    assert (code, err) == (0, "")
    for told in (
        *("Within prompts: the samples of each", "Across prompts, without refusals", "Safe prompts that are refused"),
        *("Vendi score, effective samples", "distinct-1, points of n-grams", "BLEU points", "bytes", "tokens squared"),
        *(
            "raw",
            "aligned",
            "tax / raw",
            "verdict",
            "Above 0 is a tax",
            "Formula: ",
            "cluster bootstrap",
            "Bonett and Price",
        ),
    ):
        assert told in out, told
    record = json.loads((tmp_path / "record.json").read_text())
    assert record["schema"] == "aligntax.tax/1"
    assert record["kind"] == "capability"
    assert record["parameters"]["seed"] == 3
    assert record["figures"][0]["name"] == "per_prompt.vendi"
    assert record["figures"][-1]["name"] == "over_refusal.rate"
    assert [source["name"] for source in record["sources"]] == ["raw.jsonl", "aligned.jsonl"]
    texts = {json.loads(line)["text"] for path in both for line in path.read_text().splitlines()}
    assert not any(text in out or text in json.dumps(record) for text in texts)


def test_no_refusals_are_said_once(run: Callable[..., Result], tmp_path: Path) -> None:
    path = samples(tmp_path / "raw.jsonl", 6)
    code, out, _ = run(path, path)
    assert code == 0
    assert out.count("No sample is a refusal: the same as with refusals.") == 2


def test_a_safe_set_of_its_own(run: Callable[..., Result], both: tuple[Path, Path], tmp_path: Path) -> None:
    safe = [
        write(tmp_path / f"{arm}.jsonl", [{"q": p, "a": REFUSAL if p < k else "Gladly."} for p in range(40)])
        for arm, k in (("s0", 4), ("s1", 20))
    ]
    code, _, err = run(*both, "--safe", *safe)
    assert code == 3
    assert "s0.jsonl:1: " in err
    rows = [write(path, [{"id": p, "text": "x"} for p in range(40)]) for path in safe]
    assert run(*both, "--safe", *rows).code == 0


def test_arms_that_cannot_be_compared(run: Callable[..., Result], tmp_path: Path) -> None:
    raw, aligned = samples(tmp_path / "raw.jsonl", 3, 2), samples(tmp_path / "aligned.jsonl", 3, 3)
    code, out, err = run(raw, aligned, "--json", tmp_path / "record.json")
    assert code == 3
    assert "[different_samples_per_prompt]" in out
    assert "nothing could be compared" in err
    assert json.loads((tmp_path / "record.json").read_text())["figures"] == []
    assert run(raw, aligned, "--k", 2).code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--margin", "x"], "--margin='x' is no limit"),
        (["--across", "5000"], "across=5000 must lie between 2 and 1,000"),
        (["--id", "prompt"], "raw.jsonl:1: no 'prompt'; add it, or name the field"),
        (["--text", "answer"], "raw.jsonl:1: it needs either 'answer'"),
        (["--embedding", "math:pi"], "cannot be called"),
        (["--detector", "nothing"], "is no file"),
        (["--json", "{raw}"], "it is read"),
        (["--json", "{folder}/none/record.json"], "cannot write there"),
        (["--phrases", "{folder}/none.txt"], "none.txt: cannot be read (No such file or directory); name a file with"),
        (["--safe", "{raw}", "{folder}/none.jsonl"], "none.jsonl: cannot be read"),
    ],
)
def test_bad_input(
    run: Callable[..., Result], both: tuple[Path, Path], tmp_path: Path, arguments: list[str], message: str
) -> None:
    code, _, err = run(*both, *(each.format(raw=both[0], folder=tmp_path) for each in arguments))
    assert code == 3
    assert err.startswith("aligntax: error: ")
    assert err.count("\n") == 1
    assert message in err


def test_a_module_without_the_extra(
    run: Callable[..., Result], both: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.feature_extraction.text", None)
    code, _, err = run(*both)
    assert code == 3
    assert "pip install 'aligntax[taxes]'" in err


def test_control_c(run: Callable[..., Result], both: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("interrupting_judge")

    def judge(text: str) -> bool:
        signal.raise_signal(signal.SIGINT)
        return False

    module.judge = judge  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(signal, "raise_signal", _once(signal.raise_signal))
    code, out, _ = run(*both, "--detector", "interrupting_judge:judge")
    assert (code, out) == (130, "")


def _once(function: Callable[[int], None]) -> Callable[[int], None]:
    """Return what calls a function the first time only: a second Ctrl-C would end the command wherever it is."""
    calls = iter([function])
    return lambda argument: next(calls, lambda _: None)(argument)
