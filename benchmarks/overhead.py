"""What recording a layer costs: against the clock reads that it must make, and against others that record less.

Every figure is what a call costs more than the same call without the instrument, in nanoseconds. All arms take turns in
the same run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from time import perf_counter_ns

import amortised
import measure
import result
from amortised import Amortised
from measure import Arm, Float64Array, own_code
from peers import Peer, peers
from result import Result, Row
from shapes import CALLS, Shape, shapes

from aligntax import Profiler

ROUNDS, QUICK_ROUNDS = 41, 5
FLOOR = "two clock reads"
MOST_RECORDING, MOST_AMORTISED = 3, 5
"""How many times the floor a layer may cost on the serving thread, and with all that comes after it."""


def run(quick: bool) -> Result:
    """Check that everybody records every call, then measure all arms in turns."""
    # A batch here is one request, metered or not as a whole; what metering costs is in the amortised requests.
    profiler = Profiler(cpu_share=0, drain_seconds=0, keep_requests=1)
    ours, others, whole = shapes(profiler), peers(), Amortised()
    arms: dict[str, Arm] = {"two reads": _calls(_two_reads), "nothing": _calls(_nothing), **whole.arms}
    for shape in ours:
        arms |= {f"bare {shape.case}": shape.bare, f"wrapped {shape.case}": shape.wrapped}
    arms |= {peer.name: peer.arm for peer in others}
    try:
        agree = all([*(_shape_agrees(profiler, shape) for shape in ours), *map(_peer_agrees, others), whole.agrees()])
        said = measure.interleave(arms, QUICK_ROUNDS if quick else ROUNDS)
        accounts = [profiler.report().to_dict()["self"]["seconds_per_span"] for profiler in whole.profilers.values()]
    finally:
        for peer in others:
            peer.close()
        whole.close()
        profiler.close()
    rows = [*_floor_rows(ours, said), *_peer_rows(ours[0], others, said)]
    more = {
        "calls_per_round": CALLS,
        "scrape_seconds": measure.median(said["scrape"]).median / 1e9,
        "scrape_ns_per_layer_by_requests_per_second": {
            str(load): measure.median(amortised.scrape_ns(said, load)).median for load in amortised.LOADS
        },
        "seconds_per_span_by_its_own_account": accounts,
    }
    return Result(rows, agree, more)


def _floor_rows(ours: Sequence[Shape], said: Mapping[str, Float64Array]) -> list[Row]:
    floor = said["two reads"] - said["nothing"]
    rows = [
        # The first shape is the one that the figure to reach is about.
        result.compared(shape.case, _extra(shape, said), FLOOR, floor, "ns", None if number else 1 / MOST_RECORDING)
        for number, shape in enumerate(ours)
    ]
    layer, load = amortised.layer_ns(said), amortised.LOADS[-1]
    everything = layer + amortised.scrape_ns(said, load)
    drained = f"{ours[0].case}, with its part of the drain"
    scraped = f"{drained}, and of a scrape every {amortised.SCRAPE_SECONDS} s at {load:,} requests/s"
    return [
        *rows,
        result.compared(drained, layer, FLOOR, floor, "ns"),
        result.compared(scraped, everything, FLOOR, floor, "ns", 1 / MOST_AMORTISED),
        result.compared("a request, its layers not counted", amortised.request_ns(said), FLOOR, floor, "ns"),
    ]


def _peer_rows(shape: Shape, others: Sequence[Peer], said: Mapping[str, Float64Array]) -> list[Row]:
    bare = said[f"bare {shape.case}"]
    return [
        result.compared(shape.case, _extra(shape, said), peer.name, said[peer.name] - bare, "ns", peer.wanted)
        for peer in others
    ]


def _extra(shape: Shape, said: Mapping[str, Float64Array]) -> Float64Array:
    return said[f"wrapped {shape.case}"] - said[f"bare {shape.case}"]


def _shape_agrees(profiler: Profiler, shape: Shape) -> bool:
    shape.wrapped()
    (trace,) = profiler.traces()
    return len(trace.spans) == shape.spans and {span.layer.name for span in trace.spans} == {shape.layer}


def _peer_agrees(peer: Peer) -> bool:
    before = peer.recorded()
    peer.arm()
    return peer.recorded() - before == CALLS


def _two_reads() -> None:
    perf_counter_ns()
    perf_counter_ns()


def _nothing() -> None:
    pass


def _calls(function: Callable[[], None]) -> Arm:
    @own_code
    def batch() -> float:
        start_ns = perf_counter_ns()
        for _ in repeat(None, CALLS):
            function()
        return (perf_counter_ns() - start_ns) / CALLS

    return batch
