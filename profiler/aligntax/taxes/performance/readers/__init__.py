"""Files of the programs that run benchmarks, each read by a module of its own."""

from __future__ import annotations

from aligntax.taxes.performance.readers.asked import Asked
from aligntax.taxes.performance.readers.choosing import read_arm

__all__ = ["Asked", "read_arm"]
