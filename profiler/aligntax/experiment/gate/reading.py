"""Files of measurements, read whoever wrote them, and refused where they are not whole."""

from __future__ import annotations

from pathlib import Path

from aligntax.experiment.gate.bench_result import measured_from_bench
from aligntax.experiment.gate.measured import Measured
from aligntax.experiment.gate.pytest_benchmark import is_pytest_benchmark, measured_from_pytest_benchmark
from aligntax.experiment.result import checked, read_json

__all__ = ["read_measured"]


def read_measured(path: Path | str) -> Measured:
    """Return what a file holds.

    Args:
        path: written by `aligntax bench --json`, or by pytest-benchmark with `--benchmark-save-data`.

    Raises:
        ValueError: if it is no such file, not whole, of another version of the schema, or holds something that is no
            measurement (NaN, text, no sample at all); names the file, the value and the mend.
    """
    path = Path(path)
    data = read_json(path)
    foreign = is_pytest_benchmark(data)
    try:
        if foreign:
            return measured_from_pytest_benchmark(path, data)
        return measured_from_bench(path, checked(data, path))
    except (AttributeError, IndexError, KeyError, StopIteration, TypeError) as error:
        # Whatever else a file lacks or has in the wrong place; what is likely is told apart before.
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error) or "a part is missing"
        wrote = "pytest-benchmark" if foreign else "aligntax bench --json"
        raise ValueError(f"{path}: is not whole ({reason}); write it anew with {wrote}") from error
    except ValueError as error:
        raise error if str(error).startswith(f"{path}: ") else ValueError(f"{path}: {error}") from error
