"""Which tests run, and how, by the options, the configuration file and the marker."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aligntax.pytest_plugin.settings import Settings

pytest_plugins = "pytester"
Run = Callable[..., pytest.RunResult]

BOTH = """
from aligntax.testing import spinning

def test_guard(tax_benchmark):
    tax_benchmark(spinning(0.02), ["one"]).within("1 ms")

def test_plain():
    pass
"""
BROKEN, UNTIMED = {"failed": 1}, {"passed": 1}


@pytest.mark.parametrize(
    ("options", "ini", "outcomes"),
    [
        ([], "", {"failed": 1, "passed": 1}),
        (["--tax-benchmark-only"], "", {"failed": 1, "deselected": 1}),
        (["--tax-benchmark-skip"], "", {"passed": 1, "deselected": 1}),
        (["-m", "not tax_benchmark"], "", {"passed": 1, "deselected": 1}),
        ([], "aligntax_skip = true", {"passed": 1, "deselected": 1}),
        (["--tax-benchmark-disable"], "", {"passed": 2}),
        ([], "aligntax_disable = true", {"passed": 2}),
        (["--strict-markers"], "aligntax_only = true", {"failed": 1, "deselected": 1}),
    ],
)
def test_selection(pytester: pytest.Pytester, run: Run, options: list[str], ini: str, outcomes: dict[str, int]) -> None:
    pytester.makepyfile(BOTH)
    pytester.makeini(f"[pytest]\n{ini}")
    result = run(*options)
    result.assert_outcomes(**outcomes)
    measured = "failed" in outcomes
    assert ("alignment tax" in result.stdout.str()) == measured


def test_untimed_guards_are_called_once_with_each_prompt(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(
        """
        import pytest

        def test_guard(tax_benchmark):
            calls, awaited = [], []

            async def guard_async(prompt):
                awaited.append(prompt)

            measured = tax_benchmark(calls.append, ["one", "two"]).within("1 ns", relative=0.0)
            assert calls == ["one", "two"]
            assert (measured.tax, measured.relative, measured.result) == (None, None, None)
            tax_benchmark(guard_async, ["one", "two"], model=lambda prompt: prompt).within("1 ns")
            assert awaited == ["one", "two"]

        def test_failing(tax_benchmark):
            with pytest.raises(ZeroDivisionError):
                tax_benchmark(lambda prompt: 1 / 0, ["one"])
        """
    )
    result = run("--tax-benchmark-disable")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["aligntax: tax benchmarks run once, untimed"])


@pytest.mark.parametrize(
    ("options", "ini", "message"),
    [
        (["--tax-benchmark-only", "--tax-benchmark-skip"], "", "*leave no test; use one of them*"),
        (["--tax-benchmark-width", "0"], "", "*--tax-benchmark-width '0' must be a number above 0*"),
        (["--tax-benchmark-budget", "soon"], "", "*--tax-benchmark-budget 'soon' must be a number above 0*"),
        ([], "aligntax_budget = nan", "*aligntax_budget = 'nan' must be a number above 0*"),
        ([], "aligntax_cannot_tell = shrug", "*aligntax_cannot_tell = 'shrug' must be one of fail, skip, pass*"),
        (["--tax-benchmark-json", "test_runs.py"], "", "*is no folder, and cannot be made one (File exists)*"),
        (["--tax-benchmark-json", "nowhere/new.json"], "", "*cannot write there (No such file or directory)*"),
    ],
)
def test_wrong_settings_end_the_run_before_it_begins(
    pytester: pytest.Pytester, run: Run, options: list[str], ini: str, message: str
) -> None:
    pytester.makepyfile(test_runs=BOTH)
    pytester.makeini(f"[pytest]\n{ini}")
    result = run(*options, measuring=())
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])
    assert not result.stdout.str().count("alignment tax")


def test_wrong_arguments(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(
        """
        import pytest

        from aligntax.guards import EntropyGate
        from aligntax.testing import spinning

        @pytest.mark.tax_benchmark(bugdet=3)
        def test_marker(tax_benchmark):
            pass

        @pytest.mark.tax_benchmark(width=-1)
        def test_value_of_marker(tax_benchmark):
            pass

        def test_prompts(tax_benchmark):
            with pytest.raises(TypeError, match="prompts is a str; pass a list of prompts"):
                tax_benchmark(spinning(0.001), "one")
            with pytest.raises(ValueError, match="0 prompts; pass 1 to 10,000"):
                tax_benchmark(spinning(0.001), [])
            with pytest.raises(ValueError, match="10,001 prompts"):
                tax_benchmark.pipeline(spinning(0.001), ["one"] * 10_001)

        def test_guard(tax_benchmark):
            with pytest.raises(TypeError, match="3 is not callable"):
                tax_benchmark(3, ["one"])
            with pytest.raises(ValueError, match="stage 'decode' works beside or inside of the model"):
                tax_benchmark(spinning(0.001), ["one"], stage="decode", model=spinning(0.001))
            with pytest.raises(ZeroDivisionError):
                tax_benchmark(lambda prompt: 1 / 0, ["one"])

        def test_limits(tax_benchmark):
            measured = tax_benchmark(spinning(0.001), ["one"])
            with pytest.raises(ValueError, match="has no limit"):
                measured.within()
            with pytest.raises(ValueError, match="per='token' must be 'request' or 'call'"):
                measured.within("5 ms", per="token")
            for limit in ("5", "ms", "-5 ms", "5 MS", "5 ms!", "", 5, "1e999 s"):
                with pytest.raises(ValueError, match="is no limit; write e.g. '5 ms'"):
                    measured.within(limit)
        """
    )
    result = run()
    result.assert_outcomes(passed=3, errors=2)
    result.stdout.fnmatch_lines_random(
        [
            "E * ValueError: the marker tax_benchmark takes budget=, width= and cannot_tell=, and not bugdet",
            "E * ValueError: the marker tax_benchmark: width=-1 must be a number above 0",
        ]
    )


@pytest.mark.parametrize("budget", [0, "soon", float("inf"), pytest.param(10**400, id="beyond all floats")])
def test_a_marker_with_a_value_that_cannot_be_is_refused(budget: object) -> None:
    with pytest.raises(ValueError, match=r"the marker tax_benchmark: budget=.* must be a number above 0"):
        Settings().with_marker((), {"budget": budget})


def test_results_are_kept_under_the_names_of_their_tests(pytester: pytest.Pytester, run: Run) -> None:
    from aligntax.experiment.gate import read_measured
    from aligntax.pytest_plugin.keeping import file_name

    pytester.makepyfile(
        test_kept="""
        import pytest

        from aligntax.testing import spinning

        @pytest.mark.parametrize("prompt", ["one", "a/b"])
        def test_guard(tax_benchmark, prompt, monkeypatch, tmp_path):
            monkeypatch.chdir(tmp_path)
            tax_benchmark(spinning(0.0005), [prompt]).within("500 ms")

        def test_two(tax_benchmark):
            tax_benchmark(spinning(0.0005), ["one"])
            tax_benchmark(spinning(0.0005), ["one"])

        def test_broken(tax_benchmark):
            tax_benchmark(spinning(0.0005), ["one"]).within("1 us")

        def test_nothing_to_keep(tax_benchmark):
            with pytest.raises(ValueError):
                tax_benchmark(spinning(0.0005), ["one"], stage="nowhere")
        """
    )
    run("--tax-benchmark-json", "kept/here").assert_outcomes(passed=4, failed=1)
    names = {path.name for path in (pytester.path / "kept/here").iterdir()}
    assert names == {
        file_name("test_kept.py::test_guard[one]"),
        file_name("test_kept.py::test_guard[a/b]"),
        "test_kept.py.test_two.json",
        "test_kept.py.test_two-2.json",
        "test_kept.py.test_broken.json",
    }
    for name in names:
        assert read_measured(pytester.path / "kept/here" / name).name == "guard"

    result = run("--tax-benchmark-json", "one.json", "-k", "two or broken")
    result.assert_outcomes(failed=2, deselected=3)
    result.stdout.fnmatch_lines(["E *one.json: is one file, and holds the result of test_kept.py::test_two; name *"])
    assert read_measured(pytester.path / "one.json").name == "guard"


def test_workers_of_xdist_are_refused(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(
        """
        from aligntax.testing import spinning

        def test_guard(tax_benchmark):
            tax_benchmark(spinning(0.0005), ["one"]).within("500 ms")

        def test_plain():
            pass
        """
    )
    result = run("-n2", plugins=("xdist",))
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(
        ["*tax_benchmark cannot time anything while 2 workers of pytest-xdist*-n0 or -p no:xdist*-disable"]
    )
    run("-n2", "--tax-benchmark-disable", plugins=("xdist",)).assert_outcomes(passed=2)
    result = run("-n1", "--tax-benchmark-json", "kept", plugins=("xdist",))
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["=* alignment tax =*", "*::test_guard *500 ms *passed"])
    assert [path.suffix for path in (pytester.path / "kept").iterdir()] == [".json"]


def test_pytest_benchmark_goes_beside_it(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(
        """
        from aligntax.testing import spinning

        def test_guard(tax_benchmark):
            tax_benchmark(spinning(0.0005), ["one"]).within("500 ms")

        def test_function(benchmark):
            benchmark(spinning(0.0005), "one")

        def test_both(benchmark, tax_benchmark):
            benchmark(spinning(0.0005), "one")
            tax_benchmark(spinning(0.0005), ["one"]).within("500 ms")
        """
    )
    quick = "--benchmark-max-time=0.1"
    run(quick, plugins=("pytest_benchmark.plugin",)).assert_outcomes(passed=3)
    only = run(quick, "--tax-benchmark-only", "--benchmark-skip", plugins=("pytest_benchmark.plugin",))
    only.assert_outcomes(passed=1, skipped=1, deselected=1)


def test_runs_that_measure_nothing_load_nothing(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_plain():
            heavy = {"numpy", "scipy", "numba", "matplotlib", "rich", "typer", "prometheus_client"}
            assert not heavy & sys.modules.keys()
            own = {name for name in sys.modules if name.partition(".")[0] == "aligntax"}
            light = {"aligntax", "aligntax.figures"}
            assert light == {name for name in own if not name.startswith("aligntax.pytest_plugin")}
        """
    )
    run(measuring=()).assert_outcomes(passed=1)
