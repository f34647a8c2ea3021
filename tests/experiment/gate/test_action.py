"""The composite action: its shape, and its steps run as the runner runs them, on a pipeline that is really measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

ACTION = Path(__file__).parents[3] / ".github" / "actions" / "aligntax-gate" / "action.yml"
PIPELINE = """
from aligntax import Profiler
from aligntax.testing import spinning

profiler = Profiler(drain_seconds=0)
pii = profiler.guard(spinning(0.004), name="pii", stage="input")
model = profiler.model(spinning(0.002), name="model")
prompts = [f"prompt {number}" for number in range(4)]


def pipeline(prompt):
    with profiler.request():
        return model(pii(prompt))
"""


class Step(NamedTuple):
    """What a step left behind."""

    code: int
    outputs: dict[str, str]
    said: str


@pytest.fixture(scope="module")
def action() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    return found


@pytest.fixture
def steps(action: dict[str, Any], tmp_path: Path) -> Callable[..., Step]:
    """Runs one step of the action with bash, as the runner does: inputs as variables, outputs in a file."""
    (tmp_path / "shop.py").write_text(PIPELINE)
    defaults = {name: str(each.get("default", "")) for name, each in action["inputs"].items()}

    def run(name: str, **inputs: str) -> Step:
        (step,) = [step for step in action["runs"]["steps"] if step["name"] == name]
        given = {**defaults, **{key.replace("_", "-"): value for key, value in inputs.items()}}
        variables = {
            key: given[expression.removeprefix("${{ inputs.").removesuffix(" }}")]
            for key, expression in step["env"].items()
        }
        output, summary = tmp_path / "output", tmp_path / "summary"
        output.write_text("")
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
            **variables,
        }
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=100,
        )
        outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
        return Step(done.returncode, outputs, done.stdout)

    return run


def test_it_is_a_composite_action_whose_steps_name_their_shell(action: dict[str, Any]) -> None:
    assert action["runs"]["using"] == "composite"
    assert {"name", "description", "inputs", "outputs", "runs"} == set(action)
    for step in action["runs"]["steps"]:
        assert ("run" in step) != ("uses" in step)
        assert "run" not in step or step["shell"] == "bash"
    for name, each in action["inputs"].items():
        assert each["description"], name
        assert each.get("required") is True or "default" in each, name


def test_no_input_gets_into_a_script(action: dict[str, Any]) -> None:
    """What stands in a script is run; a variable is not."""
    for step in action["runs"]["steps"]:
        assert "${{" not in step.get("run", "")


def test_every_input_is_used_and_every_expression_is_known(action: dict[str, Any]) -> None:
    text = ACTION.read_text(encoding="utf-8").partition("\nruns:")[2]
    for name in action["inputs"]:
        assert f"inputs.{name}" in text
    identifiers = {step.get("id") for step in action["runs"]["steps"]}
    for each in action["outputs"].values():
        assert each["value"].removeprefix("${{ steps.").partition(".")[0] in identifiers


def test_what_is_uploaded_is_there_even_after_a_failure(action: dict[str, Any]) -> None:
    last = action["runs"]["steps"][-1]
    assert last["uses"].startswith("actions/upload-artifact@")
    assert "always()" in last["if"]


def test_the_package_is_installed(steps: Callable[..., Step]) -> None:
    """With one that is there already, so that nothing is fetched."""
    assert steps("Install aligntax", package="pip").code == 0


def test_a_pipeline_is_measured_and_gated(steps: Callable[..., Step], tmp_path: Path) -> None:
    measured = steps("Measure", target="shop:pipeline", bench_arguments="--no-cold --pairs 30 --seed 1")
    assert measured.code == 0, measured.said
    assert measured.outputs == {"result": "aligntax-gate/result.json"}

    (tmp_path / "budget.toml").write_text('[tax]\nabsolute = "1 s"\n')
    found = steps("Gate", budget="budget.toml", gate_arguments="--history kept")
    assert (found.code, found.outputs) == (0, {"verdict": "passed"}), found.said
    assert (tmp_path / "summary").read_text().startswith("## ✅ Alignment tax: Within budget")
    assert {"result.json", "report.html", "gate.xml", "gate.md", "gate.json"} <= {
        path.name for path in (tmp_path / "aligntax-gate").iterdir()
    }
    assert len(list((tmp_path / "kept").iterdir())) == 1

    (tmp_path / "budget.toml").write_text('[tax]\nabsolute = "1 us"\n')
    found = steps("Gate", budget="budget.toml")
    assert (found.code, found.outputs) == (1, {"verdict": "failed"})
    assert "::error title=alignment tax::tax.absolute: +" in found.said

    (tmp_path / "budget.toml").write_text('[gpu]\nabsolute = "1 ms"\n')
    assert steps("Gate", budget="budget.toml").outputs == {"verdict": "cannot tell"}
    told = steps("Gate", budget="budget.toml", cannot_tell="pass")
    assert (told.code, told.outputs) == (0, {"verdict": "passed"})

    against = steps("Gate", budget="budget.toml", cannot_tell="pass", base="aligntax-gate/result.json")
    assert against.code == 0
    assert json.loads((tmp_path / "aligntax-gate" / "gate.json").read_text())["comparison"]["verdict"]


def test_arguments_may_stand_on_several_lines(steps: Callable[..., Step], tmp_path: Path) -> None:
    """As they do in a block of YAML, which ends with a line break, too."""
    measured = steps("Measure", target="shop:pipeline", bench_arguments="--no-cold --pairs 30\n--seed 7\n")
    assert measured.code == 0, measured.said
    result = tmp_path / measured.outputs["result"]
    assert json.loads(result.read_text())["design"]["seed"] == 7

    (tmp_path / "budget.toml").write_text('[tax]\nabsolute = "1 s"\n')
    found = steps("Gate", budget="budget.toml", gate_arguments="--history kept\n--otava trend.csv\n")
    assert found.code == 0, found.said
    assert (tmp_path / "kept").is_dir()
    assert (tmp_path / "trend.csv").exists()


def test_bad_input_fails_the_step(steps: Callable[..., Step]) -> None:
    assert steps("Measure", target="shop:nothing").code == 3
    found = steps("Gate", budget="nothing.toml")
    assert (found.code, found.outputs) == (3, {"verdict": "bad input"})


def test_what_an_input_holds_is_no_code(steps: Callable[..., Step], tmp_path: Path) -> None:
    hostile = "$(touch owned); touch owned `touch owned`"
    assert steps("Measure", target=hostile, bench_arguments=hostile).code != 0
    assert steps("Gate", budget=hostile, base=hostile, gate_arguments=hostile, cannot_tell=hostile).code != 0
    assert not (tmp_path / "owned").exists()
