"""What is found out about a pipeline before it is measured."""

from __future__ import annotations

import asyncio
import gc
import time
import tracemalloc

import numpy as np
import pytest
from tests.experiment import pipelines

from aligntax import Profiler
from aligntax.experiment.bench import measure
from aligntax.experiment.load import Arrivals, Plan
from aligntax.experiment.loading import load, prompts_for
from aligntax.experiment.paired import Design
from aligntax.experiment.target import prepare
from aligntax.trace import Outcome


@pytest.fixture
def prepared():
    made = []

    def make(pipeline, prompts=pipelines.prompts, name="target"):
        made.append(prepare(name, pipeline, prompts))
        return made[-1]

    yield make
    for target in made:
        target.leave_out(frozenset())
        target.caller.close()


@pytest.mark.parametrize("name", ["pipeline", "without_request", "later", "pieces"])
def test_any_shape_of_pipeline_is_measured_and_its_guards_are_left_out(prepared, name):
    target = prepared(getattr(pipelines, name))
    assert list(target.guards) == ["first", "second"]
    assert target.deterministic is True
    whole = target.caller("one", keep_output=True)
    target.leave_out(frozenset({"first"}))
    lighter = target.caller("one", keep_output=True)
    assert whole.output == lighter.output
    assert whole.outcome is lighter.outcome is Outcome.ALLOWED
    for each, present in ((whole, True), (lighter, False)):
        assert (each.attribution.layers["first"].busy_ns >= 1_000_000) is present
        assert each.attribution.layers["second"].busy_ns >= 500_000


def test_a_pipeline_without_a_guard_is_refused(prepared):
    with pytest.raises(ValueError, match=r"no guard was called; time its guards with profiler\.guard"):
        prepared(pipelines.unguarded)


def test_a_function_that_no_profiler_times_is_refused(prepared):
    with pytest.raises(ValueError, match="0 profilers saw the target's layers being called"):
        prepared(str.upper)


def test_two_profilers_are_too_many(prepared):
    with Profiler(drain_seconds=0) as other:
        guard = other.guard(lambda text: text, name="other")

        def both(prompt):
            return guard(pipelines.without_request(prompt))

        with pytest.raises(ValueError, match="2 profilers saw"):
            prepared(both)


def test_outputs_that_differ_where_guards_changed_nothing_are_refused(prepared):
    with pytest.raises(ValueError, match="prompt 0 was allowed unchanged by every guard, and is answered differently"):
        prepared(pipelines.changing)
    assert pipelines.changing("one") == "ONE"  # and the guard is back


def test_a_pipeline_that_answers_differently_each_time_is_measured_with_a_warning(prepared):
    answers = iter(range(1000))

    def whatever(prompt):
        pipelines.pipeline(prompt)
        return next(answers)

    target = prepared(whatever)
    assert target.deterministic is False
    assert any("answers differently when asked twice" in warning for warning in target.warnings)


def test_blocks_are_always_on(prepared):
    with Profiler(drain_seconds=0) as profiler:
        guard = profiler.guard(lambda text: text, name="function")

        def mixed(prompt):
            with profiler.request(), profiler.layer("block", kind="guard", stage="output"):
                return guard(prompt)

        target = prepared(mixed)
        assert list(target.guards) == ["function"]
        assert target.always_on == ["block"]
        assert "always on, and part of the raw time: block" in target.warnings[0]

        def only_blocks(prompt):
            with profiler.request(), profiler.layer("block", kind="guard", stage="output"):
                return prompt

        with pytest.raises(ValueError, match=r"its guards are blocks \(block\), and a block cannot be left out"):
            prepared(only_blocks)


def test_a_guard_that_never_allowed_must_say_what_stands_in_for_it(prepared):
    with Profiler(drain_seconds=0) as profiler:
        guard = profiler.guard(lambda text: "block", name="wall", verdict=str)

        def pipeline(prompt):
            with profiler.request():
                return guard(prompt)

        with pytest.raises(ValueError, match="what guard 'wall' returns when it lets something pass was not seen"):
            prepared(pipeline)


def test_an_error_of_the_pipeline_comes_through_and_its_guards_are_whole(prepared):
    def broken(prompt):
        pipelines.pipeline(prompt)
        if prompt == "two":
            raise KeyError("two")
        return prompt

    with pytest.raises(KeyError, match="two"):
        prepared(broken)
    assert pipelines.pipeline("one") == "one"


def test_two_requests_for_one_prompt_are_refused(prepared):
    def twice(prompt):
        pipelines.pipeline(prompt)
        return pipelines.pipeline(prompt)

    with pytest.raises(ValueError, match="opened 2 requests for one prompt"):
        prepared(twice)


@pytest.mark.parametrize(
    ("reference", "complaint"),
    [
        ("tests.experiment.pipelines", "names no object; write it as 'package.module:name'"),
        ("no.such.module:pipeline", "there is no module"),
        ("tests.experiment.pipelines:missing", "has no 'missing'"),
        ("tests.experiment.pipelines:not_callable", "is a int; name a function that answers one prompt"),
    ],
)
def test_names_that_lead_nowhere(reference, complaint):
    with pytest.raises(ValueError, match=complaint):
        load(reference)


def test_prompts_come_from_the_file_else_from_the_module_else_from_the_package(tmp_path):
    reference = "tests.experiment.pipelines:pipeline"
    pipeline = load(reference)
    file = tmp_path / "prompts.txt"
    file.write_text("from the file\n")
    assert prompts_for(reference, pipeline, file) == ["from the file"]
    assert prompts_for(reference, pipeline, None) == ["one", "two", "three", "four"]
    assert len(prompts_for("json:dumps", load("json:dumps"), None)) > 10


