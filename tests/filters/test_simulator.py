"""The CUDA kernels under numba's simulator, which must be chosen before numba is imported: in their own process."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


# Of the token filters two tests need a device; of the entropy none does.
@pytest.mark.parametrize(("module", "skipped"), [("tokens/test_cuda.py", ", 2 skipped"), ("entropy/test_cuda.py", "")])
def test_the_cuda_kernels_under_the_simulator(module, skipped):
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE / module)],
        env=os.environ | {"NUMBA_ENABLE_CUDASIM": "1"},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    passed = re.search(rf"(\d+) passed{skipped} in", result.stdout)
    assert passed is not None, result.stdout
    assert int(passed[1]) >= 40
