"""The statistics of logits on the CPU, compiled when this module is imported."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import config, types
from numpy.typing import NDArray

from aligntax_kernels.compilation import direct, kernel
from aligntax_kernels.entropy import reference
from aligntax_kernels.entropy.blocks import BFLOAT16, FLOAT16, FLOAT32
from aligntax_kernels.entropy.faults import SOUND, Fault
from aligntax_kernels.entropy.rows import measure_rows

__all__ = ["measure", "warm"]

# Logits from which on other threads are let run meanwhile; a shorter run is over before a fight for the GIL is.
_LONG_RUN_LOGITS = 1 << 18

_KINDS = {"float32": FLOAT32, "float16": FLOAT16, "bfloat16": BFLOAT16}


@kernel(
    types.UniTuple(types.int64, 2)(  # type: ignore[no-untyped-call]
        types.uint64, types.int64, types.uint64, types.uint64, types.float64, types.float64[:, ::1]
    ),
    nogil=True,
)
def _measure_without_gil(address: Any, step: Any, vocabulary: Any, kind: Any, top_p: Any, statistics: Any) -> Any:
    return measure_rows(address, step, vocabulary, kind, top_p, statistics)


_measure_now, _measure_long = direct(measure_rows), direct(_measure_without_gil)


def measure(logits: NDArray[Any], kind: str, top_p: float) -> tuple[NDArray[np.float64], Fault | None]:
    """Do what `reference.measure` does, which says what is passed and returned."""
    statistics = np.zeros((len(logits), reference.COLUMNS))
    if not logits.flags.aligned or (logits.shape[1] > 1 and logits.strides[1] != logits.itemsize):
        logits = logits.copy(order="C")
    run = _measure_now if logits.size < _LONG_RUN_LOGITS else _measure_long
    row, number = run(logits.ctypes.data, logits.strides[0], logits.shape[1], _KINDS[kind], top_p, statistics)
    return statistics, None if number == SOUND else Fault(row, number)


if getattr(config, "DISABLE_JIT"):  # noqa: B009 (set at run time, and unknown to mypy)
    # Interpreted, there is no memory at an address: NUMBA_DISABLE_JIT=1 makes this module the oracle's.
    measure = reference.measure


def warm() -> None:
    """Call every compiled version once, since a first call also resolves the types of its arguments."""
    for vocabulary in (1, _LONG_RUN_LOGITS):
        measure(np.zeros((1, vocabulary), np.float32), "float32", 0.5)
