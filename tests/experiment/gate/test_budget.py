"""Budgets: what they say, and what they are refused for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aligntax.experiment.gate import budget as budget_module
from aligntax.experiment.gate.budget import Limit, read_budget
from aligntax.experiment.gate.measured import Unit
from aligntax.experiment.gate.sections import SECTIONS, Section

Save = Callable[..., Path]


def test_every_section_can_be_limited(save: Save) -> None:
    found = read_budget(
        save(
            "budget.toml",
            """
            judge_single_values = true
            [tax]
            absolute = "5 ms"
            relative = 0.1
            max_regression = "2%"
            [latency]
            guarded = "1 s"
            [guards.pii]
            absolute = "1 ms"
            max_regression = "1%"
            [guards."a.b c"]
            relative = "3%"
            [stages.input]
            absolute = "2 ms"
            [cpu]
            relative = "4%"
            [gpu]
            absolute = "1 ms"
            [energy]
            absolute = "20 mJ"
            [memory]
            absolute = "64 MiB"
            [cold_start]
            import = "10 s"
            first_call = "2 s"
            """,
        )
    )
    assert found.judge_single_values
    assert found.margin == 0.02
    assert [(limit.title, limit.metric, limit.maximum) for limit in found.limits] == [
        ("tax.absolute", "tax.absolute", 0.005),
        ("tax.relative", "tax.relative", 0.1),
        ("tax.max_regression", "tax.relative", 0.02),
        ("latency.guarded", "latency.guarded", 1.0),
        ("guards.pii.absolute", "guards.pii.absolute", 0.001),
        ("guards.pii.max_regression", "guards.pii.absolute", 0.01),
        ("guards.a.b c.relative", "guards.a.b c.relative", 0.03),
        ("stages.input.absolute", "stages.input.absolute", 0.002),
        ("cpu.relative", "cpu.relative", 0.04),
        ("gpu.absolute", "gpu.absolute", 0.001),
        ("energy.absolute", "energy.absolute", 0.02),
        ("memory.absolute", "memory.absolute", 64 * 2**20),
        ("cold_start.import", "cold_start.import", 10.0),
        ("cold_start.first_call", "cold_start.first_call", 2.0),
    ]


def test_the_example_of_the_documentation_is_a_budget(save: Save) -> None:
    """It is the indented part of the module's docstring."""
    lines = (budget_module.__doc__ or "").splitlines()
    example = "\n".join(line.removeprefix("    ") for line in lines if line.startswith("    "))
    assert len(read_budget(save("budget.toml", example)).limits) == 12


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[tx]\nabsolute = "5 ms"',
            r"the key 'tx' is unknown; known are tax, .*cold_start, performance, .*cost, judge_single_values",
        ),
        ('[tax]\nabsolut = "5 ms"', r"the key 'tax\.absolut' is unknown; known are absolute, relative, max_regression"),
        ('[stages.inptu]\nabsolute = "5 ms"', r"'stages\.inptu' is unknown; known are input, parallel, decode"),
        ('[guards.pii]\nmax = "5 ms"', r"the key 'guards\.pii\.max' is unknown; known are absolute"),
        ('[memory]\nmax_regression = "5%"', r"'memory\.max_regression' is unknown; known are absolute$"),
        ("[tax]\nabsolute = 5", r"tax\.absolute=5 is no limit; write e\.g\. '5 ms'"),
        ("[tax]\nabsolute = true", r"tax\.absolute=True is no limit"),
        ('[tax]\nmax_regression = "-2%"', r"tax\.max_regression='-2%' is no limit"),
        ('tax = "5 ms"', r"tax='5 ms' is no table; write \[tax\]"),
        ("guards = 3", r"guards=3 is no table"),
        ('[guards]\npii = "1 ms"', r"guards\.pii='1 ms' is no table; write \[guards\.pii\]"),
        ('judge_single_values = "yes"\n[tax]\nrelative = 0.1', r"judge_single_values='yes' must be true or false"),
        ("", r"it limits nothing; write e\.g\. \[tax\]"),
        ("[tax]", r"it limits nothing"),
        ("[tax", r"is no TOML \(.*\); mend it there"),
        ("\x00", r"is no TOML"),
        (f"[performance{'.a' * 3000}]\nabsolute = 1", r"is nested too deeply to be a budget"),
        (f"[performance]\nabsolute = {10**400}", r"performance\.absolute=10* is not a limit"),
    ],
)
def test_what_is_no_budget_is_refused_with_what_is_known(save: Save, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^.*budget\\.toml: .*{message}"):
        read_budget(save("budget.toml", text))


def test_a_missing_file_and_a_large_one_are_refused(tmp_path: Path, save: Save) -> None:
    with pytest.raises(ValueError, match=r"nothing\.toml: cannot be read \(No such file"):
        read_budget(tmp_path / "nothing.toml")
    with pytest.raises(ValueError, match="more than 1 MiB"):
        read_budget(save("budget.toml", "#" * (2**20 + 1)))


def test_another_kind_of_tax_joins_by_one_entry(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    more = {**SECTIONS, "performance": Section({"relative": Unit.RATIO}, named=True)}
    monkeypatch.setattr(budget_module, "SECTIONS", more)
    found = read_budget(save("budget.toml", '[performance.mmlu]\nrelative = "1%"'))
    assert found.limits == (Limit("performance.mmlu", "performance.mmlu.relative", 0.01, Unit.RATIO),)
