"""A pipeline like the demo's, with a decoder so small that a request takes milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aligntax.demo.decoder import DecoderConfig
from aligntax.demo.pipeline import Pipeline

TINY = DecoderConfig(layers=2, width=32, heads=2, vocabulary=1024, context=64)


@pytest.fixture
def tiny() -> DecoderConfig:
    return TINY


@pytest.fixture
def make_pipeline() -> Iterator[Callable[..., Pipeline]]:
    """Builds tiny pipelines, and closes them after the test."""
    made: list[Pipeline] = []

    def make(**settings: Any) -> Pipeline:
        made.append(Pipeline(TINY, **{"answer_tokens": 6, **settings}))
        return made[-1]

    yield make
    for pipeline in made:
        pipeline.close()
