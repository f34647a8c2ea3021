"""Torch modules are timed in place: whatever one does with a module still works, and does the same."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from aligntax import Layer, Profiler, Verdict
from aligntax.adapters.torch import detach
from aligntax.testing import FakeClock


class Net(nn.Module):
    """A linear layer that takes 10 ns."""

    clock = FakeClock()
    instances = 0

    def __init__(self, size: int = 4) -> None:
        super().__init__()
        self.linear = nn.Linear(size, 2)
        self.register_buffer("scale", torch.ones(2))

    def forward(self, values: torch.Tensor, *, twice: bool = False) -> torch.Tensor:
        self.clock.advance(10)
        result: torch.Tensor = self.linear(values) * self.scale
        return result * 2 if twice else result


class Registered(nn.Linear):
    """A class that knows its subclasses, and takes arguments to be made."""

    registry: list[type] = []  # noqa: RUF012

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Registered.registry.append(cls)


@pytest.fixture
def net(clock: FakeClock) -> Net:
    torch.manual_seed(0)
    Net.clock = clock
    return Net()


@pytest.fixture
def values() -> torch.Tensor:
    return torch.arange(4.0)


def test_the_module_comes_back_itself(profiler: Profiler, net: Net, values: torch.Tensor) -> None:
    text, names = repr(net), dir(net)
    keys, expected = list(net.state_dict()), net(values, twice=True)
    timed = profiler.model(net, name="net")
    assert timed is net
    assert isinstance(timed, Net)
    assert (type(timed).__name__, type(timed).__module__, type(timed).__doc__) == ("Net", __name__, Net.__doc__)
    assert repr(timed) == text
    assert set(names) <= set(dir(timed))
    assert list(timed.state_dict()) == keys
    assert not set(vars(timed)) - set(vars(Net()))
    with profiler.request() as request:
        assert torch.equal(timed(values, twice=True), expected)
    (span,) = request.trace.spans
    assert (span.layer, span.duration_ns, span.gpu_start_ns) == (Layer("net", "model"), 10, None)


def test_modules_are_named_after_their_class(profiler: Profiler, net: Net, values: torch.Tensor) -> None:
    with profiler.request() as request:
        profiler.model(net)(values)
    assert request.trace.model == "Net"


def test_other_instances_of_the_class_are_not_timed(profiler: Profiler, net: Net, values: torch.Tensor) -> None:
    profiler.model(net, name="net")
    with profiler.request() as request:
        Net()(values)
        nn.Linear(4, 1)(values)
    assert request.trace.spans == ()


def test_moves_and_casts_keep_it_timed(profiler: Profiler, net: Net, values: torch.Tensor) -> None:
    timed = profiler.model(net, name="net")
    assert timed.to("cpu") is timed
    assert timed.double() is timed
    assert timed.half().linear.weight.dtype == torch.float16
    assert timed.float().eval() is timed
    assert not timed.training
    assert timed.requires_grad_(requires_grad=False) is timed
    with profiler.request() as request, torch.inference_mode():
        assert timed(values).is_inference()
    with profiler.request() as meta:
        assert timed.to("meta")(values.to("meta")).device.type == "meta"
    assert len(request.trace.spans) == len(meta.trace.spans) == 1


def test_gradients_and_hooks(profiler: Profiler, net: Net, values: torch.Tensor) -> None:
    timed = profiler.model(net, name="net")
    seen = []
    timed.register_forward_pre_hook(lambda module, inputs: seen.append("before"))
    timed.register_forward_hook(lambda module, inputs, output: output + 1)
    timed.register_full_backward_hook(lambda module, inputs, outputs: seen.append("backward"))
    with profiler.request() as request:
        result = timed(values.requires_grad_())
    result.sum().backward()
    assert torch.equal(result, net.linear(values) + 1)
    assert seen == ["before", "backward"]
    assert net.linear.weight.grad is not None
    assert len(request.trace.spans) == 1


def test_state_dicts_load_both_ways(profiler: Profiler, net: Net) -> None:
    timed, other = profiler.model(net, name="net"), Net()
    assert not any(other.load_state_dict(timed.state_dict()))
    assert not any(timed.load_state_dict(Net().state_dict()))
    assert not torch.equal(timed.linear.weight, other.linear.weight)


def saved_and_loaded(module: nn.Module) -> Any:
    file = io.BytesIO()
    torch.save(module, file)
    assert b"aligntax.adapters" not in file.getvalue()
    file.seek(0)
    return torch.load(file, weights_only=False)


def pickled(module: nn.Module) -> Any:
    data = pickle.dumps(module)
    assert b"aligntax.adapters" not in data
    return pickle.loads(data)  # noqa: S301


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "inside of another module"])
@pytest.mark.parametrize("copied", [copy.deepcopy, pickled, saved_and_loaded, copy.copy])
def test_copies_are_of_the_original_class_and_not_timed(
    copied: Callable[[Any], Any], inside: bool, profiler: Profiler, net: Net, values: torch.Tensor
) -> None:
    timed = profiler.model(net, name="net")
    twin = copied(nn.Sequential(timed))[0] if inside else copied(timed)
    if copied is not copy.copy or not inside:
        assert type(twin) is Net
        assert twin is not timed
    assert type(timed) is not Net
    with profiler.request() as request:
        assert torch.equal(twin(values), timed(values))
    assert len(request.trace.spans) == (2 if twin is timed else 1)


@pytest.mark.parametrize("module", [nn.Linear(4, 2), nn.Sequential(nn.Linear(4, 2), nn.ReLU()), nn.MultiheadAttention])
def test_torchs_own_modules(module: Any, profiler: Profiler) -> None:
    module = module(4, 1) if isinstance(module, type) else module
    inputs = (torch.ones(1, 1, 4),) * (3 if isinstance(module, nn.MultiheadAttention) else 1)
    timed = profiler.model(copy.deepcopy(module), name="net")
    with profiler.request() as request:
        result, expected = timed(*inputs), module(*inputs)
    assert torch.equal(result[0], expected[0])
    assert type(copy.deepcopy(timed)) is type(module)
    assert len(request.trace.spans) == 1


def test_classes_that_know_their_subclasses(profiler: Profiler) -> None:
    timed = profiler.model(Registered(4, 2), name="net")
    assert isinstance(timed, Registered)
    assert type(copy.deepcopy(timed)) is Registered


class Final(nn.Linear):
    def __init_subclass__(cls, **kwargs: Any) -> None:
        raise TypeError("Final is final")


def test_modules_that_cannot_be_derived_from_are_refused_with_a_way_out(
    profiler: Profiler, values: torch.Tensor
) -> None:
    final = Final(4, 2)
    with pytest.raises(
        TypeError, match=r"a Final cannot be timed in place \(Final is final\); .*profiler\.model\(lambda"
    ):
        profiler.model(final, name="net")
    assert type(final) is Final
    timed = profiler.model(lambda *args: final(*args), name="net")
    with profiler.request() as request:
        assert torch.equal(timed(values), final(values))
    assert len(request.trace.spans) == 1


def test_a_classifier_is_a_guard(profiler: Profiler, net: Net, values: torch.Tensor) -> None:
    guard = profiler.guard(
        net, name="toxicity", stage="output", verdict=lambda scores: "block" if scores.sum() > -100 else "allow"
    )
    with profiler.request() as request:
        guard(values)
    assert request.outcome == "blocked_output"
    assert request.trace.spans[0].verdict is Verdict.BLOCK


def test_a_failing_forward_raises_what_it_raised(profiler: Profiler, net: Net) -> None:
    timed = profiler.model(net, name="net")
    with profiler.request() as request, pytest.raises(RuntimeError, match="mat1 and mat2"):
        timed(torch.ones(1, 3))
    assert request.trace.spans[0].error_type == "RuntimeError"


def test_two_profilers_time_one_module_and_detaching_takes_both_off(
    make_profiler: Callable[..., Profiler], net: Net, values: torch.Tensor
) -> None:
    one, other = make_profiler(), make_profiler()
    assert one.model(other.model(net, name="net"), name="again") is net
    with one.request() as first, other.request() as second:
        net(values)
    assert [span.layer.name for span in (*first.trace.spans, *second.trace.spans)] == ["again", "net"]
    assert type(copy.deepcopy(net)) is Net
    detach(net)
    assert type(net) is Net
    with one.request() as first, other.request() as second:
        net(values)
    assert first.trace.spans == second.trace.spans == ()
    detach(net)
    assert type(net) is Net


def test_a_call_in_progress_is_seen(profiler: Profiler, net: Net, values: torch.Tensor) -> None:
    timed = profiler.model(net, name="net")
    seen = []
    timed.register_forward_hook(lambda *_: seen.append(profiler.in_progress()))
    timed(values)
    assert seen == [{"net": 1}]
