"""What scoring a prompt with a linear classifier costs: against scikit-learn's own pipeline, from which it was loaded.

A call scores one prompt, and no prompt twice in a row: each meets weights that the last ones have not just fetched.
The peer's pipeline is the same fitted object, without its checks of parameters and of finiteness, which scikit-learn
lets its users leave out and which are a quarter of such a call; its batches are one call as well.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter_ns
from typing import Any, NamedTuple

import measure
import numpy as np
import result
import sklearn
from measure import Arm, own_code
from result import Result, Row
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from aligntax_kernels import linear

ROUNDS, QUICK_ROUNDS = 31, 2
PROMPTS, BATCH = 64, 1_000
LEAST_SPEEDUP = 10
TOLERANCE = 1e-6
SIZES = {"200 bytes": 200, "2 KB": 2_000}
ANALYSES: Mapping[str, Mapping[str, Any]] = {
    "words": {},
    "words and pairs of words": {"ngram_range": (1, 2)},
    "3 to 5 characters within words": {"analyzer": "char_wb", "ngram_range": (3, 5)},
}
SYLLABLES = re.findall("..", "kalominuresativobedufigahojakelamenopirosutauneriniststhananonal")
CYRILLIC = str.maketrans("abdefghijklmnoprstuv", "абдефгхийклмнопрстув")


class Case(NamedTuple):
    """One comparison: the same prompts through the scorer and through the pipeline that it was loaded from."""

    name: str
    ours: Callable[[Any], Any]
    theirs: Callable[[Any], Any]
    prompts: Sequence[Any]
    per_prompt: int
    wanted: float | None


def run(quick: bool) -> Result:
    """Fit a classifier for each kind of feature, check that both sides score alike, then time them in turns."""
    warm_up_seconds = linear.warm()
    cases = _cases()
    arms: dict[str, Arm] = {}
    for case in cases:
        arms |= {f"ours {case.name}": _arm(case.ours, case), f"theirs {case.name}": _arm(case.theirs, case)}
    with sklearn.config_context(assume_finite=True, skip_parameter_validation=True):
        agree = all(_agrees(case) for case in cases)
        said = measure.interleave(arms, QUICK_ROUNDS if quick else ROUNDS)
    rows: list[Row] = [
        result.compared(
            case.name,
            said[f"ours {case.name}"],
            "scikit-learn predict_proba",
            said[f"theirs {case.name}"],
            "us",
            case.wanted,
        )
        for case in cases
    ]
    versions = result.versions("scikit-learn", "numpy", "scipy", "numba")
    return Result(rows, agree, {"versions": versions, "warm_up_seconds": warm_up_seconds, "unit": "us per prompt"})


def _cases() -> list[Case]:
    source = random.Random(5)
    vocabulary = ["".join(source.choices(SYLLABLES, k=source.randint(1, 4))) for _ in range(6_000)]
    weights = [1 / rank for rank in range(1, len(vocabulary) + 1)]

    def prompt(size: int) -> str:
        words = source.choices(vocabulary, weights, k=size)
        return " ".join(word.title() if source.random() < 0.1 else word for word in words)[:size]

    texts = [prompt(400) for _ in range(200)]
    labels = [sum(map(ord, text)) % 2 for text in texts]
    cases = []
    for features, settings in ANALYSES.items():
        classifier = LogisticRegression(solver="liblinear")
        pipeline = make_pipeline(HashingVectorizer(**settings), classifier).fit(texts, labels)
        scorer = linear.load(pipeline)
        single = {size: [prompt(length) for _ in range(PROMPTS)] for size, length in SIZES.items()}
        if not settings:
            single["2 KB, Cyrillic"] = [text.translate(CYRILLIC)[:1_100] for text in single["2 KB"]]
        for size, prompts in single.items():
            pairs = [[text] for text in prompts]
            name = f"one prompt of {size}, {features}"
            cases.append(Case(name, _first(scorer.score), pipeline.predict_proba, pairs, 1, LEAST_SPEEDUP))
        batch = [[prompt(200) for _ in range(BATCH)]]
        name = f"a prompt of 200 bytes, {BATCH:,} in one call, {features}"
        cases.append(Case(name, scorer.probabilities_batch, pipeline.predict_proba, batch, BATCH, None))
    return cases


def _first(score: Callable[[str], float]) -> Callable[[list[str]], float]:
    # Unpacks what the peer must be given, a list of one; the cost of this call counts against ours.
    def first(texts: list[str]) -> float:
        return score(texts[0])

    return own_code(first)


def _agrees(case: Case) -> bool:
    for texts in case.prompts:
        ours, theirs = np.asarray(case.ours(texts)), case.theirs(texts)
        if np.abs(ours - (theirs[0, 1] if ours.ndim == 0 else theirs)).max() > TOLERANCE:
            return False
    return True


def _arm(call: Callable[[Any], Any], case: Case) -> Arm:
    calls = len(case.prompts) * case.per_prompt

    @own_code
    def batch() -> float:
        start_ns = perf_counter_ns()
        for texts in case.prompts:
            call(texts)
        return (perf_counter_ns() - start_ns) / calls / 1e3

    return batch
