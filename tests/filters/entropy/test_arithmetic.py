"""What the compiled version is made of: the exponential, the half-precision formats, memory, threads, processes."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from aligntax_kernels import entropy
from aligntax_kernels.entropy import blocks, cpu, lanes, nucleus


def test_the_exponential_is_exact_to_float32_wherever_it_is_used():
    random = np.random.default_rng(4)
    for largest in (-255.0, -80.0, -1.0, 0.0, 0.3, 88.0, 255.0):
        scale = np.rint(np.float32(largest) * lanes.LOG2_E)
        values = (largest - random.uniform(0, 86, 5000)).astype(np.float32)
        values[:3] = largest, np.nextafter(np.float32(largest), np.float32(-999)), largest - 86
        exact = np.exp(values.astype(np.float64) - scale * np.log(2))
        found = np.array([lanes.exponential(value, lanes.ROUNDING - scale) for value in values], np.float64)
        assert np.abs(found / exact - 1).max() < 1.5e-7


@pytest.mark.parametrize(("kind", "dtype"), [(blocks.FLOAT16, torch.float16), (blocks.BFLOAT16, torch.bfloat16)])
def test_every_half_is_widened_to_its_value(kind, dtype):
    bits = np.arange(1 << 16, dtype=np.uint32).astype(np.uint16)
    expected = torch.from_numpy(bits.view(np.int16)).view(dtype).float().numpy()
    found = np.empty(blocks.BLOCK, np.float32)
    for start in range(0, len(bits), blocks.BLOCK):
        values = blocks.block_of(bits.ctypes.data, start, blocks.BLOCK, kind, found)
        part = expected[start : start + blocks.BLOCK]
        assert np.array_equal(np.isnan(values), np.isnan(part))
        numbers = ~np.isnan(part)
        assert np.array_equal(values[numbers].view(np.uint32), part[numbers].view(np.uint32))


@pytest.mark.parametrize("more", [-1, 0, 1])
@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_both_sides_of_the_size_that_releases_the_gil(more, kind, check_statistics):
    logits = np.random.default_rng(1).normal(size=(2, cpu._LONG_RUN_LOGITS // 2 + more)).astype(kind)
    assert (logits.size >= cpu._LONG_RUN_LOGITS) == (more >= 0)
    check_statistics(entropy.statistics(logits, top_p=0.9), logits, 0.9)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_nothing_beside_the_rows_is_looked_at(dtype):
    # NaN all around: reading one of them would be noticed.
    around = np.full((4, 5000), np.nan, dtype)
    inner = around[1:3, 3:4500]
    inner[:] = np.random.default_rng(6).normal(size=inner.shape)
    for top_p in (None, 0.9):
        found = entropy.statistics(inner, top_p=top_p, backend="cpu")
        assert np.array_equal(found.entropy, entropy.statistics(inner.copy(), top_p=top_p, backend="cpu").entropy)


def test_logits_that_another_thread_overwrites_meanwhile_lead_to_no_place_outside_of_the_bands():
    largest = np.float32(1.0)  # as it was found before these were written
    group = np.array([np.nan, np.inf, -np.inf, 3e38, -3e38, 1.5, 1.0, 0.5] * 8, np.float32)
    bands = np.full(len(group), -1, np.int32)
    nucleus._bands_of(group, np.float32(0.0), largest, np.float32(64.0), bands)
    assert bands.min() == 0
    assert bands.max() < nucleus._BANDS + nucleus._GROUP
    assert bands[6:8].tolist() == [0, 32]


def test_threads_get_what_one_thread_gets():
    random = np.random.default_rng(8)
    batches = [random.normal(size=(3, 20_000 + 1000 * number)).astype(np.float32) * 3 for number in range(12)]
    batches.append(random.normal(size=(4, cpu._LONG_RUN_LOGITS // 3)).astype(np.float32))
    expected = [entropy.statistics(batch, top_p=0.9) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda batch: entropy.statistics(batch, top_p=0.9), batches * 4))
    for ours, theirs in zip(found, expected * 4, strict=True):
        assert np.array_equal(ours.entropy, theirs.entropy)
        assert np.array_equal(ours.nucleus_size, theirs.nucleus_size)
        assert np.array_equal(ours.nucleus_mass, theirs.nucleus_mass)


USE = """
import sys
import numpy as np
from aligntax_kernels import entropy
assert not {"numba", "torch", "scipy"} & set(sys.modules)
logits = np.random.default_rng(1).normal(size=(2, 300)).astype(np.float32)
expected = entropy.statistics(logits, top_p=0.9, backend="reference")
assert not {"numba", "torch", "scipy"} & set(sys.modules)
found = entropy.statistics(logits, top_p=0.9)
assert "torch" not in sys.modules
np.testing.assert_allclose(found.entropy, expected.entropy, rtol=1e-6)
assert (found.nucleus_size == expected.nucleus_size).all()
assert entropy.warm() > 0
"""


# A generic processor has neither wide vectors nor fused multiplication.
@pytest.mark.parametrize("settings", [{}, {"NUMBA_DISABLE_JIT": "1"}, {"NUMBA_CPU_NAME": "generic"}], ids=str)
def test_it_means_the_same_with_other_compilers_and_loads_nothing_early(settings, tmp_path):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    environment = inherited | ({"NUMBA_CACHE_DIR": str(tmp_path)} if settings else {}) | settings
    subprocess.run([sys.executable, "-W", "error", "-c", USE], env=environment, check=True, timeout=110)


def test_without_a_device_cuda_is_refused_with_the_mend():
    if torch.cuda.is_available() or os.environ.get("NUMBA_ENABLE_CUDASIM") == "1":
        pytest.skip("a CUDA device, or the simulator, is there")
    with pytest.raises(ImportError, match=r"finds no CUDA device.*pip install"):
        entropy.statistics(np.zeros((1, 3), np.float32), backend="cuda")
