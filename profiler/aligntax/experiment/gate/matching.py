"""How the samples of two files are put side by side.

Nothing but the prompt is common to a request of one run and one of another. Where both runs asked the same prompts
(their SHA-256 agrees), a prompt's length and the like are common to both, and would drown a difference if they were
left in. So samples are matched by prompt:

- where there are enough of them, each prompt's median over its rounds is one value. One late round then moves nothing,
  rounds that were slow together count once, and what is found holds for prompts like these;
- with fewer than `LEAST_PAIRS` prompts no test of their medians can reach a small p (the least one is 2 to the power of
  1 - n), and with fewer than `LEAST_ROUNDS` rounds a median is no better than its worst value. The k-th sample of a
  prompt in one file is then matched with the k-th in the other. Which of them goes with which is arbitrary, and may be:
  under "no difference" all samples of a prompt are alike, so a test that swaps within pairs is exact. What is found
  holds for these prompts.

All else is two independent samples: files with other prompts, which are compared only by force, and benchmarks that
know no prompts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aligntax.experiment.gate.measured import Metric, Values

__all__ = ["LEAST_PAIRS", "Matched", "matched"]

LEAST_PAIRS = 12  # the least p is 0.0005 then, which Holm's adjustment over 20 metrics leaves below 0.05
LEAST_ROUNDS = 3  # of which one may be late
BY_PROMPT = "each prompt's median over its rounds, paired by prompt"
BY_ROUND = "requests paired by prompt and round"
INDEPENDENT = "independent"


class Matched(NamedTuple):
    """Two samples that may be compared: of the base, of the new file, and how they were matched, in words."""

    base: Values
    new: Values
    sampling: str

    @property
    def paired(self) -> bool:
        """Whether the values of both samples belong together, one by one."""
        return self.sampling != INDEPENDENT


def matched(base: Metric, new: Metric, *, same_prompts: bool) -> Matched | None:
    """Return the samples of one metric in two files, side by side; None where one of them has none.

    Args:
        base: the metric in the one file.
        new: the same in the other.
        same_prompts: whether both asked the same prompts.
    """
    if base.samples is None or new.samples is None:
        return None
    if not same_prompts or base.prompts is None or new.prompts is None:
        return Matched(base.samples, new.samples, INDEPENDENT)
    common = np.intersect1d(base.prompts, new.prompts)
    if not len(common):
        return None
    before, after = _by_prompt(base.samples, base.prompts, common), _by_prompt(new.samples, new.prompts, common)
    if len(common) >= LEAST_PAIRS and min(map(len, (*before, *after))) >= LEAST_ROUNDS:
        first, second = (np.array([np.median(part) for part in parts]) for parts in (before, after))
        return Matched(first, second, BY_PROMPT)
    rounds = [min(len(first), len(second)) for first, second in zip(before, after, strict=True)]
    first, second = (
        np.concatenate([part[:count] for part, count in zip(parts, rounds, strict=True)]) for parts in (before, after)
    )
    return Matched(first, second, BY_ROUND)


def _by_prompt(samples: Values, prompts: NDArray[np.int64], chosen: NDArray[np.int64]) -> list[Values]:
    """Return the samples of each chosen prompt, in the order in which they were taken; `chosen` is sorted."""
    order = np.argsort(prompts, kind="stable")
    bounds = np.searchsorted(prompts[order], [chosen, chosen + 1])
    return [samples[order[start:end]] for start, end in bounds.T]
