"""Torch modules: calls of one instance are timed; the instance stays the same object.

The instance gets a class of its own, a subclass of the class it had, whose `__call__` is timed. Nothing is put into the
instance: its state dict, device moves and hooks are untouched, and copies and pickles are of the original class, which
loads where aligntax is not installed. Compiled code is never entered: a module that is traced runs as if it were not
timed. To time a compiled module, compile it first and hand the result to `profiler.model`.
"""

from __future__ import annotations

import copyreg
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aligntax.devices.cuda_events import CudaEventPool, Ticket
from aligntax.recording.recorder import Recorder
from aligntax.recording.scope import Launch, last_span
from aligntax.recording.taps import Bypass
from aligntax.recording.verdicts import VerdictMapper
from aligntax.recording.wrap import wrap
from aligntax.trace import Layer

if TYPE_CHECKING:
    import torch

_MARK = "__aligntax_timed__"
RECALIBRATE_SECONDS = 10.0


class TorchAdapter:
    """Times calls of a `torch.nn.Module`; on CUDA also the work that a call leaves behind on the current stream."""

    def accepts(self, target: Any) -> bool:
        """Return whether `target` is a module."""
        loaded = sys.modules.get("torch")
        return loaded is not None and hasattr(loaded, "nn") and isinstance(target, loaded.nn.Module)

    def attach(
        self,
        recorder: Recorder,
        target: torch.nn.Module,
        layer: Layer,
        mapper: VerdictMapper | None,
        bypass: Bypass | None,
    ) -> torch.nn.Module:
        """Return the module itself, with its calls timed.

        Raises:
            TypeError: if the module's class cannot be derived from.
        """
        loaded: Any = sys.modules["torch"]
        original: Any = type(target)

        def call(module: Any, *args: Any, **kwargs: Any) -> Any:
            # Looked up anew at each call: symbolic tracing replaces it for a while.
            return original.__call__(module, *args, **kwargs)

        timed = wrap(recorder, call, layer, mapper, bypass=bypass, bound=1)
        if loaded.cuda.is_available():
            if "cuda" not in recorder.kept:
                recorder.kept["cuda"] = CudaPools(recorder, loaded)
            timed = _with_events(recorder, recorder.kept["cuda"], timed)
        is_compiling = loaded.compiler.is_compiling

        def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N807 (becomes the method of that name)
            if is_compiling():
                return original.__call__(self, *args, **kwargs)
            return timed(self, *args, **kwargs)

        namespace = {
            "__call__": __call__,
            "__reduce_ex__": _reduce_as_original,
            "__module__": original.__module__,
            "__qualname__": original.__qualname__,
            "__doc__": original.__doc__,
            _MARK: True,
        }
        try:
            _set_class(target, type(original.__name__, (original,), namespace))
        except (TypeError, RuntimeError) as error:
            raise TypeError(
                f"a {original.__name__} cannot be timed in place ({error}); time a function that calls it: "
                "profiler.model(lambda *args: module(*args), name=...)"
            ) from error
        return target


def detach(module: torch.nn.Module) -> None:
    """Give a timed module the class back that it had before anything timed it."""
    _set_class(module, _original(type(module)))


def _set_class(module: torch.nn.Module, kind: type) -> None:
    """Set the class of the module itself: that of a traced module passes attributes that are set on it on."""
    object.__setattr__(module, "__class__", kind)


def _original(timed: type) -> type:
    return next(base for base in timed.__mro__ if _MARK not in vars(base))


def _reduce_as_original(self: Any, protocol: Any) -> Any:
    """Reduce for `pickle` and `copy` as an instance of the original class."""
    timed = type(self)
    original: Any = _original(timed)
    reduced = original.__reduce_ex__(self, protocol)
    if not isinstance(reduced, tuple):
        return reduced
    maker, arguments, *state = reduced
    if getattr(maker, "__name__", "") == "__newobj__":
        # pickle wants __newobj__ to make the very class of the object; this maker does the same without that check.
        return (copyreg._reconstructor, (original, object, None), *state)  # type: ignore[attr-defined]
    maker = original if maker is timed else maker
    return (maker, tuple(original if argument is timed else argument for argument in arguments), *state)


