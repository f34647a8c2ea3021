"""The CUDA kernel against SciPy: on a real device where there is one, and under numba's simulator.

`tests/filters/test_simulator.py` runs this module once more in a process with NUMBA_ENABLE_CUDASIM=1; without a device
and outside of the simulator there is nothing to run it on.
"""

import math
import os
import sys

import numpy as np
import pytest
import torch

from aligntax_kernels import entropy

SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"
DEVICE = "cpu" if SIMULATED else "cuda"
DTYPES = (torch.float32, torch.float16, torch.bfloat16)
INFINITY = math.inf

pytestmark = pytest.mark.skipif(not SIMULATED and not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.fixture(autouse=True)
def _quick_turns():
    """The simulator's threads wait for each other by polling, at each barrier for a whole turn of the interpreter."""
    before = sys.getswitchinterval()
    if SIMULATED:
        sys.setswitchinterval(5e-5)
    yield
    sys.setswitchinterval(before)


def measured(logits, **options):
    return entropy.statistics(logits.to(DEVICE), backend="cuda", **options)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("scale", "top_p"), [(0.1, 0.3), (3, None), (3, 0.9), (3, 1.0), (40, 0.95)])
def test_rows_of_each_type(scale, top_p, dtype, check_statistics):
    generator = torch.Generator().manual_seed(5)
    logits = (torch.randn(3, 100, generator=generator) * scale).to(dtype)
    logits[0, 2::3] = -INFINITY
    logits[1] = torch.round(logits[1])
    logits[2, 7] = torch.finfo(dtype).min
    check_statistics(measured(logits, top_p=top_p), logits.double().numpy(), top_p)


CASES = [
    ([-7.5], 0.9, 0, 1),
    ([3, 3], 0.5, math.log(2), 1),
    ([3, 3], 0.51, math.log(2), 2),
    ([1] * 10, 0.7, math.log(10), 7),
    ([math.log(4), 0, 0, 0, 0], 0.6, math.log(8) - math.log(4) / 2, 2),
    ([0.0, -0.0, -INFINITY], 1.0, math.log(2), 2),
    ([-INFINITY, 2, -INFINITY, 2], 0.9, math.log(2), 2),
    ([-3e38, 3e38], 1.0, 0, 1),
    ([1e-45, -1e-45, 0], 1.0, math.log(3), 3),
    ([0, -40], 0.9, 41 * math.exp(-40), 1),
    ([300, 260], 0.9, 41 * math.exp(-40), 1),
]


@pytest.mark.parametrize(("logits", "top_p", "expected", "size"), CASES)
def test_hard_rows(logits, top_p, expected, size):
    found = measured(torch.tensor(logits, dtype=torch.float32), top_p=top_p)
    assert found.entropy == pytest.approx(expected, rel=1e-6, abs=0)
    assert found.nucleus_size == size
    assert found.entropy.shape == ()


def test_the_nucleus_is_the_one_of_the_cpu():
    generator = torch.Generator().manual_seed(6)
    logits = torch.randn(3, 300, generator=generator) * torch.tensor([[0.5], [2], [8]])
    expected = entropy.statistics(logits, top_p=0.85, backend="cpu")
    found = measured(logits, top_p=0.85)
    assert found.nucleus_size.tolist() == expected.nucleus_size.tolist()
    np.testing.assert_allclose(found.nucleus_mass, expected.nucleus_mass, atol=1e-6)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0, math.nan], "row 1 holds NaN or plus infinity"),
        ([0, -math.nan], "row 1 holds NaN or plus infinity"),
        ([0, INFINITY], "row 1 holds NaN or plus infinity"),
        ([-INFINITY, -INFINITY], "row 1 is minus infinity throughout"),
    ],
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_that_are_no_distribution_are_refused_by_name(dtype, values, message):
    logits = torch.zeros(3, 40)
    logits[1] = values[0]
    logits[1, 33] = math.copysign(math.nan, values[1]) if math.isnan(values[1]) else values[1]
    with pytest.raises(ValueError, match=message):
        measured(logits.to(dtype), top_p=0.5)


def test_layouts_and_nothing(check_statistics):
    outer = torch.randn(3, 2, 40, generator=torch.Generator().manual_seed(1))
    for logits in (outer[:, -1, :36], outer[:, 0, ::2], outer[0].T, outer[0].expand(2, 40)):
        check_statistics(measured(logits, top_p=0.6), logits.numpy(), 0.6)
    assert measured(torch.zeros(0, 7)).entropy.shape == (0,)
    with pytest.raises(ValueError, match=r"shape \(2, 0\)"):
        measured(torch.zeros(2, 0))
    with pytest.raises(TypeError, match="logits are float64"):
        measured(torch.zeros(2, 3, dtype=torch.float64))
    with pytest.raises(TypeError, match="requires grad"):
        entropy.statistics(torch.zeros(2, 3, device=DEVICE, requires_grad=True), backend="cuda")


def test_warming_is_possible():
    assert entropy.warm(cuda=True) > 0
