"""The trend: what happened between two looks at the ledger, within its bounds."""

from __future__ import annotations

import numpy as np
import pytest

from aligntax import Layer
from aligntax.exporters.live.history import (
    GAP_SECONDS,
    INTERVAL_SECONDS,
    MAX_GUARDS,
    MAX_POINTS,
    WINDOW_SECONDS,
    History,
)
from aligntax.histogram import RELATIVE_ERROR
from aligntax.ledger import Ledger

SECOND = 1_000_000_000
MILLISECOND = 1_000_000


def count_requests(ledger: Ledger, taxes_ns: list[int], guard: str = "pii") -> None:
    rows = np.zeros(len(taxes_ns), dtype=np.int64)
    taxes = np.array(taxes_ns, dtype=np.int64)
    ledger.add_requests(rows, rows, taxes + SECOND)
    ledger.add_comparisons(rows, np.full(len(taxes_ns), SECOND), taxes, rows)
    ledger.add_shares(np.full(len(taxes_ns), ledger.layer_row(Layer(guard))), taxes)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(16, 2)


def test_a_point_is_about_its_interval_alone(ledger: Ledger) -> None:
    history = History()
    count_requests(ledger, [900 * MILLISECOND] * 50)
    history.observe(10 * SECOND, ledger)
    assert history.to_dict(10 * SECOND)["points"] == []
    count_requests(ledger, [MILLISECOND] * 90 + [8 * MILLISECOND] * 10)
    count_requests(ledger, [2 * MILLISECOND], guard="tone")
    history.observe(12 * SECOND, ledger)
    found = history.to_dict(12 * SECOND)
    assert found["guards"] == ["pii", "tone"]
    (point,) = found["points"]
    assert (point["start_seconds"], point["end_seconds"]) == (10, 12)
    assert (point["requests"], point["taxed"]) == (101, 101)
    assert point["tax_p50_seconds"] == pytest.approx(0.001, rel=RELATIVE_ERROR)
    assert point["tax_p95_seconds"] == pytest.approx(0.008, rel=RELATIVE_ERROR)
    assert point["shares_seconds"] == pytest.approx([0.170 / 101, 0.002 / 101], rel=1e-5)
    assert point["others_seconds"] == 0


def test_looks_that_are_too_close_together_are_one(ledger: Ledger) -> None:
    history = History()
    for tenth in range(31):
        count_requests(ledger, [MILLISECOND])
        history.observe(tenth * SECOND // 10, ledger)
    points = history.to_dict(3 * SECOND)["points"]
    assert [point["end_seconds"] - point["start_seconds"] for point in points] == [INTERVAL_SECONDS] * 2
    assert [point["requests"] for point in points] == [15, 15]


def test_a_time_in_which_nobody_looked_is_no_point(ledger: Ledger) -> None:
    history = History()
    history.observe(0, ledger)
    count_requests(ledger, [MILLISECOND] * 1000)
    history.observe((GAP_SECONDS + 1) * SECOND, ledger)
    count_requests(ledger, [MILLISECOND] * 7)
    history.observe((GAP_SECONDS + 3) * SECOND, ledger)
    (point,) = history.to_dict((GAP_SECONDS + 3) * SECOND)["points"]
    assert (point["start_seconds"], point["requests"]) == (GAP_SECONDS + 1, 7)


def test_a_quiet_time_is_one_point_without_tax(ledger: Ledger) -> None:
    history = History()
    for second in range(0, 100, 2):
        if second == 50:
            count_requests(ledger, [MILLISECOND])
        history.observe(second * SECOND, ledger)
    points = history.to_dict(100 * SECOND)["points"]
    assert [(point["start_seconds"], point["end_seconds"], point["requests"]) for point in points] == [
        (0, 48, 0),
        (48, 50, 1),
        (50, 98, 0),
    ]
    assert points[0]["tax_p50_seconds"] is None
    assert points[0]["shares_seconds"] is None


def test_it_keeps_ten_minutes_and_no_more_points_than_that_takes(ledger: Ledger) -> None:
    history = History()
    step_ns = round(INTERVAL_SECONDS * SECOND)
    for turn in range(MAX_POINTS + 50):
        count_requests(ledger, [MILLISECOND])
        history.observe(turn * step_ns, ledger)
    now_ns = (MAX_POINTS + 49) * step_ns
    assert len(history.to_dict(now_ns)["points"]) == MAX_POINTS
    later_ns = now_ns + WINDOW_SECONDS * SECOND // 2
    assert len(history.to_dict(later_ns)["points"]) == pytest.approx(MAX_POINTS / 2, abs=1)
    assert history.to_dict(now_ns + (WINDOW_SECONDS + 1) * SECOND)["points"] == []


def test_the_guards_with_the_greatest_tax_have_their_own_numbers(ledger: Ledger) -> None:
    history = History()
    history.observe(0, ledger)
    for place in range(MAX_GUARDS + 3):
        count_requests(ledger, [(place + 1) * MILLISECOND], guard=f"guard {place}")
    history.observe(2 * SECOND, ledger)
    found = history.to_dict(2 * SECOND)
    assert found["guards"] == [f"guard {place}" for place in range(MAX_GUARDS + 2, 2, -1)]
    (point,) = found["points"]
    assert point["others_seconds"] * point["taxed"] == pytest.approx(0.006, rel=1e-6)
    assert len(point["shares_seconds"]) == MAX_GUARDS


def test_a_guard_without_tax_has_no_line(ledger: Ledger) -> None:
    history = History()
    ledger.layer_row(Layer("hidden"))
    history.observe(0, ledger)
    count_requests(ledger, [0])
    history.observe(2 * SECOND, ledger)
    assert history.to_dict(2 * SECOND)["guards"] == []
