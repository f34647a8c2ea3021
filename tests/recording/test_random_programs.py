"""Random programs of nested, streaming and concurrent layers: every parent, every CPU second and all own time is found.

A program is a tree of calls. Each call works a little, runs its children one after another or side by side, giving way
to others in between, and works a little more. The tree itself is the truth.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from aligntax import Profiler, Trace, attribute

from .clocks import SharedClock, ThreadClock

BLOCKING = ("function", "generator", "block")
SUSPENDING = ("coroutine", "asynchronous generator", "asynchronous block")


@dataclass
class Call:
    """One call of the program: its kind, its work in nanoseconds before and after its children, and how it ends."""

    kind: str
    before_ns: int
    after_ns: int
    children: list[Call]
    parallel: bool
    fails: bool
    name: str = ""

    @property
    def work_ns(self) -> int:
        """What the call does itself; a generator that does not fail does something after its last item."""
        return self.before_ns + self.after_ns + ("generator" in self.kind and not self.fails)

    def walk(self, parent: str | None = None) -> Iterator[tuple[Call, str | None]]:
        yield self, parent
        for child in self.children:
            yield from child.walk(self.name)


class ProgramError(Exception):
    """How calls fail."""


def trees(kinds: tuple[str, ...], children: st.SearchStrategy[list[Call]]) -> st.SearchStrategy[Call]:
    return st.builds(
        Call,
        kind=st.sampled_from(kinds),
        before_ns=st.integers(1, 50),
        after_ns=st.integers(1, 50),
        children=children,
        parallel=st.booleans(),
        fails=st.integers(0, 5).map(lambda number: number == 0),
    )


def nested(kinds: tuple[str, ...], *leaves: st.SearchStrategy[Call]) -> st.SearchStrategy[Call]:
    leaf = st.one_of(trees(kinds, st.just([])), *leaves)
    return st.recursive(leaf, lambda inner: trees(kinds, st.lists(inner, max_size=3)), max_leaves=6)


blocking = nested(BLOCKING)
programs = nested(SUSPENDING, blocking, trees(("thread",), st.lists(blocking, max_size=2)))


class Program:
    """Runs calls under a profiler, one layer for each, on clocks that only their own work moves on."""

    def __init__(self, cpu_share: float) -> None:
        self.clock, self.cpu_clock = SharedClock(), ThreadClock()
        self.profiler = Profiler(clock=self.clock, cpu_clock=self.cpu_clock, cpu_share=cpu_share, drain_seconds=0)
        self.runs: dict[str, Callable[[], Any]] = {}

    def work(self, ns: int) -> None:
        self.clock.advance(ns)
        self.cpu_clock.advance(ns)

    def prepare(self, call: Call, number: int = 0) -> int:
        """Name and wrap every call; return the next free number."""
        call.name = f"{call.kind} {number}"
        body = getattr(self, call.kind.replace(" ", "_"))(call)
        self.runs[call.name] = body if "block" in call.kind else self.profiler.guard(body, name=call.name)
        number += 1
        for child in call.children:
            number = self.prepare(child, number)
        return number

    def finish(self, call: Call) -> None:
        for child in call.children:
            self.run(child)
        self.work(call.after_ns)
        if call.fails:
            raise ProgramError

    async def finish_async(self, call: Call) -> None:
        await asyncio.sleep(0)
        if call.parallel:
            await asyncio.gather(*map(self.run_async, call.children))
        else:
            for child in call.children:
                await self.run_async(child)
        self.work(call.after_ns)
        if call.fails:
            raise ProgramError

    def function(self, call: Call) -> Callable[[], None]:
        def body() -> None:
            self.work(call.before_ns)
            self.finish(call)

        return body

    thread = function

    def generator(self, call: Call) -> Callable[[], Iterator[int]]:
        def body() -> Iterator[int]:
            self.work(call.before_ns)
            yield 0
            self.finish(call)
            yield 1
            self.work(1)

        return body

    def block(self, call: Call) -> Callable[[], None]:
        def body() -> None:
            with self.profiler.layer(call.name):
                self.function(call)()

        return body

    def coroutine(self, call: Call) -> Callable[[], Any]:
        async def body() -> None:
            self.work(call.before_ns)
            await self.finish_async(call)

        return body

    def asynchronous_generator(self, call: Call) -> Callable[[], AsyncIterator[int]]:
        async def body() -> AsyncIterator[int]:
            self.work(call.before_ns)
            yield 0
            await self.finish_async(call)
            yield 1
            self.work(1)

        return body

    def asynchronous_block(self, call: Call) -> Callable[[], Any]:
        async def body() -> None:
            async with self.profiler.layer(call.name):
                await self.coroutine(call)()

        return body

    def run(self, call: Call) -> None:
        with suppress(ProgramError):
            result = self.runs[call.name]()
            if call.kind == "generator":
                list(result)

    async def run_async(self, call: Call) -> None:
        with suppress(ProgramError):
            if call.kind == "thread":
                await asyncio.to_thread(self.runs[call.name])
            elif call.kind in BLOCKING:
                self.run(call)
            elif call.kind == "asynchronous generator":
                async for _ in self.runs[call.name]():
                    await asyncio.sleep(0)
            else:
                await self.runs[call.name]()


def in_series(call: Call) -> Call:
    call.parallel = False
    for child in call.children:
        in_series(child)
    return call


def run(program: Call, cpu_share: float) -> tuple[Profiler, Trace]:
    machine = Program(cpu_share)
    machine.prepare(program)

    async def serve() -> Trace:
        async with machine.profiler.request() as request:
            await machine.run_async(program)
        return request.trace

    trace = asyncio.run(serve())
    return machine.profiler, trace


@settings(deadline=None, max_examples=60)
@given(programs, st.sampled_from([0.0, 1.0]))
def test_every_call_is_found_inside_of_its_caller(program: Call, cpu_share: float) -> None:
    profiler, trace = run(program, cpu_share)
    expected = {call.name: parent for call, parent in program.walk()}
    assert {span.layer.name for span in trace.spans} == set(expected)
    for span in trace.spans:
        parent = None if span.parent is None else trace.spans[span.parent].layer.name
        assert parent == expected[span.layer.name]
    report = profiler.report().to_dict()
    assert {layer["layer"]: layer["calls"] for layer in report["layers"]} == dict.fromkeys(expected, 1)
    failed = {call.name for call, _ in program.walk() if call.fails}
    assert {layer["layer"] for layer in report["layers"] if layer["errors"]} == failed
    assert report["self"]["dropped_by_reason"] == {}


@settings(deadline=None, max_examples=40)
@given(programs.map(in_series), st.sampled_from([0.0, 1.0]))
def test_in_series_every_nanosecond_has_its_layer(program: Call, cpu_share: float) -> None:
    _, trace = run(program, cpu_share)
    work = {call.name: call.work_ns for call, _ in program.walk()}
    found = attribute(trace)
    assert {name: part.critical_ns for name, part in found.layers.items()} == work
    assert {name: part.share_ns for name, part in found.layers.items()} == work
    assert (found.tax_ns, found.unattributed_ns) == (sum(work.values()), 0)


@settings(deadline=None, max_examples=60)
@given(programs)
def test_every_layer_has_its_own_cpu_time_whatever_runs_beside_it(program: Call) -> None:
    _, trace = run(program, cpu_share=1.0)
    calls = {call.name: call for call, _ in program.walk()}
    blocks = {name for name, call in calls.items() if "block" in call.kind}
    work = {name: call.work_ns for name, call in calls.items()}
    # Blocks have no CPU time: it is their caller's, or nobody's where a task of its own runs the block.
    for call, parent in reversed(list(program.walk())):
        if call.name in blocks:
            spent_ns = work.pop(call.name)
            if parent is not None and not (calls[parent].parallel and calls[parent].kind in SUSPENDING):
                work[parent] += spent_ns
    measured: Counter[str] = Counter()
    for span in trace.spans:
        if span.layer.name not in blocks:
            assert span.cpu_ns is not None
            measured[span.layer.name] += span.cpu_ns
    assert measured == Counter(work)
