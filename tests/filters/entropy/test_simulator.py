"""The CUDA kernel under numba's simulator, which must be chosen before numba is imported: in a process of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path


def test_the_cuda_kernel_under_the_simulator():
    module = Path(__file__).with_name("test_cuda.py")
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(module)],
        env=os.environ | {"NUMBA_ENABLE_CUDASIM": "1"},
        cwd=module.parents[3],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    passed = re.search(r"(\d+) passed in", result.stdout)  # and none skipped
    assert passed is not None, result.stdout
    assert int(passed[1]) >= 40
