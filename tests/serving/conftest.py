"""Fixtures of the serving tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.serving.upstream import Upstream

from aligntax import Profiler


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def profiler() -> Iterator[Profiler]:
    with Profiler(cpu_share=0, drain_seconds=0) as profiler:
        yield profiler