class CudaPools:
    """An event pool for each device that a profiler's modules use, kept in order by the drain."""

    def __init__(self, recorder: Recorder, torch: Any) -> None:
        self._recorder = recorder
        self._torch = torch
        self._pools: dict[int, CudaEventPool] = {}
        self._reported = 0
        recorder.chores.append(self.tend)

    def of(self, device: int) -> CudaEventPool:
        """Return the pool of a device; the first call for it waits for the device once, to find its clock's offset."""
        pool = self._pools.get(device)
        if pool is None:
            cuda = self._torch.cuda
            with cuda.device(device):
                # A stream of its own: nothing of the program's is queued ahead of the calibration's events.
                pool = CudaEventPool(
                    lambda: cuda.Event(enable_timing=True), self._recorder.clock, stream=cuda.Stream(device)
                )
            self._pools[device] = pool
        return pool

    def begin(self, module: torch.nn.Module) -> Work | None:
        """Record the event before a call of `module`; return None where it has no work on a GPU that can be timed."""
        cuda = self._torch.cuda
        try:
            parameter = next(module.parameters(), None)
            if parameter is None or not parameter.is_cuda or cuda.is_current_stream_capturing():
                return None
            device = parameter.device.index
            return Work(self._recorder, self.of(device), cuda.current_stream(device), f"cuda:{device}")
        except Exception as error:
            self._recorder.drops.count("internal_error")
            self._recorder.complain("work on a GPU could not be timed", error)
            return None

    def tend(self) -> None:
        """Follow the drift of the devices' clocks, take finished events back, and report what found none."""
        for device, pool in list(self._pools.items()):
            with self._torch.cuda.device(device):
                pool.recalibrate_if_older_than(RECALIBRATE_SECONDS)
                pool.reclaim()
        exhausted = sum(pool.exhausted for pool in self._pools.values())
        self._recorder.drops.count("event_pool", exhausted - self._reported)
        self._reported = exhausted


class Work:
    """What one call left on a GPU. Whatever goes wrong with its events, the program that it belongs to goes on."""

    def __init__(self, recorder: Recorder, pool: CudaEventPool, stream: Any, device: str) -> None:
        self.device = device
        self._recorder = recorder
        self._stream = stream
        self._ticket: Ticket | None = None
        self.interval_ns: tuple[int, int] | None = None
        try:
            self._ticket = pool.begin(stream)
        except Exception as error:
            self._give_up(error)

    def end(self) -> None:
        """Record the event after the work."""
        if self._ticket is not None:
            try:
                self._ticket.end(self._stream)
            except Exception as error:
                self._give_up(error)

    def settled(self) -> bool:
        """Return whether there is nothing more to wait for."""
        if self._ticket is not None:
            try:
                self.interval_ns = self._ticket.poll()
            except Exception as error:
                self._give_up(error)
        return self._ticket is None or self.interval_ns is not None

    def _give_up(self, error: Exception) -> None:
        self._recorder.drops.count("internal_error")
        self._recorder.complain("work on a GPU could not be timed", error)
        ticket, self._ticket = self._ticket, None
        if ticket is not None:
            ticket.abandon()


def _with_events(recorder: Recorder, pools: CudaPools, timed: Callable[..., Any]) -> Callable[..., Any]:
    """Return `timed` between two events on the current stream, for modules on a GPU inside of a request."""

    def launched(module: Any, *args: Any, **kwargs: Any) -> Any:
        live = recorder.current()
        recording = live.recording
        work = None if recording is None else pools.begin(module)
        if recording is None or work is None:
            return timed(module, *args, **kwargs)
        start_ns = recorder.clock()
        try:
            return timed(module, *args, **kwargs)
        finally:
            work.end()
            span = last_span(live, start_ns)
            if span is not None:
                recording.launches.append(Launch(*span, work, work.device))

    return launched
