"""The whole measurement: what it finds where the truth is known, and what it leaves out."""

from __future__ import annotations

import json
import math
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from aligntax.inference import Estimate
from aligntax.taxes.capability import (
    Settings,
    capability_tax,
    compression,
    distinct,
    expectation_adjusted_distinct,
    self_bleu,
    tokenizer,
)
from aligntax.taxes.capability import settings as limits
from aligntax.taxes.capability.telling import verdict
from aligntax.taxes.record import TaxVerdict

from ..one_command import figures, reasons
from .writing import REFUSAL, samples, write

GROUPS = ("per_prompt", "across_prompts", "per_prompt_answers", "across_prompts_answers")
METRICS = (
    *("vendi", "ead", "distinct_1", "distinct_2", "distinct_3"),
    *("self_bleu", "compression", "length", "length_variance"),
)


@pytest.fixture
def both(tmp_path: Path) -> tuple[Path, Path]:
    return (
        samples(tmp_path / "raw.jsonl", 50, variety=0.9, decoding={"temperature": 1}),
        samples(tmp_path / "aligned.jsonl", 50, variety=0.2, refused=0.15, seed=1, decoding={"temperature": 1}),
    )


def test_less_varied_samples_are_a_tax(both: tuple[Path, Path]) -> None:
    record = capability_tax(*both)
    found = figures(record)
    assert list(found) == [f"{group}.{metric}" for group in GROUPS for metric in METRICS]
    assert record.figures[0].name == "per_prompt.vendi"
    for metric in ("vendi", "ead", "distinct_1", "distinct_2", "compression", "self_bleu"):
        assert found[f"per_prompt_answers.{metric}"].verdict is TaxVerdict.TAX, metric
    for figure in found.values():
        assert figure.absolute is not None
        assert figure.relative is not None
        assert figure.raw is not None
        assert figure.absolute.value == pytest.approx(figure.relative.value * figure.raw)
        assert figure.unit
        assert figure.formula
        assert figure.sources == ("raw.jsonl", "aligned.jsonl")
        if figure.name.endswith(".length"):
            assert figure.verdict is None
    assert reasons(record) == {"over_refusal.rate": "no_safe_prompts"}
    assert record.more["samples"]["aligned"]["refused"] > 5
    assert record.more["samples"]["raw"] == {"refused": 0, "capped": 0, "samples": 150}
    json.dumps(record.to_dict(), allow_nan=False)


def test_values_are_those_of_the_definitions(both: tuple[Path, Path]) -> None:
    found = figures(capability_tax(*both))
    cut = tokenizer("word")
    arms = []
    for path in both:
        prompts: dict[str, list[str]] = {}
        for line in path.read_text().splitlines():
            row = json.loads(line)
            prompts.setdefault(row["id"], []).append(row["text"])
        arms.append(list(prompts.values()))
    tokens = [[[cut(text, 1024)[0] for text in texts] for texts in arm] for arm in arms]
    vocabulary = len({token for arm in tokens for prompt in arm for sample in prompt for token in sample})
    for at, arm in enumerate(("raw", "aligned")):
        within = {
            "ead": [expectation_adjusted_distinct(prompt, vocabulary) for prompt in tokens[at]],
            "distinct_2": [distinct(prompt, 2) for prompt in tokens[at]],
            "self_bleu": [self_bleu(prompt) for prompt in tokens[at]],
            "compression": [compression(texts).ratio for texts in arms[at]],
            "length_variance": [np.var([len(sample) for sample in prompt], ddof=1) for prompt in tokens[at]],
        }
        for metric, values in within.items():
            figure = found[f"per_prompt.{metric}"]
            value = figure.raw if arm == "raw" else figure.more["aligned"]
            assert value == pytest.approx(np.mean(values)), metric  # type: ignore[arg-type]
    plain = sum(compression(texts).plain_bytes for texts in arms[0])
    assert found["per_prompt.compression"].more["raw_plain_bytes"] == plain
    figure = found["across_prompts.distinct_1"]
    assert figure.n == 50  # in 25 groups of two
    assert figure.more["aligned"] == pytest.approx(distinct([prompt[0] for prompt in tokens[1]], 1))