@pytest.mark.parametrize("own", ["one prompt", 3, b"bytes"])
def test_prompts_that_are_no_list_are_refused(own):
    def pipeline(prompt):
        return prompt

    pipeline.prompts = own
    with pytest.raises(ValueError, match=f"its prompts are a {type(own).__name__}; make them a list of prompts"):
        prompts_for("mine:pipeline", pipeline, None)


def test_a_target_without_a_prompt_is_refused():
    def pipeline(prompt):
        return prompt

    pipeline.prompts = list
    with pytest.raises(ValueError, match="has 0 prompts; give it 1 to 10,000"):
        prompts_for("mine:pipeline", pipeline, None)


def test_prompts_may_be_arrays_which_have_no_truth_value(prepared):
    with Profiler(drain_seconds=0) as profiler:
        guard = profiler.guard(lambda values: values, name="guard")
        model = profiler.model(lambda values: values * 2, name="model")

        def pipeline(values):
            with profiler.request():
                return model(guard(values))

        pipeline.prompts = np.arange(12).reshape(4, 3)
        prompts = prompts_for("mine:pipeline", pipeline, None)
        assert prepared(pipeline, prompts).deterministic is True


def test_profilers_that_others_have_made_do_not_disturb(prepared):
    others = [Profiler(drain_seconds=0) for _ in range(20)]
    try:
        for other in others[::2]:
            other.close()
        for other in others:
            other.guard(str.upper, name="guard")
        assert list(prepared(pipelines.pipeline).guards) == ["first", "second"]
    finally:
        for other in others:
            other.close()


def test_an_asynchronous_pipeline_has_one_event_loop_for_everything():
    """Clients and locks of a pipeline belong to the loop that they were first used on."""
    loops = set()
    with Profiler(drain_seconds=0) as profiler:
        guard = profiler.guard(lambda text: text, name="guard")
        lock = asyncio.Lock()

        async def pipeline(prompt):
            loops.add(asyncio.get_running_loop())
            async with lock:
                with profiler.request():
                    await asyncio.sleep(0)
                    return guard(prompt)

        plan = Plan(Arrivals.parse("constant:100"), seconds=0.2, windows=1, warm_up_seconds=0.0)
        design = Design(max_pairs=8, warm_up_rounds=0)
        data = measure("one loop", pipeline, ["a", "b"], design=design, plan=plan, progress=lambda *_: True).data
    assert len(loops) == 1
    assert data["load"]["arms"]["guarded"]["outcomes"] == {"allowed": 20}
    assert all(loop.is_closed() for loop in loops)


def test_a_pipeline_that_is_refused_leaves_no_event_loop_open():
    async def changing(prompt):
        return pipelines.changing(prompt)

    with pytest.raises(ValueError, match="is answered differently"):
        prepare("changing", changing, pipelines.prompts)
    gc.collect()  # an open loop would complain here


def test_no_more_prompts_are_looked_at_than_there_is_time_for():
    def slow(prompt):
        time.sleep(0.02)
        return pipelines.pipeline(prompt)

    target = prepare("slow", slow, [str(number) for number in range(1000)], budget_seconds=0.2)
    target.caller.close()
    assert 1 <= len(target.prompts) <= 10
    assert target.deterministic is True
    assert target.warnings == [
        f"{len(target.prompts)} of 1,000 prompts were looked at within 0.2 s, and are all that was asked; give it more "
        "time"
    ]


@pytest.mark.parametrize("stage", ["looking at the target", "comparing outputs"])
def test_whoever_is_told_of_the_progress_can_end_it(stage):
    with pytest.raises(KeyboardInterrupt):
        prepare("target", pipelines.pipeline, pipelines.prompts, progress=lambda now, *_: now != stage)
    assert pipelines.pipeline("one") == "one"


def test_the_items_of_a_stream_are_not_kept(prepared):
    def long(prompt):
        with pipelines.profiler.request():
            pipelines.without_request(prompt)
            yield from (bytes(2**20) for _ in range(50 if prompt == "long" else 1))

    target = prepared(long, ["one"])
    tracemalloc.start()
    try:
        measured = target.caller("long")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5 * 2**20
    assert measured.output is None
    assert len(target.caller("long", keep_output=True).output) == 50


def test_the_first_piece_of_a_stream_is_the_first_that_is_not_empty(prepared):
    def late(prompt):
        yield ""
        yield None
        yield from pipelines.pieces(prompt)
        time.sleep(0.01)
        yield "more"

    measured = prepared(late).caller("one")
    assert 0.0035 <= measured.first_chunk_seconds <= measured.seconds - 0.01
    assert prepared(pipelines.pipeline).caller("one").first_chunk_seconds is None


@pytest.mark.parametrize(
    ("name", "mend"),
    [
        ("three.py:pipeline", "write three:pipeline"),
        ("./shop/three.py:pipeline", "write shop.three:pipeline"),
        ("shop/three.py:chat.pipeline", "write shop.three:chat.pipeline"),
        ("../three.py:pipeline", r"go to \.\., and write three:pipeline"),
        ("/shop/three.py:pipeline", "go to /shop, and write three:pipeline"),
    ],
)
def test_whoever_names_a_file_is_told_what_to_write(tmp_path, monkeypatch, name, mend):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "three.py").write_text("def pipeline(prompt):\n    return prompt\n")
    with pytest.raises(ValueError, match=rf"^'{name}'.*; {mend}$"):
        load(name)


def test_a_module_that_is_called_py_is_none_of_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "shop_of_tests").mkdir()
    (tmp_path / "shop_of_tests" / "py.py").write_text("def pipeline(prompt):\n    return prompt\n")
    assert load("shop_of_tests.py:pipeline")("one") == "one"
