"""The CUDA kernel where only a real device will do: large vocabularies, and the stream that torch works on."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from aligntax_kernels import entropy

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("scale", [0.01, 1, 5])
@pytest.mark.parametrize("top_p", [None, 0.5, 0.95, 1.0])
def test_large_vocabularies(top_p: float | None, scale: float, dtype: torch.dtype, check_statistics: Any) -> None:
    logits = (torch.randn(70, 128_003, device="cuda") * scale).to(dtype)
    logits[::7, ::3] = -torch.inf
    check_statistics(entropy.statistics(logits, top_p=top_p), logits.double().cpu().numpy(), top_p)


def test_a_tensor_on_a_device_is_measured_there_by_itself() -> None:
    logits = torch.randn(2, 1000, device="cuda")
    on_device = entropy.statistics(logits, top_p=0.9)
    on_cpu = entropy.statistics(logits.cpu(), top_p=0.9)
    assert on_device.entropy.tolist() == pytest.approx(on_cpu.entropy.tolist(), rel=1e-6)
    assert on_device.nucleus_size is not None
    assert on_cpu.nucleus_size is not None
    assert on_device.nucleus_size.tolist() == on_cpu.nucleus_size.tolist()


def test_the_launch_waits_for_what_the_current_stream_still_has_to_do() -> None:
    entropy.warm(cuda=True)
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        logits = torch.zeros(4, 100_000, device="cuda")
        torch.cuda._sleep(200_000_000)
        logits[:, 0] = 50
        found = entropy.statistics(logits)
    assert (found.largest_probability > 0.99).all()
