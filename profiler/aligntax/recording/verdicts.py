"""From what a guard returned, or raised, to a verdict."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from aligntax.trace import Verdict

VerdictMapper = Callable[[Any], Verdict | str]

PLAIN = frozenset({type(None), bool, int, float, complex, bytes, bytearray, list})
"""Types whose values carry no verdict and are no text."""
_SEVERITY = {
    Verdict.SKIPPED: 0,
    Verdict.ALLOW: 1,
    Verdict.MODIFY: 2,
    Verdict.CANCELLED: 3,
    Verdict.TIMEOUT: 4,
    Verdict.ERROR: 5,
    Verdict.BLOCK: 6,
}


def found_in(result: Any) -> Verdict | None:
    """Return the verdict that `result` is, holds (tuple or dict) or has as its attribute `verdict`; None without."""
    if isinstance(result, Verdict):
        return result
    if type(result) in PLAIN:
        return None
    if isinstance(result, tuple):
        for item in result:  # several times as fast as a generator, and asked of every piece of a stream
            if isinstance(item, Verdict):
                return item
    candidate = result.get("verdict") if isinstance(result, dict) else getattr(result, "verdict", None)
    return candidate if isinstance(candidate, Verdict) else None


def judge(result: Any, arguments: Iterable[Any]) -> Verdict:
    """Return the default verdict: one found in the result; `modify` where text came back changed; else `allow`."""
    verdict = found_in(result)
    if verdict is not None:
        return verdict
    if isinstance(result, str):
        text = next((argument for argument in arguments if isinstance(argument, str)), None)
        if text is not None and text != result:
            return Verdict.MODIFY
    return Verdict.ALLOW


def judge_error(error: BaseException) -> Verdict:
    """Return the verdict for a call that raised. An exception that carries a verdict means what it says."""
    verdict = getattr(error, "verdict", None)
    if isinstance(verdict, Verdict):
        return verdict
    if isinstance(error, (GeneratorExit, *_cancellations())):
        return Verdict.CANCELLED
    if isinstance(error, TimeoutError):
        return Verdict.TIMEOUT
    return Verdict.ERROR


def _cancellations() -> Iterator[type[BaseException]]:
    """Yield the exceptions of cancelled work. asyncio is slow to import; where it is not loaded, none comes from it."""
    for name in ("asyncio", "concurrent.futures"):
        kind = getattr(sys.modules.get(name), "CancelledError", None)
        if kind is not None:
            yield kind


def worse(one: Verdict, other: Verdict) -> Verdict:
    """Return the graver of two verdicts on parts of one answer; a block is the gravest."""
    return one if _SEVERITY[one] >= _SEVERITY[other] else other
