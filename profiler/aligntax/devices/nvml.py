"""Energy, memory and utilisation of NVIDIA GPUs, from the NVIDIA Management Library.

The function names and units are those of the NVML API reference, section Device Queries.
"""
# ruff: noqa: N802 - the functions carry NVML's own names.

from __future__ import annotations

import contextlib
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from aligntax.clock import Clock, wall_clock
from aligntax.devices.energy import EnergyTotal
from aligntax.devices.sensor import Metric, NullSensor, Reading, Sensor


class NvmlLibrary(Protocol):
    """The part of the `pynvml` module that is used here; a device handle is opaque.

    Attributes:
        NVMLError: base of all that the functions raise.
        NVMLError_NotSupported: this device does not have the quantity.
        NVMLError_FunctionNotFound: this driver does not have the function.
    """

    NVMLError: type[Exception]
    NVMLError_NotSupported: type[Exception]
    NVMLError_FunctionNotFound: type[Exception]

    def nvmlInit(self) -> None:
        """Load the driver's library; calls are counted."""

    def nvmlShutdown(self) -> None:
        """Undo one `nvmlInit`."""

    def nvmlDeviceGetCount(self) -> int:
        """Return the number of GPUs that the driver sees."""

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Any:
        """Return the handle of a GPU, by index in PCI order."""

    def nvmlDeviceGetUUID(self, handle: Any) -> str:
        """Return the globally unique name of a GPU."""

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: Any) -> int:
        """Return millijoules since the driver was loaded."""

    def nvmlDeviceGetPowerUsage(self, handle: Any) -> int:
        """Return milliwatts; on most GPUs the mean over the last second."""

    def nvmlDeviceGetMemoryInfo(self, handle: Any) -> Any:
        """Return a structure whose `used` is in bytes and includes what the driver reserves."""

    def nvmlDeviceGetUtilizationRates(self, handle: Any) -> Any:
        """Return a structure whose `gpu` is the percentage of time with a kernel running."""


@dataclass(frozen=True, slots=True)
class _Quantity:
    """How to sample one metric of one device, and what to sample where the device does not have it."""

    metric: Metric
    device: str
    sample: Callable[[], float]
    estimated: bool = False
    otherwise: _Quantity | None = None


def _quantities(library: NvmlLibrary, clock: Clock, device: str, handle: Any) -> Iterator[_Quantity]:
    total = EnergyTotal(units_per_joule=1000)
    yield _Quantity(
        "energy_joules",
        device,
        lambda: total.count(library.nvmlDeviceGetTotalEnergyConsumption(handle)),
        otherwise=_Quantity(
            "energy_joules",
            device,
            lambda: total.integrate(library.nvmlDeviceGetPowerUsage(handle) / 1000, clock()),
            estimated=True,
        ),
    )
    yield _Quantity("memory_bytes", device, lambda: float(library.nvmlDeviceGetMemoryInfo(handle).used))
    yield _Quantity("utilization_ratio", device, lambda: library.nvmlDeviceGetUtilizationRates(handle).gpu / 100)


def _shut_down(library: NvmlLibrary) -> None:
    # The driver may be gone before us, and then there is nothing left to release.
    with contextlib.suppress(library.NVMLError):
        library.nvmlShutdown()


class NvmlSensor:
    """Energy (joules since opening), used memory (bytes) and utilisation (ratio 0 to 1) of every GPU.

    NVML ignores CUDA_VISIBLE_DEVICES and numbers GPUs by PCI order, so `gpu0` need not be CUDA's device 0:
    `uuids` tells which one it is. Reads may come from several threads.

    Attributes:
        failures: readings, and GPUs, that NVML refused for another reason than not having them; a count.
        uuids: device name to NVML's UUID, `{"gpu0": "GPU-..."}`; a GPU that does not tell is left out.
    """

    def __init__(self, library: NvmlLibrary, clock: Clock) -> None:
        """Take over an initialised library, and take the baseline of every energy counter.

        Args:
            library: `pynvml`, after `nvmlInit`.
            clock: nanoseconds; read beside power where a GPU counts no energy.

        Raises:
            NVMLError: the library's own, where it cannot count its devices.
        """
        self.failures = 0
        self._library = library
        self._lock = threading.Lock()
        self._quantities: list[_Quantity] = []
        uuids: dict[str, str] = {}
        for index in range(library.nvmlDeviceGetCount()):
            device = f"gpu{index}"
            try:
                handle = library.nvmlDeviceGetHandleByIndex(index)
                self._quantities += _quantities(library, clock, device, handle)
                uuids[device] = library.nvmlDeviceGetUUID(handle)
            except library.NVMLError:
                self.failures += 1
        self.uuids = MappingProxyType(uuids)
        # A finalizer runs once at most: by close(), by garbage collection or at the interpreter's exit.
        self._shutdown = weakref.finalize(self, _shut_down, library)
        self.read()

    def read(self) -> list[Reading]:
        """Return the readings of all GPUs, in joules, bytes and ratios; none after `close`.

        A quantity that a GPU does not support is not asked for again; energy is then estimated from power,
        where that is supported. Any other error is counted in `failures`, and the next read tries again.
        """
        with self._lock:
            if not self._shutdown.alive:
                return []
            readings: list[Reading] = []
            supported: list[_Quantity] = []
            pending = deque(self._quantities)
            while pending:
                quantity = pending.popleft()
                try:
                    value = quantity.sample()
                except (self._library.NVMLError_NotSupported, self._library.NVMLError_FunctionNotFound):
                    if quantity.otherwise is not None:
                        pending.appendleft(quantity.otherwise)
                    continue
                except self._library.NVMLError:
                    self.failures += 1
                else:
                    readings.append(Reading(quantity.metric, quantity.device, "nvml", value, quantity.estimated))
                supported.append(quantity)
            self._quantities = supported
            return readings

    def close(self) -> None:
        """Release the library; once, however often it is called."""
        with self._lock:
            self._shutdown()


def open_nvml(library: NvmlLibrary | None = None, *, clock: Clock = wall_clock) -> Sensor:
    """Open the NVIDIA GPUs of this machine.

    Args:
        library: stands in for the `pynvml` module of the nvidia-ml-py package, which is imported by default.
        clock: nanoseconds; read beside power where a GPU counts no energy.

    Returns:
        An `NvmlSensor`, to be closed, or a `NullSensor` where there is no driver or it cannot be asked.
    """
    if library is None:
        import pynvml

        library = pynvml
    try:
        library.nvmlInit()
    except library.NVMLError:
        return NullSensor()
    try:
        return NvmlSensor(library, clock)
    except library.NVMLError:
        _shut_down(library)
        return NullSensor()
