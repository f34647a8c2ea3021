"""The plugin for pytest: tests that say what a guard may cost.

    def test_guard(tax_benchmark):
        tax_benchmark(guard, prompts).within("5 ms")
        tax_benchmark(guard, prompts, model=model).within("5 ms", relative=0.02)
        tax_benchmark.pipeline("package.module:pipeline").within("5 ms", relative="2%")

What a tax is relative to is the time that the model takes. Where a `conftest.py` says which that is, no test has to:

    @pytest.fixture(scope="session")
    def tax_benchmark_model():
        return model

    def test_guard(tax_benchmark):
        tax_benchmark(guard, prompts).within("5 ms", relative=0.02)

A guard's calls are timed against its bypass, paired on the same prompts and interleaved; a pipeline with its guards
against the same without them. A limit is kept if the whole 95 % interval is, and broken if none of it is; what lies
between cannot be told, and fails unless `aligntax_cannot_tell` says otherwise. pytest loads this package in every run,
so nothing that is slow to import is imported before something is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

from aligntax.pytest_plugin.benchmark import TaxBenchmark
from aligntax.pytest_plugin.keeping import Keeping
from aligntax.pytest_plugin.measurement import TaxMeasurement
from aligntax.pytest_plugin.settings import Settings, add_options, read_settings
from aligntax.pytest_plugin.summary import ATTRIBUTE, Row, Summary

__all__ = ["TaxBenchmark", "TaxMeasurement", "tax_benchmark", "tax_benchmark_model"]

_MARKER = "tax_benchmark"
_SETTINGS = pytest.StashKey[Settings]()
_KEEPING = pytest.StashKey[Keeping]()
_ROWS = pytest.StashKey[list[Row]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, and their twins for the configuration file."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Read the settings once, so that a wrong one ends the run before anything is measured."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(budget, width, cannot_tell): settings of its own for a test that measures what guards "
        "cost; every test with the fixture of that name has the marker",
    )
    try:
        settings = config.stash[_SETTINGS] = read_settings(config)
        config.stash[_KEEPING] = Keeping(settings.json)
    except ValueError as error:
        raise pytest.UsageError(str(error)) from error
    config.pluginmanager.register(Summary(), "aligntax_summary")


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say so if nothing will be timed."""
    return ["aligntax: tax benchmarks run once, untimed"] if config.stash[_SETTINGS].disabled else []


@pytest.hookimpl(tryfirst=True)  # before -m chooses by the marker
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that measure, and choose by that if asked to."""
    settings = config.stash[_SETTINGS]
    for item in items:
        if _MARKER in getattr(item, "fixturenames", ()) and item.get_closest_marker(_MARKER) is None:
            item.add_marker(_MARKER)
    if not (settings.only or settings.skip):
        return
    wanted = [item for item in items if (item.get_closest_marker(_MARKER) is not None) == settings.only]
    chosen = {id(item) for item in wanted}
    config.hook.pytest_deselected(items=[item for item in items if id(item) not in chosen])
    items[:] = wanted


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a test's last report carry what it measured, from a worker to where the summary is written, too."""
    report = yield
    if call.when == "teardown" and (rows := item.stash.get(_ROWS, None)):
        setattr(report, ATTRIBUTE, rows)
    return report


@pytest.fixture
def tax_benchmark_model() -> Callable[..., Any] | None:
    """What the guards of these tests guard; override it in a `conftest.py`, so that limits can be relative."""
    return None


@pytest.fixture
def tax_benchmark(request: pytest.FixtureRequest) -> TaxBenchmark:
    """Measure what guards cost: `tax_benchmark(guard, prompts).within("5 ms")`."""
    config, item = request.config, request.node
    settings = config.stash[_SETTINGS]
    marker = item.get_closest_marker(_MARKER)
    if marker is not None:
        settings = settings.with_marker(marker.args, marker.kwargs)
    workers = _workers(config)
    if workers > 1 and not settings.disabled:
        pytest.fail(
            f"tax_benchmark cannot time anything while {workers} workers of pytest-xdist share the machine; run the "
            "tests that use it with -n0 or -p no:xdist (and --tax-benchmark-only), the others with "
            "--tax-benchmark-skip; or let each run once, untimed, with --tax-benchmark-disable",
            pytrace=False,
        )
    rows: list[Row] = []
    item.stash[_ROWS] = rows
    model = request.getfixturevalue("tax_benchmark_model")  # not sooner: it may take long to load
    return TaxBenchmark(item.nodeid, settings, config.stash[_KEEPING], rows, model)


def _workers(config: Any) -> int:
    """Return how many processes run tests at once. One worker has the machine as much to itself as none."""
    return int(config.workerinput["workercount"]) if hasattr(config, "workerinput") else 1
