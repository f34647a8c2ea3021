"""aligntax_kernels.warm: several processes compile where the cache is empty; where it is filled, nothing does."""

import os
import subprocess
import sys

import pytest

import aligntax_kernels
from aligntax_kernels import warming

PROGRAM = """
import logging, sys
logging.basicConfig(stream=sys.stdout, format="%(message)s")
import aligntax_kernels
from aligntax_kernels import warming
from aligntax_kernels.compilation import compiled_anew
started = []
elsewhere = warming._warm_elsewhere
warming._warm_elsewhere = lambda name: (started.append(name), elsewhere(name))
seconds = aligntax_kernels.warm(["tokens", "entropy"], processes=int(sys.argv[1]))
assert list(seconds) == ["tokens", "entropy"], seconds
assert all(value > 0 for value in seconds.values())
print(started, compiled_anew())
"""


def warm_in_a_new_process(cache, processes):
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(processes)],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    started, _, compiled = finished.stdout.strip().rpartition(" ")
    return started, int(compiled)


def test_an_empty_cache_is_filled_by_others_and_a_filled_one_only_read(tmp_path):
    started, compiled = warm_in_a_new_process(tmp_path, 2)
    assert started == "['entropy']"
    assert compiled > 0  # tokens; entropy came from the cache
    assert warm_in_a_new_process(tmp_path, 2) == ("[]", 0)


def test_one_process_does_it_alone(tmp_path):
    started, compiled = warm_in_a_new_process(tmp_path, 1)
    assert started == "[]"
    assert compiled > 0


def test_a_process_that_fails_is_named_and_its_work_done_here(caplog, monkeypatch):
    monkeypatch.setattr(warming, "_PROGRAM", "raise OSError('no room')")
    warming._warm_elsewhere("tokens")
    assert "tokens could not be compiled ahead: OSError: no room" in caplog.text


def timed_out(command, **_):
    raise subprocess.TimeoutExpired(command, 1)


def not_started(command, **_):
    raise BlockingIOError("no process to spare")


@pytest.mark.parametrize(("run", "message"), [(timed_out, "TimeoutExpired"), (not_started, "no process to spare")])
def test_a_process_that_hangs_or_does_not_start_is_named_too(caplog, monkeypatch, run, message):
    monkeypatch.setattr(subprocess, "run", run)
    warming._warm_elsewhere("tokens")
    assert "tokens could not be compiled ahead: " in caplog.text
    assert message in caplog.text


def test_other_processes_import_nothing_from_the_folder_they_run_in(caplog, monkeypatch, tmp_path):
    (tmp_path / "colorsys.py").write_text("raise SystemExit('imported from the current folder')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    monkeypatch.setattr(warming, "_PROGRAM", "import colorsys, aligntax_kernels")
    warming._warm_elsewhere("tokens")
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"kernels": ["regex"]}, ValueError, "kernel 'regex' is unknown; use 'tokens', "),
        ({"kernels": "fold"}, TypeError, r"kernels: got one str; pass a list of names, such as \['fold'\]"),
        ({"processes": 0}, ValueError, "processes=0 is too small; use at least 1"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        aligntax_kernels.warm(**arguments)


def test_every_kernel_is_named():
    assert set(warming.KERNELS) == set(aligntax_kernels.__all__) - {"warm"}
