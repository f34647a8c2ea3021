"""From the calls of one arm to the figures of a result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from aligntax.experiment.load.objective import Slo
from aligntax.experiment.load.quantiles import distribution
from aligntax.experiment.load.records import ALLOWED, BLOCKED, CANCELLED, DROPPED, Call
from aligntax.inference import Estimate, wilson

__all__ = ["FORMULAS", "Stretch", "summarise"]

FORMULAS = {
    "scheduled": "end of the answer - intended start = dispatch_delay + service",
    "service": "end of the answer - when the request went out",
    "dispatch_delay": "when the request went out - intended start",
    "first_chunk": "first chunk with a text - intended start",
    "first_chunk_service": "first chunk with a text - when the request went out",
    "inter_chunk": "(last chunk - first chunk) / (chunks - 1), for each answer; chunks are not tokens",
    "longest_gap": "longest time between two chunks of an answer",
    "time_per_output_token": "(last chunk - first chunk) / (output tokens - 1), for each answer, tokens as the server "
    "counts them: (E2E - TTFT) / (n - 1), what vLLM calls TPOT and AIPerf ITL, both of which end E2E with the last "
    "chunk; GuideLLM's TPOT has the first token in it",
    "throughput": "allowed answers that came within the windows, those to requests of their warm-up among them / their "
    "length",
    "goodput": "requests of the windows that were allowed and met the service level / their length",
    "within_slo": "requests allowed in time / all that were due, but for those that a guard blocked or that were "
    "cancelled; Wilson's interval",
}
"""What each figure of a load is, in words."""


class Stretch(NamedTuple):
    """The part of a window that counts.

    Attributes:
        calls: that were due in it.
        seconds: how long it is.
        answered: allowed answers that came in it, to these calls or to earlier ones.
    """

    calls: Sequence[Call]
    seconds: float
    answered: int


def summarise(rate: float, windows: Sequence[Stretch], warm_up: int, slo: Slo | None = None) -> dict[str, Any]:
    """Return an arm's part of a result. Times are in seconds, rates in requests a second.

    Latencies are those of allowed answers; blocked ones have their own, since a fast refusal is no saving.

    Args:
        rate: that was asked for.
        windows: in which requests were due; all in the order in which they were.
        warm_up: requests that were sent before, and do not count.
        slo: what makes an answer a good one.
    """
    calls = [call for window in windows for call in window.calls]
    seconds = sum(window.seconds for window in windows)
    outcomes = Counter(call.outcome for call in calls)
    errors = Counter(call.error for call in calls if call.error is not None)
    allowed = [call for call in calls if call.outcome == ALLOWED]
    blocked = [call for call in calls if call.outcome == BLOCKED]
    found: dict[str, Any] = {
        "rate": rate,
        "seconds": seconds,
        "n": len(calls),
        "warm_up": warm_up,
        "dropped": outcomes[DROPPED],
        "outcomes": dict(outcomes),
        "errors": dict(errors),
        "offered_rate": len(calls) / seconds if seconds else None,
        "throughput": sum(window.answered for window in windows) / seconds if seconds else None,
        "latency": _latency(allowed),
    }
    if blocked:
        found["blocked_latency"] = _latency(blocked)
    if slo is not None and seconds:
        found |= _goodput(calls, seconds, slo)
    return found


def _latency(calls: Sequence[Call]) -> dict[str, Any]:
    """Return the distributions of those figures that the calls have."""
    figures: dict[str, Callable[[Call], float | None]] = {
        "scheduled": lambda call: call.scheduled_ns,
        "service": lambda call: call.service_ns,
        "dispatch_delay": lambda call: call.dispatch_ns,
        "first_chunk": lambda call: call.scheduled_first_ns,
        "first_chunk_service": _first_chunk_service,
        "inter_chunk": _inter_chunk,
        "longest_gap": lambda call: call.longest_gap_ns,
        "time_per_output_token": _per_token,
    }
    found = {}
    for name, figure in figures.items():
        values = [value / 1e9 for call in calls if (value := figure(call)) is not None]
        if values or name in ("scheduled", "service", "dispatch_delay"):
            found[name] = distribution(values)
    return found


def _first_chunk_service(call: Call) -> float | None:
    return None if call.first_ns is None or call.started_ns is None else call.first_ns - call.started_ns


def _inter_chunk(call: Call) -> float | None:
    if call.first_ns is None or call.last_ns is None or call.chunks < 2:
        return None
    return (call.last_ns - call.first_ns) / (call.chunks - 1)


def _per_token(call: Call) -> float | None:
    if call.first_ns is None or call.last_ns is None or call.output_tokens is None or call.output_tokens < 2:
        return None
    return (call.last_ns - call.first_ns) / (call.output_tokens - 1)


def _goodput(calls: Sequence[Call], seconds: float, slo: Slo) -> dict[str, Any]:
    counted = [call for call in calls if call.outcome not in (BLOCKED, CANCELLED)]
    if not counted:
        return {}
    share = wilson(sum(slo.is_met(call) for call in counted), len(counted))
    rate = len(counted) / seconds
    return {
        "within_slo": share.to_dict(),
        "goodput": Estimate(*(None if end is None else end * rate for end in share)).to_dict(),  # type: ignore[arg-type]
    }