def test_identical_arms_have_no_tax(both: tuple[Path, Path]) -> None:
    for figure in capability_tax(both[1], both[1]).figures:
        assert figure.absolute == (0, 0, 0)
        if figure.name != "across_prompts.self_bleu":  # five groups of ten prompts do not tell raw apart from zero
            assert figure.relative is not None
            assert figure.relative.value == 0
        assert figure.verdict is (None if figure.name.endswith(".length") else TaxVerdict.NONE)


def test_swapped_arms_have_the_opposite_tax(both: tuple[Path, Path]) -> None:
    there, back = (figures(capability_tax(*paths)) for paths in (both, both[::-1]))
    for name, figure in there.items():
        assert figure.absolute is not None
        mirrored = back[name].absolute
        assert mirrored is not None
        assert figure.absolute.value == pytest.approx(-mirrored.value, abs=1e-9), name
        assert figure.absolute.low == pytest.approx(-(mirrored.high or 0), rel=0.02, abs=1e-6), name


def test_the_order_of_lines_does_not_matter(both: tuple[Path, Path], tmp_path: Path) -> None:
    rows = both[1].read_text().splitlines()
    by_sample = [row for start in range(3) for row in rows[start::3]]
    turned = tmp_path / "aligned_by_sample.jsonl"
    turned.write_text("\n".join(by_sample))
    expected, found = capability_tax(*both), capability_tax(both[0], turned)
    assert [figure.absolute for figure in found.figures] == [figure.absolute for figure in expected.figures]


def test_identical_refusals_look_like_collapse_until_they_are_left_out(tmp_path: Path) -> None:
    raw = samples(tmp_path / "raw.jsonl", 40, 4)
    aligned = samples(tmp_path / "aligned.jsonl", 40, 4, refused=0.5, seed=2)
    found = figures(capability_tax(raw, aligned))
    assert found["per_prompt.vendi"].verdict is TaxVerdict.TAX
    assert found["across_prompts.vendi"].verdict is TaxVerdict.TAX
    for group in ("per_prompt_answers", "across_prompts_answers"):
        answers = found[f"{group}.vendi"]
        assert answers.absolute is not None
        assert answers.absolute.covers(0)
    assert (found["per_prompt_answers.vendi"].n or 0) < 40  # some have fewer than two answers left


def test_labels_of_refusals_go_before_the_detector(tmp_path: Path) -> None:
    raw = samples(tmp_path / "raw.jsonl", 10, 2, refused=0.5, refused_=None)
    rows = [json.loads(line) for line in raw.read_text().splitlines()]
    labelled = write(tmp_path / "labelled.jsonl", [{**row, "refused": False} for row in rows])
    assert capability_tax(labelled, labelled).more["samples"]["raw"]["refused"] == 0
    assert capability_tax(raw, raw).more["samples"]["raw"]["refused"] > 0


@pytest.mark.parametrize("scale", [1, 3])
def test_more_of_the_same_prompts_say_the_same(tmp_path: Path, scale: int) -> None:
    raw = samples(tmp_path / "raw.jsonl", 20)
    aligned = samples(tmp_path / "aligned.jsonl", 20, variety=0.3, seed=1)
    once = figures(capability_tax(raw, aligned))["per_prompt.distinct_2"]
    for path in (raw, aligned):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        write(path, [{**row, "id": f"{row['id']}.{copy}"} for copy in range(scale) for row in rows])
    again = figures(capability_tax(raw, aligned))["per_prompt.distinct_2"]
    assert again.n == 20 * scale
    assert once.absolute is not None
    assert again.absolute is not None
    assert again.absolute.value == pytest.approx(once.absolute.value)
    assert again.absolute.width == pytest.approx(once.absolute.width / math.sqrt(scale), rel=0.15)


