"""What tests with limits on the cost of guards say: real guards, real runs of pytest."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.experiment.results import make_result

from aligntax.experiment.result import Result
from aligntax.pytest_plugin import TaxMeasurement
from aligntax.pytest_plugin.settings import Settings
from aligntax.pytest_plugin.summary import empty_row

pytest_plugins = "pytester"
Run = Callable[..., pytest.RunResult]


def test_limits_are_kept_and_broken(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(
        """
        import asyncio

        from aligntax import Verdict
        from aligntax.guards import PII
        from aligntax.testing import sleeping, sleeping_async, spinning

        PROMPTS = ["one", "two"]

        def test_kept(tax_benchmark):
            measured = tax_benchmark(spinning(0.001), PROMPTS).within("500 ms")
            assert 0.0005 < measured.tax.low <= measured.tax.value <= measured.tax.high
            assert measured.relative is None
            assert measured.result.data["schema"] == "aligntax.bench/1"

        def test_of_the_package(tax_benchmark):
            tax_benchmark(PII(), ["write to jo@example.com", "write to nobody"]).within("500 ms")

        def test_asynchronous(tax_benchmark):
            assert tax_benchmark(sleeping_async(0.005), PROMPTS).within("500 ms").tax.low > 0.002

        def test_broken(tax_benchmark):
            tax_benchmark(spinning(0.02), PROMPTS, name="spinner").within("1 ms")

        def test_broken_in_relation(tax_benchmark):
            measured = tax_benchmark(spinning(0.005), PROMPTS, name="spinner", model=sleeping(0.005))
            measured.within("500 ms", relative=0.02)

        def test_kept_in_relation(tax_benchmark):
            tax_benchmark(spinning(0.001), PROMPTS, model=sleeping(0.005)).within(relative="900%")

        def test_alone_in_relation(tax_benchmark):
            tax_benchmark(spinning(0.001), PROMPTS).within("500 ms", relative=0.02)

        def test_no_duration(tax_benchmark):
            tax_benchmark(spinning(0.001), PROMPTS).within("5 bananas")

        def test_all_blocked(tax_benchmark):
            tax_benchmark(lambda prompt: Verdict.BLOCK, PROMPTS)
        """
    )
    result = run()
    result.assert_outcomes(passed=4, failed=5)
    result.stdout.fnmatch_lines(
        [
            "E * AssertionError: the tax of spinner is above its limit",
            "E * tax per request: +* ms (+* ms to +* ms), at most 1.00 ms: failed",
            "E * n = * pairs, 2 prompts, 95 % intervals",
            "E * tax per request: +*, at most 500 ms: *",
            "E * tax, of raw: +*%), at most 2.00 %: failed",
            "E * ValueError: relative=0.02: a guard alone has no raw time *",
            "E * ValueError: absolute='5 bananas' is no limit; write e.g. '5 ms' (units: ns, us, µs, ms, s, min)",
            "E * ValueError: *lets something pass was not seen*",
            "=* alignment tax =*",
            "test *guards *tax *95 % interval *of raw *n *limit *verdict",
            "*::test_kept *guard *+* ms to +* ms * 500 ms *passed",
            "*::test_broken *spinner *+* ms *1.00 ms *failed",
        ]
    )
    # Messages of the package's own need none of its frames.
    result.stdout.no_fnmatch_line("*aligntax/*.py:*")


def test_what_guards_guard_is_said_once_for_all_tests(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makeconftest(
        """
        import pytest

        from aligntax.testing import sleeping

        @pytest.fixture(scope="session")
        def tax_benchmark_model():
            return sleeping(0.01)
        """
    )
    pytester.makepyfile(
        """
        import pytest

        from aligntax.testing import sleeping, spinning

        guard, prompts = spinning(0.0005), ["one", "two"]

        def test_guard(tax_benchmark):
            measured = tax_benchmark(guard, prompts).within("500 ms", relative=9.0)
            assert measured.result.data["latency"]["raw"]["p50"]["value"] > 0.009

        def test_own_model(tax_benchmark):
            measured = tax_benchmark(guard, prompts, model=sleeping(0.003)).within(relative=90.0)
            assert measured.result.data["latency"]["raw"]["p50"]["value"] > 0.002

        def test_broken(tax_benchmark):
            tax_benchmark(spinning(0.005), prompts).within("500 ms", relative=0.02)

        def test_beside_the_model(tax_benchmark):
            assert tax_benchmark(guard, prompts, stage="parallel").within("500 ms").relative is None
        """
    )
    result = run()
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["E * tax, of raw: +*%), at most 2.00 %: failed"])


def test_a_guard_alone_is_measured_until_its_time_is_known(pytester: pytest.Pytester, run: Run) -> None:
    """And not until its share of a raw call is, which takes next to no time and varies by more than itself."""
    pytester.makepyfile(
        """
        import pytest

        from aligntax.testing import spinning

        @pytest.mark.tax_benchmark(width=0.01, budget=20)
        def test_alone(tax_benchmark):
            measured = tax_benchmark(spinning(0.001), ["one"]).within("500 ms")
            assert measured.result.data["design"]["stopped"] == "width"
        """
    )
    run(measuring=()).assert_outcomes(passed=1)


CANNOT_TELL = """
import time

import pytest

def uneven(prompt):
    time.sleep(0.03 if prompt == "long" else 0.001)
    return prompt

def test_between(tax_benchmark):
    tax_benchmark(uneven, ["long", "short"]).within("15 ms")

@pytest.mark.tax_benchmark(cannot_tell="skip")
def test_between_by_marker(tax_benchmark):
    tax_benchmark(uneven, ["long", "short"]).within("15 ms")

@pytest.mark.tax_benchmark(budget=0.001, cannot_tell="fail")
def test_too_few(tax_benchmark):
    tax_benchmark(uneven, ["short"]).within("15 ms")
