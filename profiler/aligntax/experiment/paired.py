"""The paired experiment: the same prompts through every arm, interleaved, until the answer is narrow enough."""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

import numpy as np

from aligntax.experiment.arms import GUARDED, RAW
from aligntax.experiment.call import Measurement
from aligntax.experiment.turns import Turns, warm_up
from aligntax.inference import median_of_differences, ratio_of_means
from aligntax.trace import Span

__all__ = ["Columns", "Design", "Progress", "run_paired"]

MAX_PAIRS = 10_000
MAX_TRACES = 500  # what-if predictions are made from them, and those of a p99 take 299 that ran to their end
MAX_SPANS = 50_000
MIN_PAIRS = 30
CHECK_GROWTH = 1.2
"""How much the number of pairs grows between two looks at the width. Looks at the width alone, not at the effect, leave
the interval honest; few of them keep it so in small samples."""


@dataclass(frozen=True, slots=True)
class Design:
    """How long an experiment goes on, and what it draws at random.

    Attributes:
        width: half the width of the headline's 95 % intervals, of the absolute and of the relative tax, at which it
            ends, as a share of a guarded request.
        budget_seconds: after which it ends in any case.
        max_pairs: after which it ends in any case.
        warm_up_rounds: rounds over all prompts, before the first that counts; they take no more than the budget either.
        seed: of the orders.
        relative: whether the relative tax must be as narrow, too; that of a guard alone, which has no raw time to speak
            of, never gets so.
    """

    width: float = 0.01
    budget_seconds: float = 60.0
    max_pairs: int = MAX_PAIRS
    warm_up_rounds: int = 1
    seed: int = 0
    relative: bool = True

    def __post_init__(self) -> None:
        for name in ("width", "budget_seconds"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name}={getattr(self, name)} must be a finite number above 0")
        if not 1 <= self.max_pairs <= MAX_PAIRS:
            raise ValueError(f"max_pairs={self.max_pairs} must be 1 to {MAX_PAIRS:,}")
        if self.warm_up_rounds < 0:
            raise ValueError(f"warm_up_rounds={self.warm_up_rounds} must not be negative")


@dataclass(slots=True)
class LayerSpans:
    """What the spans of one layer add up to.

    Attributes:
        verdicts: how many calls ended with each, over all requests.
        spans: how many there were, as all that follows in requests that ran to their end with and without guards.
        cpu_ns, gpu_ns: CPU time where it was sampled, and GPU time.
        cpu_sampled: how many spans had their CPU time taken.
    """

    verdicts: Counter[str] = field(default_factory=Counter)
    spans: int = 0
    cpu_ns: int = 0
    cpu_sampled: int = 0
    gpu_ns: int = 0

    def add(self, span: Span, *, counts: bool) -> None:
        """Add one span; its times only if its request counts."""
        if span.verdict is not None:
            self.verdicts[span.verdict.value] += 1
        if not counts:
            return
        self.spans += 1
        if span.cpu_ns is not None:
            self.cpu_ns += span.cpu_ns
            self.cpu_sampled += 1
        if span.gpu_start_ns is not None and span.gpu_end_ns is not None:
            self.gpu_ns += span.gpu_end_ns - span.gpu_start_ns