def test_vectors_may_have_any_length(both: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for factor in (1.0, 1000.0):
        module = ModuleType("vectors_of_a_test")
        module.embed = lambda texts, factor=factor: [  # type: ignore[attr-defined]
            [factor * text.count(letter) for letter in "aeiou1234567890"] for text in texts
        ]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        record = capability_tax(*both, Settings(embedding="vectors_of_a_test:embed"))
        assert record.parameters["embedding"] == "vectors_of_a_test:embed"
        found.append(figures(record)["per_prompt.vendi"].absolute)
    assert found[0] is not None
    assert found[1] == pytest.approx(found[0])


def test_one_sample_of_each_prompt(both: tuple[Path, Path]) -> None:
    record = capability_tax(*both, Settings(k=1))
    refused = reasons(record)
    for metric in ("vendi", "self_bleu", "length_variance"):
        assert refused[f"per_prompt.{metric}"] == "one_sample"
    assert record.figures[0].name == "per_prompt.ead"
    assert "across_prompts.vendi" in figures(record)
    assert record.parameters["k"] == 1


@pytest.mark.parametrize(
    ("counts", "message"),
    [((3, 2), "raw.jsonl 3 and aligned.jsonl 2; .* --k 2"), ((2, 2), "raw.jsonl 2 to 4 and aligned.jsonl 2; .* --k 2")],
)
def test_different_numbers_of_samples(tmp_path: Path, counts: tuple[int, int], message: str) -> None:
    paths = [
        samples(tmp_path / f"{arm}.jsonl", 3, count) for arm, count in zip(("raw", "aligned"), counts, strict=True)
    ]
    if counts == (2, 2):
        with paths[0].open("a") as file:
            file.write('{"id": "p0", "text": "x"}\n{"id": "p0", "text": "y"}\n')
    record = capability_tax(*paths)
    assert not record.figures
    assert [refusal.reason for refusal in record.refusals] == ["different_samples_per_prompt", "no_safe_prompts"]
    assert re.search(message, record.refusals[0].message)
    assert capability_tax(*paths, Settings(k=2)).figures
    with pytest.raises(ValueError, match=r"2 samples of this prompt, and --k asks for 3; pass --k 2"):
        capability_tax(*paths, Settings(k=3))


def test_different_decoding(tmp_path: Path) -> None:
    raw = samples(tmp_path / "raw.jsonl", 3, decoding={"temperature": 1.0, "top_p": 1})
    aligned = samples(tmp_path / "aligned.jsonl", 3, decoding={"top_p": 1, "temperature": 0.7})
    record = capability_tax(raw, aligned)
    assert reasons(record)["diversity"] == "different_decoding"
    same = samples(tmp_path / "same.jsonl", 3, decoding={"top_p": 1, "temperature": 1.0})
    assert capability_tax(raw, same).figures


def test_different_prompts(tmp_path: Path) -> None:
    raw, aligned = samples(tmp_path / "raw.jsonl", 4), samples(tmp_path / "aligned.jsonl", 3)
    with pytest.raises(ValueError, match=r"raw.jsonl:10: the id of this prompt is not in .*aligned.jsonl"):
        capability_tax(raw, aligned)
    with pytest.raises(ValueError, match=r"raw.jsonl:10: the id"):
        capability_tax(aligned, raw)


def test_a_raw_value_of_zero(tmp_path: Path) -> None:
    raw = write(tmp_path / "raw.jsonl", [{"id": p, "samples": [f"a{p} b c d", f"e{p} f g h"]} for p in range(8)])
    aligned = write(tmp_path / "aligned.jsonl", [{"id": p, "samples": [f"a{p} b c d"] * 2} for p in range(8)])
    record = capability_tax(raw, aligned)
    refused = reasons(record)
    assert refused["per_prompt.self_bleu, relative"] == "zero_raw"
    assert refused["per_prompt.length_variance, relative"] == "zero_raw"
    assert refused["across_prompts.self_bleu"] == "too_few_prompts"
    figure = figures(record)["per_prompt.self_bleu"]
    assert figure.absolute is not None
    assert figure.absolute.value == pytest.approx(100)
    assert figure.relative is None


def test_a_raw_value_that_is_not_apart_from_zero(tmp_path: Path) -> None:
    rows = [["a b c d", "a b c d"]] + [[f"a{p} x{p}", f"b{p} y{p}"] for p in range(9)]
    raw = write(tmp_path / "raw.jsonl", [{"id": p, "samples": texts} for p, texts in enumerate(rows)])
    assert reasons(capability_tax(raw, raw))["per_prompt.self_bleu, relative"] == "raw_not_apart_from_zero"


def test_texts_without_tokens_and_prompts_without_answers(tmp_path: Path) -> None:
    raw = write(tmp_path / "raw.jsonl", [{"id": p, "samples": ["one", ""]} for p in range(3)])
    aligned = write(tmp_path / "aligned.jsonl", [{"id": p, "samples": [REFUSAL, ""]} for p in range(3)])
    record = capability_tax(raw, aligned)
    refused = reasons(record)
    assert refused["per_prompt.distinct_2"] == "no_tokens"
    assert refused["per_prompt.self_bleu"] == "no_tokens"
    assert refused["per_prompt_answers.distinct_1"] == "no_answers"
    assert refused["across_prompts_answers"] == "too_few_prompts"
    assert figures(record)["per_prompt.vendi"].verdict is TaxVerdict.INCONCLUSIVE  # three prompts: no interval


def test_prompts_are_drawn_alike_in_both_arms(both: tuple[Path, Path]) -> None:
    record = capability_tax(*both, Settings(prompts=12, across=8))
    found = figures(record)
    assert found["per_prompt.ead"].n == 12
    assert found["across_prompts.ead"].n == 8
    assert any("12 of 50 prompts were drawn" in warning for warning in record.warnings)
    same = capability_tax(both[0], both[0], Settings(prompts=12, across=8))
    assert all(figure.absolute is not None and figure.absolute.value == 0 for figure in same.figures)


def test_the_cap_holds_for_all_but_the_length(both: tuple[Path, Path]) -> None:
    record = capability_tax(*both, Settings(max_tokens=4))
    assert record.more["samples"]["raw"]["capped"] == 150
    whole = figures(capability_tax(*both))
    capped = figures(record)
    assert capped["per_prompt.length"].raw == whole["per_prompt.length"].raw
    assert capped["per_prompt.compression"].more["raw_plain_bytes"] < 6_000
    assert any("cut at 4 tokens: 150 of raw" in warning for warning in record.warnings)


def test_a_vocabulary_that_is_given_or_too_large(both: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    found = [figures(capability_tax(*both, Settings(vocabulary=v)))["per_prompt.ead"].raw for v in (50_257, 10**9)]
    plain = figures(capability_tax(*both))["per_prompt.distinct_1"].raw
    assert found[1] == pytest.approx(plain, rel=1e-6)
    assert found[0] == pytest.approx(plain, rel=1e-3)
    monkeypatch.setattr("aligntax.taxes.capability.diversity.MAX_VOCABULARY", 100)
    with pytest.raises(ValueError, match="more than 100 different tokens; pass --vocabulary"):
        capability_tax(*both)
    assert capability_tax(*both, Settings(vocabulary=50_257)).figures


def test_too_many_prompts_for_all(both: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aligntax.taxes.capability.matching.MAX_PROMPTS", 10)
    with pytest.raises(ValueError, match="50 prompts are too many; pass --prompts, at most 10"):
        capability_tax(*both, Settings(prompts=0))


@pytest.mark.parametrize(
    "wrong",
    [
        *({"k": 0}, {"k": 257}, {"max_tokens": 0}, {"tokenizer": "gpt"}, {"vocabulary": 0}, {"prompts": -1}),
        *({"prompts": limits.MAX_PROMPTS + 1}, {"across": 1}, {"across": limits.MAX_ACROSS + 1}, {"margin": -0.1}),
        *({"margin": math.nan}, {"seed": -1}, {"confidence": 1.0}),
    ],
)
def test_settings_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Settings(**wrong)


@pytest.mark.parametrize(
    ("tax", "margin", "expected"),
    [
        (Estimate(1.0, 0.5, 1.5), 0.1, TaxVerdict.TAX),
        (Estimate(-1.0, -1.5, -0.5), 0.1, TaxVerdict.BONUS),
        (Estimate(0.1, -0.5, 0.7), 0.1, TaxVerdict.INCONCLUSIVE),
        (Estimate(0.1, 0.05, 0.15), 0.2, TaxVerdict.NONE),
        (Estimate(0.0, 0.0, 0.0), 0.0, TaxVerdict.NONE),
        (Estimate(5.0), 0.1, TaxVerdict.INCONCLUSIVE),
    ],
)
def test_verdicts(tax: Estimate, margin: float, expected: TaxVerdict) -> None:
    assert verdict(tax, margin) is expected


def test_whoever_watches_may_end_it(both: tuple[Path, Path]) -> None:
    stages: list[str] = []

    def watch(stage: str, done: float, detail: str) -> bool:
        stages.append(stage)
        return stage != "prompts"

    with pytest.raises(KeyboardInterrupt):
        capability_tax(*both, progress=watch)
    assert list(dict.fromkeys(stages)) == ["reading raw.jsonl", "reading aligned.jsonl", "counting tokens", "prompts"]