"""


def test_what_cannot_be_told_fails(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(CANNOT_TELL)
    result = run(measuring=("--tax-benchmark-budget=0.3",))
    result.assert_outcomes(failed=2, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "E * AssertionError: cannot tell whether the tax of uneven is within its limit",
            "E * tax per request: +*), at most 15.0 ms: cannot tell",
            "E * measure for longer (a larger --tax-benchmark-budget than 0.3), *aligntax_cannot_tell",
            "E * tax per request: +* (n too small), at most 15.0 ms: cannot tell",
            "*::test_between *15.0 ms *cannot tell (fail)",
            "*::test_between_by_marker *15.0 ms *cannot tell (skip)",
        ]
    )


def test_what_cannot_be_told_passes_where_asked(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(CANNOT_TELL)
    pytester.makeini("[pytest]\naligntax_cannot_tell = pass\naligntax_budget = 0.3")
    result = run(measuring=())
    result.assert_outcomes(passed=1, skipped=1, failed=1)
    result.stdout.fnmatch_lines(["*::test_between *cannot tell (pass)"])


def test_pipelines_and_guards_of_a_profiler(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(
        shop="""
        import time

        from aligntax import Profiler
        from aligntax.testing import sleeping, spinning

        profiler = Profiler()
        prompts = ["one", "two", "three"]

        @profiler.guard(name="twice", stage="output", verdict=lambda result: "allow", bypass=lambda text: text)
        def twice(text):
            time.sleep(0.002)
            return text

        model = sleeping(0.005)

        def pipeline(prompt):
            return twice(twice(model(prompt)))
        """,
        test_shop="""
        import pytest

        import shop

        def test_by_name(tax_benchmark):
            measured = tax_benchmark.pipeline("shop:pipeline").within("500 ms", relative=90.0)
            assert measured.result.data["design"]["prompts"]["count"] == 3
            measured.within(f"{0.51 * measured.tax.high} s", per="call")
            with pytest.raises(AssertionError, match="is above its limit"):
                measured.within(f"{0.9 * measured.tax.low} s", per="request")

        def test_itself(tax_benchmark):
            tax_benchmark.pipeline(shop.pipeline, ["four"]).within(relative=90.0)

        def test_timed_guard(tax_benchmark):
            measured = tax_benchmark(shop.twice, shop.prompts, model=shop.model, stage="output").within("500 ms")
            assert measured.result.data["guards"][0]["stage"] == "output"
            with pytest.raises(ValueError, match="a profiler times .*twice.* already"):
                tax_benchmark(shop.twice, shop.prompts, name="other")

        def test_guard_around_a_timed_guard(tax_benchmark):
            assert tax_benchmark(lambda text: shop.twice(text), shop.prompts).within("500 ms").tax.low > 0.001

        def test_no_such_pipeline(tax_benchmark):
            with pytest.raises(ValueError, match="has no 'nothing'"):
                tax_benchmark.pipeline("shop:nothing")
        """,
    )
    run().assert_outcomes(passed=5)


def test_asynchronous_tests(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(
        """
        import asyncio

        import pytest

        from aligntax.testing import sleeping_async, spinning

        def test_plain(tax_benchmark):
            tax_benchmark(sleeping_async(0.001), ["one"]).within("500 ms")

        async def test_awaited(tax_benchmark):
            await asyncio.sleep(0)
            for guard in (spinning(0.001), sleeping_async(0.001)):
                with pytest.raises(RuntimeError, match="an event loop runs; make the test a plain 'def'"):
                    tax_benchmark(guard, ["one"])
        """
    )
    options = ("-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function")
    run(*options, plugins=("pytest_asyncio.plugin",)).assert_outcomes(passed=2)


def test_tracers_are_kept_off_what_is_measured(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(
        """
        import sys

        def guard(text):
            return text

        def test_traced(tax_benchmark):
            seen = set()

            def tracer(frame, event, argument):
                seen.add(frame.f_code)

            sys.settrace(tracer)
            try:
                tax_benchmark(guard, ["one"]).within("500 ms")
                assert sys.gettrace() is tracer
            finally:
                sys.settrace(None)
            assert guard.__code__ not in seen
            assert seen
        """
    )
    run().assert_outcomes(passed=1)


def test_without_scipy_it_says_what_is_missing(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(
        """
        import sys

        import pytest

        from aligntax.testing import spinning

        def test_guard(tax_benchmark, monkeypatch):
            monkeypatch.setitem(sys.modules, "scipy", None)
            monkeypatch.setitem(sys.modules, "scipy.stats", None)
            tax_benchmark(spinning(0.001), ["one"]).within("500 ms")
        """
    )
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E * ModuleNotFoundError: experiments need scipy*pip install 'aligntax?bench?'"])
    run("--tax-benchmark-disable").assert_outcomes(passed=1)


def test_of_several_limits_the_worst_verdict_is_shown() -> None:
    raw = np.linspace(0.09, 0.11, 40)
    result = Result(make_result(raw, raw + np.linspace(0.004, 0.006, 40)))
    row = empty_row("test")
    found = TaxMeasurement(result, Settings(cannot_tell="pass"), row, raw_known=True)
    shown = []
    for limit in ("1 s", "5 ms", "1 s"):
        found.within(limit)
        shown.append((row["limit"], row["verdict"]))
    assert shown == [("1.00 s", "passed"), ("5.00 ms", "cannot tell (pass)"), ("5.00 ms", "cannot tell (pass)")]
    with pytest.raises(AssertionError, match="is above its limit"):
        found.within("1 ms")
    assert found.within("1 s") is found
    assert (row["limit"], row["verdict"]) == ("1.00 ms", "failed")
