"""The built wheel: what is in it, and that it works where nothing else of the project is to be seen."""

import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE_ROOTS = {"aligntax": "profiler", "aligntax_kernels": "kernels"}
NOT_SHIPPED = ["tests/test_stray.py", "benchmarks/stray.py", "kernels/test_stray.py", "profiler/bench_stray.py"]


def run(*command, cwd):
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=110, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of what is built, with strays where none may be picked up."""
    copy = tmp_path_factory.mktemp("source")
    for folder in SOURCE_ROOTS.values():
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, copy / name)
    readme = ROOT / "README.md"
    (copy / "README.md").write_text(readme.read_text() if readme.exists() else "aligntax\n")
    for stray in NOT_SHIPPED:
        (copy / stray).parent.mkdir(exist_ok=True)
        (copy / stray).write_text("")
    cached = copy / "kernels/aligntax_kernels/tokens/__pycache__"
    cached.mkdir()
    (cached / "cpu._mask-1.py311.1.nbc").write_bytes(b"compiled for this machine")
    return copy


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), cwd=source)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    run(*pip, str(wheel), cwd=target)
    return target


def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def test_the_wheel_holds_the_two_packages_whole_and_nothing_else(source, wheel):
    expected = {
        path.relative_to(source / folder).as_posix()
        for package, folder in SOURCE_ROOTS.items()
        for path in (source / folder / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    shipped = {name for name in contents(wheel) if ".dist-info/" not in name}
    assert shipped == expected
    assert not [name for name in shipped if Path(name).name.startswith("test_") or "stray" in name]


def test_the_wheel_is_typed_and_licensed(wheel):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    expected = {f"{package}/py.typed" for package in SOURCE_ROOTS}
    expected.add(f"aligntax-{version}.dist-info/licenses/LICENSE")
    expected |= {f"aligntax/report/page/page.{kind}" for kind in ("html", "css")}
    assert expected <= contents(wheel)


def test_the_wheel_registers_the_command_and_the_pytest_plugin(wheel):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    with zipfile.ZipFile(wheel) as archive:
        registered = archive.read(f"aligntax-{version}.dist-info/entry_points.txt").decode()
    assert "[console_scripts]\naligntax = aligntax.cli:main" in registered
    assert "[pytest11]\naligntax = aligntax.pytest_plugin" in registered


def test_the_licence_is_the_whole_apache_text():
    text = (ROOT / "LICENSE").read_text()
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


CHECK = """
import sys
from importlib.util import find_spec

target, site_packages = sys.argv[1:]
sys.path.insert(0, target)
# Hugging Face publishes a package imported as `kernels`: ours must leave both names alone.
assert find_spec("kernels") is None, find_spec("kernels")
assert find_spec("profiler") is None, find_spec("profiler")

# As a plain folder: the .pth file of an editable install in it is not obeyed.
sys.path.append(site_packages)
import aligntax
import aligntax_kernels
import numpy as np
from aligntax_kernels import tokens

for package in (aligntax, aligntax_kernels):
    assert package.__file__.startswith(target), package.__file__
logits = np.zeros(3, np.float32)
tokens.apply_bitmask(logits, np.array([0b101], np.int32), backend="reference")
assert logits.tolist() == [0, float("-inf"), 0]
print("works")
"""


def test_the_installed_wheel_works_alone_and_claims_no_foreign_name(installed, tmp_path):
    command = [sys.executable, "-I", "-S", "-c", CHECK, str(installed), sysconfig.get_path("purelib")]
    assert run(*command, cwd=tmp_path) == "works\n"
