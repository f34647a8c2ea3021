"""Compiled, traced and scripted modules: compiled code is never entered, and what is not compiled is timed."""

from __future__ import annotations

import copy
import io

import pytest
import torch
from torch import nn

from aligntax import Profiler
from aligntax.adapters.torch import detach


@pytest.fixture
def values() -> torch.Tensor:
    return torch.arange(4.0)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("order", ["compiled then timed", "timed then compiled"])
def test_compilation_in_both_orders(order: str, profiler: Profiler, values: torch.Tensor) -> None:
    torch._dynamo.reset()
    net = nn.Sequential(nn.Linear(4, 2), nn.ReLU())
    expected = net(values)
    if order == "compiled then timed":
        compiled = profiler.model(torch.compile(net, backend="eager", fullgraph=True), name="net")
    else:
        compiled = torch.compile(profiler.model(net, name="net"), backend="eager", fullgraph=True)
    with profiler.request() as request:
        for _ in range(3):
            assert torch.equal(compiled(values), expected)
    assert len(request.trace.spans) == (3 if order == "compiled then timed" else 0)
    assert list(compiled.state_dict()) == [f"_orig_mod.{name}" for name in net.state_dict()]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_timed_part_of_a_compiled_module_runs_as_if_it_were_not(profiler: Profiler, values: torch.Tensor) -> None:
    torch._dynamo.reset()
    inner = nn.Linear(4, 2)
    outer = nn.Sequential(inner, nn.ReLU())
    expected = outer(values)
    profiler.model(inner, name="inner")
    compiled = torch.compile(outer, backend="eager", fullgraph=True)
    with profiler.request() as request:
        assert torch.equal(compiled(values), expected)
        assert torch.equal(outer(values), expected)
    assert len(request.trace.spans) == 1


def test_symbolic_tracing_sees_the_same_graph(profiler: Profiler) -> None:
    outer = nn.Sequential(nn.Linear(4, 2), nn.ReLU())
    before = [(node.op, node.target) for node in torch.fx.symbolic_trace(outer).graph.nodes]
    profiler.model(outer[0], name="inner")
    assert [(node.op, node.target) for node in torch.fx.symbolic_trace(outer).graph.nodes] == before


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("how", ["scripted", "traced"])
def test_scripted_and_traced_modules(how: str, profiler: Profiler, values: torch.Tensor) -> None:
    linear = nn.Linear(4, 2)
    module = torch.jit.script(linear) if how == "scripted" else torch.jit.trace(linear, values)
    expected, kind, code = module(values), type(module), module.code
    timed = profiler.model(module, name="net")
    assert timed is module
    assert timed.code == code
    with profiler.request() as request:
        assert torch.equal(timed(values), expected)
    assert len(request.trace.spans) == 1
    file = io.BytesIO()
    torch.jit.save(timed, file)
    file.seek(0)
    assert torch.equal(torch.jit.load(file)(values), expected)
    assert torch.equal(copy.deepcopy(timed)(values), expected)
    detach(timed)
    assert type(timed) is kind
    assert torch.equal(timed(values), expected)
