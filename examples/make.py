"""Makes the files in examples/data: the same ones every time, and all of them made up.

    python examples/make.py

No model answered, no attack was tried and nobody spent these hours. The files show what each command of `aligntax tax`
reads, and give its reports something to show.
"""

from __future__ import annotations

import csv
import io
import json
import math
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["RELEASES", "files", "main"]

FOLDER = Path(__file__).parent / "data"
RELEASES = ("2025-03-01-v1.0", "2025-06-01-v1.1", "2025-09-01-v1.2", "2025-12-01-v1.3", "2026-03-01-v1.4")
SAMPLES = 4


class Task(NamedTuple):
    """A benchmark that nobody ran.

    Attributes:
        name, metric: of it.
        raw: the score before alignment, a share.
        loss: how much of it the first release lost.
        n: how many items.
    """

    name: str
    metric: str
    raw: float
    loss: float
    n: int


TASKS = (
    Task("reading", "f1", 0.643, 0.120, 11_873),
    Task("arithmetic", "exact_match", 0.512, 0.066, 5_000),
    Task("knowledge", "acc", 0.691, 0.031, 14_042),
    Task("pronouns", "acc", 0.740, 0.020, 1_040),
    Task("translation", "acc", 0.389, 0.080, 6_000),
    Task("honesty", "acc", 0.402, -0.110, 3_000),
)
_KEPT = (1.0, 0.86, 0.71, 0.60, 0.47)
"""How much of the loss is left in each release."""

_WORDS = {
    "who": ("a baker", "the pilot", "my neighbour", "an old sailor", "the robot", "a young judge", "the gardener"),
    "does": ("opens", "repairs", "paints", "hides", "counts", "borrows", "forgets", "sings to"),
    "what": ("a red door", "seven clocks", "the last letter", "a small boat", "the orchard", "a map", "the piano"),
    "where": ("by the river", "at midnight", "in the attic", "under the bridge", "on a Tuesday", "beyond the hill"),
    "why": ("to keep a promise", "for no reason", "because of the rain", "to win a bet", "out of love", "by mistake"),
}
_REFUSALS = ("I'm sorry, but I can't help with that.", "I cannot assist with this request.")


def files() -> dict[str, str]:
    """Return what each file holds, by its name."""
    chance = random.Random(20260301)  # noqa: S311 (for examples, and not for secrets)
    found = {"scores/raw.csv": _scores([(task, task.raw) for task in TASKS])}
    for release, kept in zip(RELEASES, _KEPT, strict=True):
        aligned = [(task, task.raw - task.loss * kept + chance.gauss(0, 0.002)) for task in TASKS]
        found[f"scores/{release}.csv"] = _scores(aligned)
    found |= dict(zip(("samples/raw.jsonl", "samples/aligned.jsonl"), _samples(chance), strict=True))
    found |= dict(zip(("samples/safe_raw.jsonl", "samples/safe_aligned.jsonl"), _safe(chance), strict=True))
    for name, caught, alarms, seconds in (
        ("blocklist", 0.45, 0.008, 0.0002),
        ("classifier", 0.52, 0.045, 0.0017),
        ("both", 0.78, 0.052, 0.0019),
    ):
        found[f"verdicts/{name}.jsonl"] = _verdicts(chance, caught, alarms, seconds)
    found["sizes.csv"] = _sizes()
    found["hours.toml"] = HOURS
    found["debt.toml"] = DEBT
    found["guards.toml"] = GUARDS
    return found


def main() -> None:
    """Write the files."""
    for name, text in files().items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _scores(scores: Sequence[tuple[Task, float]]) -> str:
    rows = (
        (task.name, task.metric, f"{score:.4f}", f"{math.sqrt(score * (1 - score) / (task.n - 1)):.5f}", task.n)
        for task, score in scores
    )
    return _csv(("task", "metric", "score", "stderr", "n"), rows)


def _samples(chance: random.Random) -> tuple[str, str]:
    """Return answers to open prompts: varied ones, and ones that are more alike, some of them refusals."""
    raw, aligned = [], []
    for number in range(60):
        raw.append({"id": f"story-{number:02}", "samples": [_sentence(chance, 1.0) for _ in range(SAMPLES)]})
        told = [_sentence(chance, 0.6) for _ in range(SAMPLES)]
        if chance.random() < 0.05:
            told = [chance.choice(_REFUSALS)] * SAMPLES
        aligned.append({"id": f"story-{number:02}", "samples": told})
    return _lines(raw), _lines(aligned)


