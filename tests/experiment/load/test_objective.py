"""Objectives and service levels: read from text, and held against calls."""

from __future__ import annotations

import math

import numpy as np
import pytest

from aligntax.experiment.load import Call, Objective, Slo
from aligntax.experiment.load.records import ALLOWED, BLOCKED, ERROR


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p99<=500ms", Objective(0.99, 0.5)),
        ("p90 < 2s", Objective(0.9, 2.0)),
        ("ttft p99.9<=80us", Objective(0.999, 80e-6, "first chunk")),
        ("TTFT:p50<=1.5s", Objective(0.5, 1.5, "first chunk")),
    ],
)
def test_an_objective_is_read(text: str, expected: Objective) -> None:
    assert Objective.parse(text).q == pytest.approx(expected.q)
    assert Objective.parse(text).limit_seconds == pytest.approx(expected.limit_seconds)
    assert Objective.parse(text).measure == expected.measure
    again = Objective.parse(str(Objective.parse(text)))
    assert (again.q, again.limit_seconds) == (pytest.approx(expected.q), pytest.approx(expected.limit_seconds))


@pytest.mark.parametrize(
    "text", ["p99", "p99<=500", "p0<=1s", "p100<=1s", "p99.99999999<=1s", "99<=1s", "p99>=1s", "p99<=0s", ""]
)
def test_what_is_no_objective_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"objective|duration|q=|limit_seconds"):
        Objective.parse(text)


def test_a_service_level_is_read() -> None:
    assert Slo.parse("e2e=2s,ttft=200ms") == Slo(2.0, 0.2)
    assert Slo.parse("ttft = 200ms") == Slo(None, 0.2)


@pytest.mark.parametrize("text", ["", "2s", "e2e=2", "e2e=1s,e2e=2s", "p99=2s", "e2e=0s"])
def test_what_is_no_service_level_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"service level|duration"):
        Slo.parse(text)


def test_first_chunks_of_misses_are_never_in_time() -> None:
    level = Slo(2.0, 0.2)
    good = Call(0, 0, 0, 10**9, ALLOWED, first_ns=10**8)
    assert level.is_met(good)
    assert not level.is_met(good._replace(first_ns=3 * 10**8))
    assert not level.is_met(good._replace(ended_ns=3 * 10**9))
    assert not level.is_met(good._replace(outcome=ERROR))
    assert not level.is_met(good._replace(first_ns=None))  # no stream: the first chunk comes with the end
    objective = Objective(0.9, 0.2, "first chunk")
    assert objective.seconds(good) == pytest.approx(0.1)
    assert objective.seconds(good._replace(outcome=ERROR)) == math.inf
    assert objective.seconds(good._replace(outcome=BLOCKED)) is None
    assert np.isinf(objective.seconds(good._replace(first_ns=None)) or 0)
