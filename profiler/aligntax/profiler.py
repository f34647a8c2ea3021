"""`Profiler`: hands out timed layers, opens requests, and keeps the ledger that everything else reads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

from aligntax.adapters import ADAPTERS, Adapter
from aligntax.batch_lock import BatchLock
from aligntax.clock import Clock, thread_cpu_clock, wall_clock
from aligntax.devices.sensor import Reading, Sensor
from aligntax.drain import Drain, DrainThread
from aligntax.exemplars import Exemplars
from aligntax.intake import Intake
from aligntax.layers import Layers
from aligntax.ledger import Ledger, View
from aligntax.progress import in_progress
from aligntax.ranges import require_at_least, require_share
from aligntax.recording import Recorder
from aligntax.recording.assemble import assemble
from aligntax.recording.block import LayerBlock
from aligntax.recording.taps import Bypass
from aligntax.recording.verdicts import VerdictMapper
from aligntax.request import Request
from aligntax.subscribers import Callback
from aligntax.summary import Report, summarise
from aligntax.trace import Kind, Stage, Trace
from aligntax.weak_call import weakly

if TYPE_CHECKING:
    from aligntax.workers.worker import Worker

Wrapped = TypeVar("Wrapped")


class Profiler:
    """Measures what the guards around a model cost.

    Args:
        cpu_share: share of the requests, chosen at random, in which CPU time and the instrument's own cost are metered.
        queue_size: finished requests that may wait to be drained; beyond it the oldest is dropped, and counted.
        max_spans: spans that one request may hold, about 160 bytes each; beyond it spans are dropped, and counted.
        keep_requests: how many of the last requests to keep for `traces`.
        max_layers, max_models: how many names there is room for; the ledger's memory is fixed by them.
        drain_seconds: how often the drain thread folds finished requests; 0 for no thread (scrapes drain, too).
        clock, cpu_clock: nanosecond clocks; monotonic wall time, and CPU time of the calling thread.
        sensors: where energy, memory and utilisation come from; see `aligntax.devices.open_sensors`.
        adapters: what knows how to time objects that are not plain callables.
        ledger_dir: a folder for the ledgers of all workers of a server, each in a file of its own; made if it is not
            there. Reports and scrapes are then about the whole server, whichever worker they are taken from.
        server: a name that all workers of the server agree on. Needed only where they are neither started by
            `multiprocessing`, as uvicorn's are, nor forked, as gunicorn's are; goes with `ledger_dir`.

    Attributes:
        start_ns: when the profiler was made, on its clock; it has counted since then.
        worker: this process as one of the workers that share `ledger_dir`; None without.

    Raises:
        ValueError: if a number is out of its range, or `ledger_dir` is on a network file system or another server's.
        OSError: if a file in `ledger_dir` cannot be made.
    """

    def __init__(
        self,
        *,
        cpu_share: float = 0.01,
        queue_size: int = 2048,
        max_spans: int = 10_000,
        keep_requests: int = 64,
        max_layers: int = 128,
        max_models: int = 16,
        drain_seconds: float = 0.5,
        clock: Clock = wall_clock,
        cpu_clock: Clock = thread_cpu_clock,
        sensors: Sequence[Sensor] = (),
        adapters: Sequence[Adapter] = ADAPTERS,
        ledger_dir: Path | str | None = None,
        server: str | None = None,
    ) -> None:
        require_share(cpu_share=cpu_share)
        require_at_least(1, queue_size=queue_size, max_spans=max_spans)
        require_at_least(0, keep_requests=keep_requests, drain_seconds=drain_seconds)
        if server is not None and ledger_dir is None:
            raise ValueError(f"server={server!r} names those who share a ledger_dir; pass that as well")
        self.ledger = Ledger(max_layers, max_models)
        self.recorder = Recorder(clock, cpu_clock, self.ledger, max_spans)
        self.start_ns = clock()
        self.sensors = tuple(sensors)
        self.exemplars = Exemplars()
        self._layers = Layers(self.recorder, self.ledger, adapters)
        self._intake = Intake(self.recorder, self.ledger, cpu_share, queue_size, keep_requests)
        self._drain = Drain(self.recorder, self.ledger, self._intake.queue, cpu_share, self.exemplars.keep)
        self._thread = DrainThread(self._drain, self._intake.half_full, drain_seconds)
        if drain_seconds:
            self._intake.on_arrival = self._thread.ensure
        self.worker: Worker | None = None
        if ledger_dir is not None:
            from aligntax.workers.worker import Worker  # most profilers have no use for what it loads

            self.worker = Worker(ledger_dir, self.ledger, server)
            self.recorder.chores.append(weakly(self._tend_worker))
        os.register_at_fork(after_in_child=weakly(self.forget_threads))

    # -- layers ------------------------------------------------------------------------------------------------------

    @overload
    def guard(
        self,
        function: None = None,
        *,
        name: str | None = None,
        stage: Stage | None = None,
        verdict: VerdictMapper | None = None,
        bypass: Bypass | None = None,
    ) -> Callable[[Wrapped], Wrapped]: ...

    @overload
    def guard(
        self,
        function: Wrapped,
        *,
        name: str | None = None,
        stage: Stage | None = None,
        verdict: VerdictMapper | None = None,
        bypass: Bypass | None = None,
    ) -> Wrapped: ...

    def guard(
        self,
        function: Any = None,
        *,
        name: str | None = None,
        stage: Stage | None = None,
        verdict: VerdictMapper | None = None,
        bypass: Bypass | None = None,
    ) -> Any:
        """Return a guard that is timed whenever it is called; also a decorator, with and without arguments.

        Args:
            function: a function, coroutine function, generator function, asynchronous generator function, bound method
                or callable object. An object that has both a `name` and a `stage`, as those of `aligntax.guards` do,
                says itself what it is; if it has a generator method `stream`, its streams are timed as the same layer.
            name: the layer's name; the function's own where None. Each name stands for one guard.
            stage: where it stands: `input`, `parallel`, `decode`, `stream` or `output`; `input` where nothing says.
            verdict: maps what the guard returned (of a stream: each item) to a `Verdict` or its name. By default a
                `Verdict` found in the result counts; then changed text, which is `modify`; else `allow`.
            bypass: what an experiment calls instead when it leaves the guard out: it is called alike, and lets
                everything pass; for `run_async` of a session it is called as for `run`, and the callback gets what it
                returns. By default what the guard's attribute `bypass` says (not that of a torch module, where
                it may be a layer), or what an experiment makes of the results of calls that allowed.

        Raises:
            TypeError: if `function` is not callable.
            ValueError: for a bad name or stage, or a name that is taken.
        """
        if function is None:
            return partial(self.guard, name=name, stage=stage, verdict=verdict, bypass=bypass)
        return self._layers.guard(function, name, stage, verdict, bypass)

    def model(self, model: Wrapped, *, name: str | None = None) -> Wrapped:
        """Return the model, timed whenever it is called.

        Args:
            model: a torch module or an ONNX Runtime session, which comes back as the same object, or anything that
                `guard` takes.
            name: the layer's name; the function's or the class's own where None.

        Raises:
            TypeError: if `model` is not callable.
            ValueError: for a bad name, or one that is taken.
        """
        timed: Wrapped = self._layers.model(model, name)
        return timed

    def layer(self, name: str, *, kind: Kind = "guard", stage: Stage | None = None) -> LayerBlock:
        """Return a context manager, asynchronous or not, that times its block as a layer.

        Raises:
            ValueError: for a bad name, kind or stage, or a name that another layer has.
        """
        return self._layers.block(name, kind, stage)

    # -- requests ----------------------------------------------------------------------------------------------------

    def request(self, *, model: str | None = None, trace_id: str | None = None) -> Request:
        """Return a request to enter with `with` or `async with`, or to put on a function as a decorator.

        Args:
            model: the model that the request is booked under; the first one called in it where None.
            trace_id: the caller's identifier, 1 to 64 printable characters, exported as exemplar.
        """
        return Request(self._intake, model, trace_id)

    def bind(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return `function` such that it belongs to the current request on any thread.

        Thread pools do not hand context variables on (`asyncio.to_thread` does): pass them bound functions.
        """
        return self.recorder.bind(function)

    # -- reading -----------------------------------------------------------------------------------------------------

    def drain(self) -> None:
        """Fold every request that has ended into the ledger, now."""
        self._drain.run()

    def report(self, view: View | None = None) -> Report:
        """Return the numbers on everything that has ended so far; with `ledger_dir`, in all workers.

        Args:
            view: what to report on, for those who have taken one already; a new one where None.
        """
        self.drain()
        return summarise((view or self.view()).ledger, self.readings(), self._drain.self_cost())

    def readings(self, *, own: bool = False) -> list[Reading]:
        """Return what the sensors say now; with `ledger_dir`, energy as all workers agree on, unless `own` is asked."""
        readings = [reading for sensor in self.sensors for reading in sensor.read()]
        return readings if own or self.worker is None else self.worker.shared(readings)

    def view(self) -> View:
        """Return what has been drained so far and the calls that are running now; with `ledger_dir`, of all workers.

        The calls of other workers are those that were running when they were drained last.

        Raises:
            OSError: if `ledger_dir` cannot be read, or stays locked.
        """
        return self.own_view() if self.worker is None else self.worker.view()

    def own_view(self) -> View:
        """Return what has been drained so far, and the calls that are running now, in this process."""
        ledger = self.ledger.copy()
        running = self.in_progress()
        return View(ledger, {layer: running.get(layer.name, 0) for layer in ledger.layers})

    def traces(self) -> list[Trace]:
        """Return the last requests, oldest first; at most `keep_requests` of them."""
        return [assemble(recording, self.ledger) for recording in list(self._intake.last)]

    def subscribe(self, callback: Callback, *, share: float = 1.0) -> Callable[[], None]:
        """Hand finished requests to `callback`, as a trace and its attribution, whenever they are drained.

        It is called on whichever thread drains, the drain thread most often, and on two of them at once if they happen
        to drain at once. It should be quick, since finished requests queue up meanwhile. If it raises, that request is
        lost to it, and counted as dropped with reason `export`.

        Args:
            callback: gets a `Trace` and its `Attribution`. Nothing of a prompt or an answer is in them.
            share: share of the requests that it gets, chosen at random.

        Returns:
            A function that ends the subscription. What is being drained just then may still arrive.

        Raises:
            TypeError: if `callback` is not callable.
            ValueError: if `share` is not from 0 to 1.
        """
        return self._drain.subscribers.add(callback, share)

    def in_progress(self) -> dict[str, int]:
        """Return how many calls of each layer are running now in this process, in the order of the ledger's layers."""
        return in_progress(self.recorder, self._intake.running)

    def close(self) -> None:
        """Drain what is left and stop. Layers go on working, untimed; what they would have recorded is counted."""
        self.recorder.closed = True
        self._thread.stop()
        self.drain()
        if self.worker is not None:
            self.worker.close()

    def __enter__(self) -> Profiler:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def forget_threads(self) -> None:
        """Make a forked child whole: threads do not survive a fork, and locks may have been held by one."""
        self.ledger.lock = BatchLock()
        self.recorder.drops.forget_threads()
        self._drain.forget_threads()
        if self.worker is not None:
            # What the parent has recorded, the parent counts.
            self.worker.forget_parent()
            self._intake.queue.clear()
            self._intake.running.clear()
            self._drain.forget_requests()
            self.recorder.drops.take()
        self._intake.half_full = threading.Event()
        self._thread.forget_threads(self._intake.half_full)

    def _tend_worker(self) -> None:
        if self.worker is not None:
            self.worker.tend(self.in_progress())