def _sentence(chance: random.Random, part: float) -> str:
    """Return a sentence of words of which only the first part of each kind is known."""
    known = {kind: words[: max(2, round(len(words) * part))] for kind, words in _WORDS.items()}
    sentences = (" ".join(chance.choice(words) for words in known.values()) for _ in range(3))
    return " ".join(f"{sentence[0].upper()}{sentence[1:]}." for sentence in sentences)


def _safe(chance: random.Random) -> tuple[str, str]:
    """Return answers to safe prompts that look unsafe; some are refused."""
    raw, aligned = (_lines(_answers(chance, refused)) for refused in (0.03, 0.11))
    return raw, aligned


def _answers(chance: random.Random, refused: float) -> Iterator[dict[str, str]]:
    for number in range(250):
        text = chance.choice(_REFUSALS) if chance.random() < refused else _sentence(chance, 1.0)
        yield {"id": f"safe-{number:03}", "text": text}


def _verdicts(chance: random.Random, caught: float, alarms: float, seconds: float) -> str:
    """Return what guards said of labelled texts, twice each, and which attacks a model falls for without them."""
    return _lines(_judged(chance, caught, alarms, seconds))


def _judged(chance: random.Random, caught: float, alarms: float, seconds: float) -> Iterator[dict[str, Any]]:
    of_texts = random.Random(7)  # noqa: S311 (the same texts for all guards)
    for number in range(360):
        attack = number < 120
        label = {"id": f"text-{number:03}", "label": "attack" if attack else "benign"}
        if attack:
            label |= {"succeeded": of_texts.random() < 0.62}  # type: ignore[dict-item]
        blocked = chance.random() < (caught if attack else alarms)
        for repeat in range(2):
            verdict = blocked if chance.random() < 0.98 else not blocked
            yield {
                **label,
                "arm": "guarded",
                "repeat": repeat,
                "verdict": "block" if verdict else "allow",
                "latency_seconds": round(seconds * chance.lognormvariate(0, 0.15), 7),
            }


def _sizes() -> str:
    rows = (
        ("made-up", "0.4B", 0.412, 0.377, 0.006),
        ("made-up", "1.5B", 0.520, 0.469, 0.006),
        ("made-up", "7B", 0.587, 0.521, 0.006),
        ("made-up", "32B", 0.643, 0.561, 0.006),
        ("made-up", "110B", 0.668, 0.574, 0.006),
    )
    return _csv(("family", "size", "raw", "aligned", "stderr"), rows)


def _csv(head: Sequence[str], rows: Any) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return out.getvalue()


def _lines(objects: Any) -> str:
    return "".join(f"{json.dumps(one)}\n" for one in objects)


HOURS = """\
# Hours that nobody spent: an example of a ledger for aligntax tax development --ledger.
currency = "USD"
rate_per_hour = [80, 120]
window_months = 24
requests_per_month = [1e6, 3e6]

[[hours]]
what = "blocklist: first version, tests, roll-out"
once = [30, 50]

[[hours]]
what = "classifier: labelling, training, evaluation"
once = [120, 200]
rate_per_hour = [100, 150]

[[hours]]
what = "false positives: reading and mending"
per_month = [2, 6]
"""

DEBT = """\
# Losses that nobody had: an example of the inputs of aligntax tax debt.
currency = "USD"
requests_per_year = [10e6, 14e6]
single_loss = [500, 5000]
control_cost_per_year = [30e3, 50e3]
principal = [40e3, 60e3]
discount_rate = 0.08
years = 5

[attacks]
count = 40
requests = 1_000_000

[success_without]
count = 74
of = 120

[success_with]
count = 18
of = 120
"""

GUARDS = """\
# Two of the built-in guards, with made-up words.
[[guards]]
use = "pii"
stage = "input"
on_hit = "redact"

[[guards]]
use = "blocklist"
stage = "input"
patterns = ["forbiddenword", "another forbidden phrase"]
on_hit = "block"
"""

if __name__ == "__main__":
    main()
