"""Fixtures of the serving tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.serving.guarded import close_all
from tests.serving.upstream import Upstream

from aligntax import Profiler


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def profiler() -> Iterator[Profiler]:
    with Profiler(cpu_share=0, drain_seconds=0) as profiler:
        yield profiler


@pytest.fixture(autouse=True)
def closing() -> Iterator[None]:
    """Whatever `guarding` has opened is closed when the test is over."""
    yield
    close_all()
