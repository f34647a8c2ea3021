"""When kernels are compiled, and from where: in processes of their own, since numba is imported and set up once."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import types
from numba.core.errors import TypingError

import aligntax_kernels
from aligntax_kernels.compilation import kernel

PACKAGE = Path(aligntax_kernels.__file__).parent

MASK_AND_COMPARE = """
import logging, sys
import numpy as np

logging.basicConfig(stream=sys.stdout, format="%(message)s")
logging.getLogger("aligntax_kernels").setLevel(logging.INFO)
from aligntax_kernels import tokens

random = np.random.default_rng(1)
bits = random.integers(0, 2**32, (3, 70), dtype=np.uint32)
bits[:, ::5] = 0x7F800001  # a signalling NaN: any arithmetic on it would set another bit
expected = bits.view(np.float32)
bitmask = random.integers(-(2**31), 2**31, (3, 3), dtype=np.int32)
bitmask[0, 0], bitmask[1, 1] = -1, 0
logits = expected.copy()
tokens.apply_bitmask(expected, bitmask, backend="reference")
assert "numba" not in sys.modules
tokens.apply_bitmask(logits, bitmask, backend="cpu")
assert "numba" in sys.modules
assert logits.view(np.uint32).tolist() == expected.view(np.uint32).tolist()

from aligntax_kernels.tokens import cpu
"""
CACHE_HITS = "print('hits', sum(f.stats.cache_hits.total() for f in (cpu._mask, cpu._mask_without_gil)))"


def run_python(code, root=PACKAGE.parent, **environment):
    """Standard output of a fresh interpreter that finds aligntax_kernels under `root`; fails where it fails."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=inherited | {"PYTHONPATH": str(root), **{key: str(value) for key, value in environment.items()}},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("module", ["aligntax_kernels", "aligntax_kernels.tokens"])
def test_an_import_loads_neither_numba_nor_torch(module):
    heavy = "{'numba', 'llvmlite', 'torch', 'aligntax'}"
    assert run_python(f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))") == "[]\n"


def test_warm_leaves_nothing_to_compile(tmp_path):
    code = """
from aligntax_kernels import tokens
assert tokens.warm() > tokens.warm() > 0
from aligntax_kernels.tokens import cpu
print([len(f.signatures) for f in (cpu._mask, cpu._mask_without_gil)])
"""
    assert run_python(code, NUMBA_CACHE_DIR=tmp_path) == "[1, 1]\n"


def test_a_second_process_loads_what_the_first_compiled(tmp_path):
    first = run_python(MASK_AND_COMPARE + CACHE_HITS, NUMBA_CACHE_DIR=tmp_path)
    second = run_python(MASK_AND_COMPARE + CACHE_HITS, NUMBA_CACHE_DIR=tmp_path)
    assert (first, second) == ("hits 0\n", "hits 2\n")


@pytest.fixture
def nowhere_to_cache(tmp_path):
    """A copy of the package, and the environment under which numba finds no cache location for it.

    Files stand where folders would have to be made: that stops root too, which permissions do not.
    """
    root = tmp_path / "root"
    shutil.copytree(PACKAGE, root / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in (root / PACKAGE.name, *(path for path in (root / PACKAGE.name).rglob("*") if path.is_dir())):
        (folder / "__pycache__").touch()
    (tmp_path / "home").touch()
    return root, {"HOME": tmp_path / "home", "XDG_CACHE_HOME": tmp_path / "home" / "cache"}


def test_without_a_writable_cache_the_kernels_compile_and_say_so(nowhere_to_cache):
    root, environment = nowhere_to_cache
    output = run_python(MASK_AND_COMPARE + "print(cpu._mask.stats.cache_path)", root, **environment)
    lines = output.splitlines()
    assert lines[-1] == "None"
    for name in ("_mask", "_mask_without_gil"):
        (line,) = (line for line in lines if f".{name} is compiled" in line)
        assert line.startswith(f"aligntax_kernels.tokens.cpu.{name} is compiled anew by every process")
    for line in lines[:-1]:
        assert "no locator available" in line
        assert "NUMBA_CACHE_DIR" in line


def test_numba_itself_refuses_that_location(nowhere_to_cache):
    root, environment = nowhere_to_cache
    code = """
import numba
from aligntax_kernels.tokens import reference
try:
    numba.njit(cache=True)(reference.apply_bitmask)
except RuntimeError as error:
    print(error)
"""
    assert "no locator available" in run_python(code, root, **environment)


@pytest.mark.parametrize("damage", [b"", b"not a pickle"])
def test_a_damaged_cache_is_worked_around_and_named(damage, tmp_path):
    run_python(MASK_AND_COMPARE, NUMBA_CACHE_DIR=tmp_path)
    entries = [path for path in tmp_path.rglob("*") if path.suffix in (".nbi", ".nbc")]
    assert entries
    for entry in entries:
        entry.write_bytes(damage)
    assert "numba's cache failed with" in run_python(MASK_AND_COMPARE, NUMBA_CACHE_DIR=tmp_path)


@pytest.mark.parametrize(
    ("variable", "value", "kind"), [("NUMBA_DISABLE_JIT", 1, "function"), ("NUMBA_OPT", 0, "CPUDispatcher")]
)
def test_the_kernels_mean_the_same_without_compiler_or_optimiser(variable, value, kind, tmp_path):
    output = run_python(
        MASK_AND_COMPARE + "print(type(cpu._mask).__name__)", NUMBA_CACHE_DIR=tmp_path, **{variable: value}
    )
    assert output.splitlines()[-1] == kind


def test_a_fault_of_the_kernel_itself_is_raised():
    def faulty(value):
        return value.no_such_attribute

    with pytest.raises(TypingError, match="no_such_attribute"):
        kernel(types.int64(types.int64))(faulty)


def test_an_argument_of_another_type_is_refused_instead_of_compiled():
    @kernel(types.int64(types.int64[::1]))
    def first(values):
        return values[0]

    assert first(np.array([3, 4])) == 3
    with pytest.raises(TypeError, match="No matching definition"):
        first(np.array([3.0, 4.0]))
    assert len(first.signatures) == 1
