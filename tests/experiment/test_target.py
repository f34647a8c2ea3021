"""What is found out about a pipeline before it is measured."""

from __future__ import annotations

import pytest

from aligntax import Profiler
from aligntax.experiment.loading import load, prompts_for
from aligntax.experiment.target import prepare
from aligntax.trace import Outcome
from tests.experiment import pipelines


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
    with pytest.raises(ValueError, match="no guard was called; time its guards with profiler.guard"):
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
            with profiler.request():
                with profiler.layer("block", kind="guard", stage="output"):
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
def test_names_that_lead_nowhere(reference, complaint, monkeypatch):
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


def test_a_target_without_a_prompt_is_refused():
    def pipeline(prompt):
        return prompt

    pipeline.prompts = lambda: []
    with pytest.raises(ValueError, match="has 0 prompts; give it 1 to 10,000"):
        prompts_for("mine:pipeline", pipeline, None)
