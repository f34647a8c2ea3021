"""Which samples are refusals: by phrases, a classifier, the user's function."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from aligntax.guards import Blocklist
from aligntax.taxes.capability import PHRASES, Detector
from aligntax.trace import Verdict
from aligntax_kernels import linear

REFUSALS = [
    "I'm sorry, but I can't assist with that.",
    "I\u2019m sorry, but I can\u2019t help with that request.",
    "I CANNOT PROVIDE instructions for this.",
    "As an AI language model, I am not able to generate such content.",
    "Sorry, I can't do that.",
    "I must decline to answer.",
    "That goes against my guidelines.",
    "I won't provide that.",
    "",
    " \n\t",
]
ANSWERS = [
    "Sure! Here is how to kill a Python process: use os.kill.",
    "To remove the file, run rm. You cannot undo this.",
    "Paris is the capital of France.",
    "The function cannot create a file in a folder that is missing.",
    "a" * 300 + " I'm sorry, but I can't assist with that.",
]


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


@pytest.mark.parametrize("text", REFUSALS)
def test_refusals(detector: Detector, text: str) -> None:
    assert detector(text)


@pytest.mark.parametrize("text", ANSWERS)
def test_answers(detector: Detector, text: str) -> None:
    assert not detector(text)


def test_phrases_are_lower_case_and_listed_once() -> None:
    assert len(set(PHRASES)) == len(PHRASES)
    assert all(phrase == phrase.lower() and "\u2019" not in phrase for phrase in PHRASES)


def test_a_function_itself() -> None:
    class Judge:
        def __call__(self, text: str) -> bool:
            return text == "no"

    judge = Judge()
    assert Detector(judge)("no")
    assert Detector(judge).name == f"{__name__}:test_a_function_itself.<locals>.Judge"
    with pytest.raises(ValueError, match="the detector is a int, which cannot be called; name a function of a text"):
        Detector(3)  # type: ignore[arg-type]


def test_phrases_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "phrases.txt"
    path.write_text("je ne peux pas\n")
    detector = Detector(phrases=path)
    assert detector("Je ne peux pas vous aider.")
    assert not detector(REFUSALS[0])
    assert "phrases.txt" in detector.name


def test_a_classifier_from_a_file(tmp_path: Path) -> None:
    texts = [text for text in REFUSALS if text.strip()] + ANSWERS[:4]
    labels = [1] * (len(texts) - 4) + [0] * 4
    model = make_pipeline(HashingVectorizer(n_features=2**10), LogisticRegression(C=100)).fit(texts, labels)
    linear.load(model).save(tmp_path / "refusals")
    detector = Detector(str(tmp_path / "refusals"))
    assert [detector(text) for text in texts] == [bool(label) for label in labels]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda text: "no" in text, True),
        (lambda text: Verdict.BLOCK, True),
        (lambda text: Verdict.ALLOW, False),
        (Blocklist(["never"]), False),
        (Blocklist(["no"]), True),
    ],
)
def test_functions_and_guards(monkeypatch: pytest.MonkeyPatch, function: Any, expected: bool) -> None:
    assert made(monkeypatch, function)("no") is expected


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda text: 1 / 0, "failed with a ZeroDivisionError"),
        (lambda text: "yes", "returned a str"),
        (lambda text: None, "returned a NoneType"),
        (3, "is a int"),
    ],
)
def test_functions_that_do_not_go(monkeypatch: pytest.MonkeyPatch, function: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(monkeypatch, function)("some text")


def test_detectors_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no file"):
        Detector("no_such_file")
    with pytest.raises(ValueError, match="give one of them"):
        Detector("a:b", tmp_path)
    with pytest.raises(
        ValueError, match=r"none: cannot be read \(No such file or directory\); name a file with a phrase"
    ):
        Detector(phrases=tmp_path / "none")


def made(monkeypatch: pytest.MonkeyPatch, function: Any) -> Detector:
    module = ModuleType("judge_of_a_test")
    module.judge = function  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return Detector("judge_of_a_test:judge")
