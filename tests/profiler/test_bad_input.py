"""Bad input gets an error that carries the offending value and says what to do, and leaves everything as it was."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from aligntax import Profiler
from aligntax.testing import FakeClock, taking


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cpu_share": -0.1}, r"cpu_share=-0.1 is not a share; use a number from 0 to 1"),
        ({"cpu_share": 1.5}, r"cpu_share=1.5 is not a share"),
        ({"cpu_share": float("nan")}, r"cpu_share=nan is not a share"),
        ({"queue_size": 0}, r"queue_size=0 is too small; use at least 1"),
        ({"max_spans": 0}, r"max_spans=0 is too small; use at least 1"),
        ({"keep_requests": -1}, r"keep_requests=-1 is too small; use at least 0"),
        ({"drain_seconds": -1}, r"drain_seconds=-1 is too small; use at least 0"),
        ({"drain_seconds": float("nan")}, r"drain_seconds=nan is too small"),
        ({"max_layers": 0}, r"max_layers=0 and max_models=16; at least 1 and 2"),
        ({"max_models": 1}, r"max_layers=128 and max_models=1; at least 1 and 2"),
    ],
)
def test_settings_out_of_range(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Profiler(**settings)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "name '' is not a printable, non-empty string"),
        ("  ", "name '  ' is not"),
        ("a\nb", r"name 'a\\nb' is not"),
        ("\x1b[31m", "is not a printable"),
        (7, "name 7 is not"),
        (["a"], r"name \['a'\] is not"),
        ("x" * 121, "of 121 characters; at most 120"),
    ],
)
def test_bad_layer_names(name: Any, message: str, profiler: Profiler) -> None:
    for declare in (profiler.guard, profiler.model):
        with pytest.raises(ValueError, match=message):
            declare(len, name=name)
    assert profiler.report().to_dict()["layers"] == []
    profiler.guard(len, name="x" * 120)


@pytest.mark.parametrize("stage", ["inputs", "model", "", "Output", 3])
def test_unknown_stages(stage: Any, profiler: Profiler) -> None:
    if stage:
        with pytest.raises(ValueError, match=r"stage .* is unknown for a guard; use one of input, parallel, decode"):
            profiler.guard(len, name="guard", stage=stage)
        with pytest.raises(ValueError, match="is unknown for a guard"):
            profiler.layer("guard", stage=stage)
    assert profiler.guard(len, name="guard").__name__ == "len"


def test_unknown_kinds(profiler: Profiler) -> None:
    with pytest.raises(ValueError, match="kind 'filter' is unknown; use 'guard' or 'model'"):
        profiler.layer("x", kind="filter")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="stage 'input' is unknown for a model; use one of model"):
        profiler.layer("x", kind="model", stage="input")


@pytest.mark.parametrize("target", ["pii", 7, [len], property(len), object(), functools.partialmethod(len)])
def test_what_cannot_be_called_cannot_be_a_layer(target: Any, profiler: Profiler) -> None:
    for declare in (profiler.guard, profiler.model):
        with pytest.raises(TypeError, match="is not callable; pass a function"):
            declare(target, name="x")
    with pytest.raises(TypeError, match="is not callable"):
        profiler.guard(name="x")(target)
    profiler.guard(len, name="x")  # the name is still free


def test_each_name_stands_for_one_layer(profiler: Profiler) -> None:
    profiler.guard(len, name="x")
    for again in (
        lambda: profiler.guard(len, name="x"),
        lambda: profiler.guard(max, name="x", stage="output"),
        lambda: profiler.model(len, name="x"),
    ):
        with pytest.raises(ValueError, match="layer name 'x' is taken; wrap each guard once"):
            again()
    profiler.guard(lambda: 1)
    with pytest.raises(ValueError, match=r"layer name '<lambda>' is taken; .* name='...'"):
        profiler.guard(lambda: 2)


def test_an_object_that_cannot_be_wrapped_leaves_its_name_free(make_profiler: Callable[..., Profiler]) -> None:
    class Refusing:
        def accepts(self, target: object) -> bool:
            return target is refused

        def attach(self, *_: object) -> object:
            raise TypeError("not this one")

    refused = object()
    profiler = make_profiler(adapters=(Refusing(),))
    with pytest.raises(TypeError, match="not this one"):
        profiler.model(refused, name="net")
    assert profiler.model(len, name="net")([1]) == 1


def test_the_layer_table_can_be_full(make_profiler: Callable[..., Profiler]) -> None:
    profiler = make_profiler(max_layers=2)
    profiler.guard(len, name="a")
    block = profiler.layer("b")
    for declare in (
        lambda: profiler.guard(len, name="c"),
        lambda: profiler.model(len, name="c"),
        lambda: profiler.layer("c"),
    ):
        with pytest.raises(ValueError, match=r"no room for layer 'c': all 2 rows are taken; raise .*max_layers"):
            declare()
    with profiler.request() as request, block, profiler.layer("b"):
        pass
    assert len(request.trace.spans) == 2


@pytest.mark.parametrize("argument", ["trace_id", "model"])
@pytest.mark.parametrize("value", ["", "x" * 121, "a\nb", 7, b"4bf9"])
def test_bad_identifiers(argument: str, value: Any, profiler: Profiler) -> None:
    with pytest.raises(ValueError, match=f"{argument} must be a printable string of 1 to"):
        profiler.request(**{argument: value})


def test_the_longest_identifiers(profiler: Profiler) -> None:
    with profiler.request(trace_id="x" * 64, model="m" * 120) as request:
        pass
    assert (request.trace.trace_id, request.trace.model) == ("x" * 64, "m" * 120)
    with pytest.raises(ValueError, match="trace_id must be a printable string of 1 to 64"):
        profiler.request(trace_id="x" * 65)


def test_requests_do_not_nest(profiler: Profiler, clock: FakeClock) -> None:
    guard = profiler.guard(taking(clock, 3), name="guard")
    with profiler.request() as outer:
        guard()
        with (
            pytest.raises(RuntimeError, match=r"a request is open here already.*profiler\.layer"),
            profiler.request(),
        ):
            raise AssertionError("this block must not run")
        with profiler.layer("part"), pytest.raises(RuntimeError, match="open here already"):
            profiler.request().__enter__()
        guard()
    assert len(outer.trace.spans) == 3
    with profiler.request() as after:
        guard()
    assert len(after.trace.spans) == 1
    assert profiler.report().to_dict()["requests"] == 2


def test_requests_of_two_profilers_do_nest(make_profiler: Callable[..., Profiler]) -> None:
    one, other = make_profiler(), make_profiler()
    with one.request() as first, other.request() as second:
        pass
    assert first.outcome == second.outcome == "allowed"


def test_a_request_is_entered_and_left_once(profiler: Profiler) -> None:
    request = profiler.request()
    with pytest.raises(RuntimeError, match="is not open: it was left before, or never entered"):
        request.__exit__(None, None, None)
    with request:
        with pytest.raises(RuntimeError, match=r"was entered before; call profiler\.request\(\) anew"):
            request.__enter__()
        # What failed left the open request alone.
        with pytest.raises(RuntimeError, match="open here already"):
            profiler.request().__enter__()
    with pytest.raises(RuntimeError, match="is not open"):
        request.__exit__(None, None, None)
    with pytest.raises(RuntimeError, match="was entered before"):
        request.__enter__()
    assert profiler.report().to_dict()["requests"] == 1


def test_a_block_is_entered_and_left_once(profiler: Profiler) -> None:
    block = profiler.layer("block")
    with pytest.raises(RuntimeError, match="is not open"):
        block.__exit__(None, None, None)
    with profiler.request() as request:
        with block, pytest.raises(RuntimeError, match="was entered before"):
            block.__enter__()
        with pytest.raises(RuntimeError, match="is not open"):
            block.__exit__(None, None, None)
        with pytest.raises(RuntimeError, match="was entered before"):
            block.__enter__()
    assert len(request.trace.spans) == 1


def test_the_tax_is_there_when_the_request_has_ended(profiler: Profiler) -> None:
    with profiler.request() as request:
        for read in (lambda: request.tax, lambda: request.trace, lambda: request.outcome):
            with pytest.raises(RuntimeError, match="the request is still open; its trace and tax are there once"):
                read()
    assert request.tax.seconds == 0.0
    unopened = profiler.request()
    with pytest.raises(RuntimeError, match="still open"):
        unopened.tax  # noqa: B018
