"""The scenarios live beside the benchmark that reports their errors; the tests play the same ones."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