@dataclass(slots=True)
class Columns:
    """What an experiment measured; index i of every list is one prompt in one round.

    Attributes:
        arms: their names.
        prompt, round: which prompt, and in which round.
        measured: what each arm took, by its name; attributions are kept of the guarded arm alone, and traces of the
            first `MAX_TRACES` of its requests, and of `MAX_SPANS` spans.
        spans: of the guarded arm's layers.
        stopped: why it ended: `width`, `budget`, `pairs` or `interrupted`.
        seconds: how long it went on.
        warm_up: how long the first requests of each arm's warm-up took, by its name; none of them counts.
        warm_up_cut: how many prompts its warm-up should have had more, when the time for that was up.
    """

    arms: Sequence[str]
    prompt: list[int] = field(default_factory=list)
    round: list[int] = field(default_factory=list)
    measured: dict[str, list[Measurement]] = field(default_factory=dict)
    spans: dict[str, LayerSpans] = field(default_factory=dict)
    stopped: str = "interrupted"
    seconds: float = 0.0
    warm_up: dict[str, list[float]] = field(default_factory=dict)
    warm_up_cut: int = 0
    _kept_spans: int = 0

    def add(self, prompt: int, round_number: int, one: Mapping[str, Measurement]) -> None:
        """Add what all arms took for one prompt."""
        trace = one[GUARDED].trace
        counts = one[RAW].outcome.comparable and one[GUARDED].outcome.comparable
        for span in trace.spans if trace else ():
            self.spans.setdefault(span.layer.name, LayerSpans()).add(span, counts=counts)
        for name, measurement in one.items():
            column = self.measured[name]
            if name != GUARDED:
                measurement = replace(measurement, trace=None, attribution=None)
            elif trace is not None:
                self._kept_spans += len(trace.spans)
                if len(column) >= MAX_TRACES or self._kept_spans > MAX_SPANS:
                    measurement = replace(measurement, trace=None)
            column.append(measurement)
        self.prompt.append(prompt)
        self.round.append(round_number)

    def comparable(self, *arms: str) -> list[int]:
        """Return the indices at which every request of some arms ran to its end."""
        chosen = [self.measured[arm] for arm in arms]
        return [
            index for index in range(len(self.prompt)) if all(column[index].outcome.comparable for column in chosen)
        ]

    def cut_short(self, prompts: int) -> list[str]:
        """Return what the budget cut off, one line each.

        Args:
            prompts: how many there were to ask.
        """
        lines = []
        more = "pairs" if self.stopped == "pairs" else "time"
        if self.warm_up_cut:
            lines.append(f"the warm-up ended early, {self.warm_up_cut:,} prompts short; give it more time")
        if len(self.prompt) < prompts:
            lines.append(f"only {len(self.prompt):,} of {prompts:,} prompts were asked; give it more {more}")
        return lines

    def width(self, *, relative: bool = True) -> float | None:
        """Return half the width of the headline's wider interval as a share of a request; None if n is too small.

        The absolute tax is a median, and the relative one a ratio of means, which a few slow requests widen: it is
        often known far later.

        Args:
            relative: whether the relative tax counts; without it, it is the absolute one's interval.
        """
        chosen = self.comparable(RAW, GUARDED)
        raw, guarded = (np.array([self.measured[arm][index].seconds for index in chosen]) for arm in (RAW, GUARDED))
        if len(chosen) < MIN_PAIRS or not (raw.any() and np.median(guarded)):
            return None
        widths = [median_of_differences(raw, guarded).width / float(np.median(guarded))]
        if relative:
            ratio = ratio_of_means(raw, guarded, paired=True)
            widths.append(ratio.width / ratio.value)
        widest = max(widths) / 2
        return widest if math.isfinite(widest) else None


class Progress(Protocol):
    """Is told how an experiment gets on; whatever it does takes no measured time."""

    def __call__(self, stage: str, done: float, detail: str) -> bool:
        """Show that a share of a stage is done; return whether to go on."""
        ...


def run_paired(
    arms: Mapping[str, Callable[[Any], Measurement]], prompts: Sequence[Any], design: Design, progress: Progress
) -> Columns:
    """Send every prompt through every arm, in turns.

    The order of the prompts is drawn anew for each round, and that of the arms for each second prompt; between them it
    is turned round.

    Args:
        arms: what answers a prompt and says how long it took; among them `raw` and `guarded`.
        prompts: what they are asked.
        design: when to end.
        progress: is told.

    Raises:
        Exception: what an arm raised.
    """
    columns = Columns(list(arms), measured={name: [] for name in arms})
    turns = Turns(arms, design.seed)
    drawn = random.Random(design.seed)  # noqa: S311 (an order is no secret)
    warm = warm_up(
        turns,
        prompts,
        rounds=design.warm_up_rounds,
        budget_seconds=design.budget_seconds,
        told=lambda done: progress("warming up", done, ""),
    )
    columns.warm_up, columns.warm_up_cut = warm.seconds, warm.cut
    if warm.ended:
        return columns
    start = time.monotonic()
    next_check = MIN_PAIRS
    round_number = 0
    width: float | None = None
    while True:
        for index in drawn.sample(range(len(prompts)), len(prompts)):
            one = turns.take(prompts[index], partial(progress, *_told(columns, design, width)))
            if one is None:
                return columns
            columns.add(index, round_number, one)
            pairs = len(columns.prompt)
            columns.seconds = time.monotonic() - start
            if pairs >= next_check:
                next_check = max(pairs + 1, int(pairs * CHECK_GROWTH))
                found = columns.width(relative=design.relative)
                if found is not None and found <= design.width:
                    columns.stopped = "width"
                    return columns
                width = width if found is None else found
            if columns.seconds >= design.budget_seconds or pairs >= design.max_pairs:
                columns.stopped = "budget" if columns.seconds >= design.budget_seconds else "pairs"
                return columns
            if not progress(*_told(columns, design, width)):
                return columns
        round_number += 1


def _told(columns: Columns, design: Design, width: float | None) -> tuple[str, float, str]:
    """Return what is told of the progress. Its share is that of the end which comes first."""
    pairs = len(columns.prompt)
    by_time = columns.seconds / design.budget_seconds
    by_width = 0.0 if not width else min(1.0, (design.width / width) ** 2)  # it shrinks with the root of the pairs
    detail = f"{pairs:,} {'pair' if pairs == 1 else 'pairs'}"
    if width is not None:
        detail += f", tax to ±{width:.2%} (wanted: ±{design.width:.2%})"  # short, or 80 columns have no time left
    return "measuring", max(by_time, by_width, pairs / design.max_pairs), detail
