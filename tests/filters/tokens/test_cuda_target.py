"""Which CUDA target is taken, and what is said where there is none: in processes of their own."""

import subprocess
import sys

import pytest

FAKE = """
import sys, types

class Fake(types.ModuleType):
    def is_available(self): return {available}
    def cuda_error(self): return {error!r}

def fake(name):
    parent, _, child = name.rpartition(".")
    sys.modules[name] = module = Fake(name)
    if parent:
        setattr(sys.modules.setdefault(parent, types.ModuleType(parent)), child, module)
    return module

for name in {present!r}:
    fake(name)
for name in {missing!r}:
    sys.modules[name] = None
try:
    from aligntax_kernels import cuda_target
    print(cuda_target.cuda.__name__, cuda_target.IS_SIMULATED)
except ImportError as error:
    print(type(error).__name__, error)
"""
BOTH = ("numba_cuda_mlir.cuda", "numba.cuda")


def imported(environment, **settings):
    settings = {"available": True, "error": None, "present": BOTH, "missing": (), **settings}
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import numba.core.config\n" + FAKE.format(**settings)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env=environment,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.fixture
def environment(monkeypatch):
    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)


def test_the_newest_target_is_taken_first(environment):
    assert imported(environment) == "numba_cuda_mlir.cuda False"


def test_without_it_the_one_that_numba_has(environment):
    assert imported(environment, present=("numba.cuda",), missing=("numba_cuda_mlir",)) == "numba.cuda False"


def test_the_simulator_is_the_one_that_numba_has(monkeypatch):
    monkeypatch.setenv("NUMBA_ENABLE_CUDASIM", "1")
    assert imported(None, present=("numba_cuda_mlir.cuda",)) == "numba.cuda True"


@pytest.mark.parametrize(("error", "reason"), [("no\n driver ", "no driver"), (None, "NVVM, its compiler, is missing")])
def test_a_target_without_a_device_is_an_import_error_with_the_mend(environment, error, reason):
    said = imported(environment, available=False, error=error)
    assert said == (
        f"ImportError numba_cuda_mlir.cuda finds no CUDA device that it can compile for ({reason}); check the NVIDIA "
        "driver, and install the compiler with: pip install 'aligntax[cuda]'"
    )


def test_a_fault_inside_a_target_is_not_taken_for_its_absence(environment, tmp_path, monkeypatch):
    package = tmp_path / "numba_cuda_mlir"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "cuda.py").write_text("import a_library_that_is_not_there\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    said = imported(environment, present=("numba.cuda",))
    assert said == "ModuleNotFoundError No module named 'a_library_that_is_not_there'"


def test_a_backend_without_a_device_names_the_command(environment):
    code = """
import numpy as np
from aligntax_kernels import tokens
for call in (
    lambda: tokens.apply_bitmask(np.zeros((1, 32), np.float32), np.zeros((1, 1), np.int32), backend="cuda"),
    lambda: tokens.TokenBans([[1]], 2, backend="cuda").start(1),
    lambda: tokens.warm(cuda=True),
):
    try:
        call()
    except ImportError as error:
        print("pip install 'aligntax[cuda]'" in str(error))
"""
    result = subprocess.run(
        [sys.executable, "-c", "import os; os.environ['CUDA_VISIBLE_DEVICES'] = ''\n" + code],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    assert result.stdout.split() == ["True"] * 3
