"""What a pipeline's requests need of Python's heap at most, with guards and without."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["peaks_of_heap"]

MAX_REQUESTS = 20


def peaks_of_heap(arms: Mapping[str, Callable[[Any], object]], prompts: Sequence[Any]) -> dict[str, list[int]]:
    """Return the most bytes that each arm's requests held at once, beyond what was held before.

    Counted by `tracemalloc`: what Python allocates, and NumPy; neither torch's tensors nor other native memory. It
    slows everything down, so no time is taken meanwhile.

    Args:
        arms: what answers a prompt.
        prompts: what to ask; at most the first `MAX_REQUESTS` are.
    """
    found: dict[str, list[int]] = {name: [] for name in arms}
    traced = tracemalloc.is_tracing()
    if not traced:
        tracemalloc.start()
    try:
        for prompt in prompts[:MAX_REQUESTS]:
            for name, answer in arms.items():
                before, _ = tracemalloc.get_traced_memory()
                tracemalloc.reset_peak()
                answer(prompt)
                found[name].append(max(0, tracemalloc.get_traced_memory()[1] - before))
    finally:
        if not traced:
            tracemalloc.stop()
    return found
