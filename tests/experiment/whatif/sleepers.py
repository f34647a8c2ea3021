"""A pipeline of sleeping guards that can really be changed: a target for `aligntax whatif --verify`.

    prompt -> pii -> toxicity -> model -> shield -> answer

It runs on an event loop, so that what runs in parallel needs no second thread, and no processor to start it on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from aligntax import Profiler
from aligntax.experiment.whatif import Change, Drop, Faster, Parallel, Reorder, Scenario
from aligntax.testing import sleeping_async

Call = Callable[[Any], Awaitable[Any]]

UNITS = {"pii": 3, "toxicity": 12, "model": 8, "shield": 2}
STAGES = {"pii": "input", "toxicity": "input", "shield": "output"}
MILLISECONDS = 2
prompts = [f"prompt {number}" for number in range(5)]


def build(profiler: Profiler, taking: Callable[[str, float], Call], changes: Iterable[Change] = ()) -> Call | None:
    """Return the pipeline with some changes; None where it has no such variant.

    Args:
        profiler: times it.
        taking: makes the layer of that name, so many times as fast as it is.
        changes: made together.
    """
    factors = {change.guard: change.factor for change in changes if isinstance(change, Faster)}
    dropped = {change.guard for change in changes if isinstance(change, Drop)}
    beside = {change.guard for change in changes if isinstance(change, Parallel)}
    orders = [change.order for change in changes if isinstance(change, Reorder)]
    if beside - {"toxicity"} or len(orders) > 1:
        return None
    first, second = (orders or [("pii", "toxicity")])[0]
    layers: dict[str, Call] = {
        name: profiler.guard(taking(name, factors.get(name, 1)), name=name, stage=stage)  # type: ignore[arg-type]
        for name, stage in STAGES.items()
    }
    layers |= dict.fromkeys(dropped, _passing)
    model = profiler.model(taking("model", 1), name="model")

    async def pipeline(prompt: Any) -> Any:
        with profiler.request():
            if beside:
                prompt = await layers["pii"](prompt)
                await asyncio.gather(model(prompt), layers["toxicity"](prompt))
            else:
                await model(await layers[second](await layers[first](prompt)))
            return await layers["shield"](prompt)

    return pipeline


async def _passing(value: Any) -> Any:
    return value


def _sleeping(name: str, factor: float) -> Call:
    return sleeping_async(UNITS[name] * MILLISECONDS / 1e3 / factor)


profiler = Profiler(drain_seconds=0)
pipeline = build(profiler, _sleeping)


def changed(changes: Sequence[Change]) -> Call | None:
    """Return the pipeline with some changes."""
    return build(Profiler(drain_seconds=0), _sleeping, Scenario(tuple(changes)).changes)


async def unchangeable(prompt: str) -> Any:
    """The same pipeline, which says that it has no variants."""
    assert pipeline is not None
    return await pipeline(prompt)


unchangeable.changed = lambda changes: None  # type: ignore[attr-defined]
