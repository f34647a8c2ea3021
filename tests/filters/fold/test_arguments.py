"""What the public functions refuse, what they leave alone, and that threads can share them."""

import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest

from aligntax_kernels import fold
from aligntax_kernels.fold import Folded, Folding, cpu, tables

FUNCTIONS = [fold.fold, fold.fold_bytes, fold.is_plain, fold.boundary]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("data", ["text", bytearray(b"text"), memoryview(b"text"), None, 1])
def test_only_bytes_are_folded(function, data):
    with pytest.raises(TypeError, match=f"data: got a {type(data).__name__}; pass bytes, such as text.encode"):
        function(data, Folding())


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("folding", [None, True, {"case": True}, "case"])
def test_the_steps_are_a_folding(function, folding):
    with pytest.raises(TypeError, match=f"folding: got a {type(folding).__name__}; pass a Folding"):
        function(b"text", folding)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_unknown_backend_is_named(function):
    with pytest.raises(ValueError, match="backend 'cuda' is unknown here; use one of 'auto', 'reference', 'cpu'"):
        function(b"text", Folding(), backend="cuda")


@pytest.mark.parametrize(("function", "name"), [(fold.fold_text, "text"), (fold.spellings, "pattern")])
def test_patterns_are_str(function, name):
    with pytest.raises(TypeError, match=f"^{name}: got a bytes; pass a str"):
        function(b"text", Folding())
    with pytest.raises(TypeError, match="folding: got a NoneType; pass a Folding"):
        function("text", None)


@pytest.mark.parametrize("step", ["case", "compatibility", "confusables", "invisible", "leet"])
@pytest.mark.parametrize("value", [1, 0, "false", None])
def test_a_step_is_on_or_off(step, value):
    with pytest.raises(TypeError, match=f"{step}: got {value!r}; pass True or False"):
        Folding(**{step: value})


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("data", [b"", b"ascii", b"A" * 5000, "\u0430\u200b".encode(), b"\xff"])
def test_the_types_of_what_is_returned(data, backend):
    result = fold.fold(data, Folding(), backend=backend)
    assert type(result) is Folded
    assert type(result.data) is bytes
    assert type(fold.boundary(data, Folding(), backend=backend)) is int
    assert type(fold.is_plain(data, Folding(), backend=backend)) is bool
    for offsets in (result.starts, result.ends):
        assert offsets.dtype == np.int64
        assert offsets.shape == (len(result.data),)
        assert not offsets.flags.writeable


def test_the_map_of_one_text_is_not_changed_by_folding_another():
    first = fold.fold(b"ab", Folding())
    fold.fold(b"c" * 100_000, Folding())
    assert (first.starts.tolist(), first.ends.tolist()) == ([0, 1], [1, 2])


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_no_text_is_in_the_repr(backend):
    assert repr(fold.fold(b"Secret", Folding(), backend=backend)) == "Folded(6 bytes)"


@pytest.mark.parametrize(
    ("function", "kernel"),
    [
        (fold.fold, "_fold"),
        (fold.fold_bytes, "_fold"),
        (fold.is_plain, "_is_plain"),
        (fold.boundary, "_boundary"),
    ],
)
def test_the_tables_live_as_long_as_a_kernel_reads_them(function, kernel, monkeypatch):
    """Although another thread drops what this one found, since it built the same tables or needs others."""
    run, alive = getattr(cpu, kernel), []

    def copied(folding):
        found = tables.tables(folding)
        packed = found.packed.copy()
        alive.append(weakref.ref(packed))
        return found._replace(packed=packed, address=packed.ctypes.data)

    def watched(*arguments):
        cpu._recent = (None, None)
        assert alive[-1]() is not None
        return run(*arguments)

    monkeypatch.setattr(cpu, "_recent", (None, None))
    monkeypatch.setattr(cpu, "tables", copied)
    monkeypatch.setattr(cpu, kernel, watched)
    function("\u0430".encode(), Folding())
    assert len(alive) == 1


def test_threads_fold_what_one_does():
    texts = [
        (
            ("\u0410e\u0301\u0316\u0301\u200b" * (number % 7) + "Text \ufdfa " * number).encode(),
            Folding(leet=number % 2 == 0),
        )
        for number in range(40)
    ]
    expected = [fold.fold_bytes(data, folding) for data, folding in texts]
    found = [None] * 8

    def work(index):
        found[index] = [fold.fold(data, folding).data for _ in range(20) for data, folding in texts]

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(found))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected * 20] * len(found)


def test_long_texts_are_folded_by_threads_at_once():
    data = ("E\u0301\u0430\u0316\u0301 " * 120_000).encode()
    assert len(data) > 1 << 20
    expected = fold.fold(data, Folding())
    found = [None] * 3

    def work(index):
        found[index] = fold.fold(data, Folding())

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(found))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in found:
        assert result.data == expected.data == "\u00e9\u00e1\u0316 ".encode() * 120_000
        assert np.array_equal(result.ends, expected.ends)


def test_the_reference_needs_no_numba():
    code = """
import sys
from aligntax_kernels import fold
assert fold.fold(b"A", fold.Folding(), backend="reference").data == b"a"
assert fold.boundary(b"A", fold.Folding(), backend="reference") == 0
print("numba" in sys.modules)
"""
    finished = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout == "False\n"


def test_warming_up_a_second_time_is_quicker():
    assert fold.warm() >= 0
    assert fold.warm() < 1
