"""The attribution of a request's delay to its layers: the records, and the function that fills them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from aligntax.attribution.sections import cut, settle
from aligntax.attribution.timeline import flatten
from aligntax.trace import Layer, Outcome, Trace, Verdict

_BLOCKED = (Outcome.BLOCKED_INPUT, Outcome.BLOCKED_OUTPUT)


@dataclass(frozen=True, slots=True)
class LayerAttribution:
    """What one layer did to one request; times in nanoseconds.

    Attributes:
        layer: whose numbers these are.
        busy_ns: time in its spans, GPU work included; a span inside another of the same layer is not counted twice.
        critical_ns: its time on the critical path.
        drag_ns: what the request would have saved without this guard alone; 0 for a model.
        share_ns: its Shapley share of the tax, the one number that adds up; 0 for a model.
        calls: how often it was called; the runs of one streaming call are one call.
    """

    layer: Layer
    busy_ns: int
    critical_ns: int
    drag_ns: int
    share_ns: int
    calls: int


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who caused how much of one request's delay; times in nanoseconds.

    Attributes:
        tax_ns: what the guards together cost, `guarded_ns - raw_ns`; the sum of all shares, exactly.
        raw_ns: how long the replayed request takes without any guard.
        unattributed_ns: time on the critical path in which no layer ran; with every critical_ns it makes guarded_ns.
        guarded_ns: how long the request took.
        layers: every layer that has a span, by name.
        discarded_ns: model time that a block threw away, by the name of the guard that blocked first.
        sampled: whether some share is an estimate from sampled orders.
        standard_error_ns: the largest standard error of a share; 0 where all are exact.
    """

    tax_ns: int
    raw_ns: int
    unattributed_ns: int
    guarded_ns: int
    layers: dict[str, LayerAttribution]
    discarded_ns: dict[str, int]
    sampled: bool
    standard_error_ns: float


def attribute(trace: Trace, *, seed: int = 0) -> Attribution:
    """Attribute the duration of a request to its layers.

    Guards are compared by replaying the trace without them: work starts when the work that was observed to end
    before it has ended, plus the observed gap. The model and the application's own time always stay in.

    Args:
        trace: one request, its spans in any order.
        seed: chooses the sampled orders where more than 8 guards overlap in a shape without a closed form.

    Returns:
        The attribution. Shares are rounded to whole nanoseconds once, each by less than one, and sum to the tax.

    Raises:
        ValueError: for a trace or span that ends before it starts, two different layers of one name, and a
            parent that is out of range, the span itself or part of a cycle.

    Source: the latency tax as the Shapley value of v(S) = T(S) - T(none), T(S) being the replay with guards S only.
    """
    timeline = flatten(trace)
    layers = timeline.layers
    critical_ns = dict.fromkeys(layers, 0)
    drag_ns = dict.fromkeys(layers, 0)
    share_ns = dict.fromkeys(layers, 0)
    fractions: dict[str, Fraction] = {}
    variances: dict[str, float] = {}
    for position, section in enumerate(cut(timeline.items)):
        if len(section) == 1:  # in series, what a guard takes is what it costs
            start_ns, end_ns, owner, is_model = section[0]
            critical_ns[owner] += end_ns - start_ns
            if not is_model:
                drag_ns[owner] += end_ns - start_ns
                share_ns[owner] += end_ns - start_ns
            continue
        critical, players, drags_ns, shares = settle(section, f"{seed}/{position}")
        for start_ns, end_ns, owner, _ in critical:
            critical_ns[owner] += end_ns - start_ns
        for player, drag, numerator in zip(players, drags_ns, shares.numerators, strict=True):
            drag_ns[player] += drag
            whole, rest = divmod(numerator, shares.denominator)
            share_ns[player] += whole
            if rest:
                fractions[player] = fractions.get(player, Fraction()) + Fraction(rest, shares.denominator)
        for player, variance in zip(players, shares.variances, strict=False):
            variances[player] = variances.get(player, 0.0) + variance
    _round(share_ns, fractions)

    guarded_ns = trace.duration_ns
    tax_ns = sum(share_ns.values())
    return Attribution(
        tax_ns=tax_ns,
        raw_ns=guarded_ns - tax_ns,
        unattributed_ns=guarded_ns - sum(critical_ns.values()),
        guarded_ns=guarded_ns,
        layers={
            name: LayerAttribution(
                layer,
                timeline.busy_ns[name],
                critical_ns[name],
                drag_ns[name],
                share_ns[name],
                timeline.calls[name],
            )
            for name, layer in layers.items()
        },
        discarded_ns=_discarded(trace, timeline.busy_ns),
        sampled=bool(variances),
        standard_error_ns=math.sqrt(max(variances.values(), default=0.0)),
    )


def _round(share_ns: dict[str, int], fractions: dict[str, Fraction]) -> None:
    """Add the fractions, which sum to an integer, to the shares by largest remainder; ties go by name."""
    remainders = []
    for name, fraction in fractions.items():
        whole, remainder = divmod(fraction, 1)
        share_ns[name] += whole
        remainders.append((-remainder, name))
    # Each remainder is below 1, so fewer are rounded up than there are that are not 0.
    missing = -sum(remainder for remainder, _ in remainders)
    for _, name in sorted(remainders)[: int(missing)]:
        share_ns[name] += 1


def _discarded(trace: Trace, busy_ns: dict[str, int]) -> dict[str, int]:
    if trace.outcome not in _BLOCKED:
        return {}
    guards = (span for span in trace.spans if span.layer.kind == "guard" and span.verdict == Verdict.BLOCK)
    first = min(((span.end_ns, span.layer.name) for span in guards), default=None)
    if first is None:
        return {}
    models = {span.layer.name for span in trace.spans if span.layer.kind == "model"}
    return {first[1]: sum(busy_ns[name] for name in models)}
