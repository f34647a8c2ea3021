"""How long arms took, on the prompts that ran to their end in all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aligntax.experiment.call import Measurement
from aligntax.experiment.paired import Columns, Design, Progress, run_paired
from aligntax.experiment.target import Target

__all__ = ["answering", "paired_seconds", "run_whole", "seconds_of"]


def answering(target: Target, left_out: frozenset[str] = frozenset()) -> Callable[[Any], Measurement]:
    """Return what answers a prompt with a target some of whose guards are left out."""

    def answer(prompt: Any) -> Measurement:
        target.leave_out(left_out)
        return target.caller(prompt)

    return answer


def paired_seconds(
    arms: Mapping[str, Callable[[Any], Measurement]], prompts: Sequence[Any], design: Design, progress: Progress
) -> dict[str, list[float]]:
    """Return, by arm, the seconds of each request; the same index is the same prompt in the same round.

    Args:
        arms: what answers a prompt; among them `raw` and `guarded`.
        prompts: what they are asked.
        design: when to end.
        progress: is told.

    Raises:
        ValueError: if no prompt ran to its end in all arms.
        KeyboardInterrupt: if `progress` ended it.
        Exception: what an arm raised.
    """
    return seconds_of(run_whole(arms, prompts, design, progress))


def run_whole(
    arms: Mapping[str, Callable[[Any], Measurement]], prompts: Sequence[Any], design: Design, progress: Progress
) -> Columns:
    """Run a paired experiment to its end.

    Raises:
        KeyboardInterrupt: if `progress` ended it.
        Exception: what an arm raised.
    """
    columns = run_paired(arms, prompts, design, progress)
    if columns.stopped == "interrupted":
        raise KeyboardInterrupt
    return columns


def seconds_of(columns: Columns) -> dict[str, list[float]]:
    """Return, by arm, the seconds of each request that ran to its end in all arms.

    Raises:
        ValueError: if none did.
    """
    arms = columns.arms
    chosen = columns.comparable(*arms)
    if not chosen:
        raise ValueError(
            f"none of {len(columns.prompt)} requests ran to its end in all of {', '.join(arms)}; one that is "
            "blocked or fails has no tax: use prompts that the guards allow"
        )
    return {name: [columns.measured[name][index].seconds for index in chosen] for name in arms}
