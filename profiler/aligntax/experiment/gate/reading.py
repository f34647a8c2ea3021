"""Files of measurements, read whoever wrote them, and refused where they are not whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aligntax.experiment.gate.bench_result import measured_from_bench
from aligntax.experiment.gate.measured import Measured
from aligntax.experiment.gate.pytest_benchmark import is_pytest_benchmark, measured_from_pytest_benchmark
from aligntax.experiment.gate.tax_record import RECORD, WHOLE, measured_from_record, measured_from_whole
from aligntax.experiment.result import checked, read_json

__all__ = ["measured_of", "read_measured"]

_OTHERS = {RECORD: measured_from_record, WHOLE: measured_from_whole}


def read_measured(path: Path | str) -> Measured:
    """Return what a file holds.

    Args:
        path: written by `aligntax bench --json`, by `aligntax tax` or `aligntax report` with `--json`, or by
            pytest-benchmark with `--benchmark-save-data`.

    Raises:
        ValueError: if it is no such file, not whole, of another version of the schema, or holds something that is no
            measurement (NaN, text, no sample at all); names the file, the value and the mend.
    """
    path = Path(path)
    return measured_of(path, read_json(path))


def measured_of(path: Path, data: Any) -> Measured:
    """Return what the JSON of a file holds; see `read_measured`."""
    foreign = is_pytest_benchmark(data)
    other = _OTHERS.get(str(data.get("schema"))) if isinstance(data, dict) else None
    try:
        if foreign:
            return measured_from_pytest_benchmark(path, data)
        if other is not None:
            return other(path, data)
        return measured_from_bench(path, checked(data, path))
    except (AttributeError, IndexError, KeyError, OverflowError, StopIteration, TypeError) as error:
        # Whatever else a file lacks or has in the wrong place; what is likely is told apart before.
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error) or "a part is missing"
        wrote = "pytest-benchmark" if foreign else "aligntax bench --json" if other is None else "aligntax"
        raise ValueError(f"{path}: is not whole ({reason}); write it anew with {wrote}") from error
    except ValueError as error:
        raise error if str(error).startswith(f"{path}: ") else ValueError(f"{path}: {error}") from error
