"""SciPy comes with experiments and with nothing else, and is named where it is missing."""

from __future__ import annotations

import subprocess
import sys

WITHOUT_SCIPY = """
import sys
import aligntax, aligntax.tax
assert "aligntax.inference" not in sys.modules
assert "scipy" not in sys.modules
sys.modules["scipy"] = None
try:
    import aligntax.inference
except ModuleNotFoundError as error:
    print(error.name, error)
"""


def test_a_missing_scipy_is_named_with_its_mend() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_SCIPY], capture_output=True, text=True, check=True)
    assert done.stdout.split()[0].startswith("scipy")
    assert "which is not installed; run: pip install 'aligntax[bench]'" in done.stdout
