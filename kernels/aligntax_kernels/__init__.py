"""Filter kernels for guards on the hot path: each with a slow, obvious reference and a compiled version.

A kernel is a subpackage: its public function validates the arguments once and hands them to a backend.
`reference` is the oracle, in plain Python; `cpu` is compiled by numba, which is imported on first use; `cuda` runs on a
GPU, or in numba's simulator. Nothing here imports aligntax, and importing this package loads neither numpy nor numba.
"""

from aligntax_kernels.warming import warm

__all__ = ["entropy", "fold", "linear", "literals", "pii", "secrets", "tokens", "warm"]
