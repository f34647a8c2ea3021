"""The arithmetic that every figure of the benchmarks goes through: rounds, medians, intervals, rows."""

import gc
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))

import measure
import result


def test_each_round_runs_every_arm_twice_and_the_second_run_counts():
    runs = []

    def arm(name):
        def run():
            runs.append(name)
            return float(runs.count(name))

        return run

    said = measure.interleave({name: arm(name) for name in "abc"}, rounds=5)
    # Of each arm, the runs 1 and 2 are the round that is thrown away, and of 3 and 4 the second one counts.
    assert {name: list(values) for name, values in said.items()} == {
        name: [4.0, 6.0, 8.0, 10.0, 12.0] for name in "abc"
    }
    orders = [tuple(runs[at : at + 6 : 2]) for at in range(0, len(runs), 6)]
    assert all(sorted(order) == ["a", "b", "c"] for order in orders)
    assert len(set(orders)) > 1


def test_no_rounds_are_refused():
    with pytest.raises(ValueError, match="rounds=0"):
        measure.interleave({}, 0)


@pytest.mark.parametrize(
    ("values", "estimate"),
    [
        (range(5), (2.0, None)),  # five values cannot say anything at 95 %: both ends miss with 2 / 2**5
        (range(6), (2.5, (0.0, 5.0))),
        (range(31), (15.0, (9.0, 21.0))),
    ],
)
def test_the_interval_of_a_median_is_that_of_order_statistics(values, estimate):
    shuffled = np.random.default_rng(0).permutation(np.array(values, dtype=np.float64))
    assert measure.median(shuffled) == estimate


def test_a_ratio_is_drawn_in_whole_rounds():
    # What disturbs a round disturbs both of its arms, so that their ratio is certain although neither of them is.
    below = np.random.default_rng(0).lognormal(size=31)
    ratio = measure.ratio_of_medians(3 * below, below)
    assert (ratio.median, *ratio.interval) == pytest.approx((3, 3, 3))
    with pytest.raises(ValueError, match="31 and 30 rounds"):
        measure.ratio_of_medians(below, below[1:])


def test_a_speedup_above_one_says_that_ours_is_faster():
    ours, theirs = np.full(7, 2.0), np.full(7, 5.0)
    row = result.compared("case", ours, "peer", theirs, "us", 2.0, engine="sieve")
    assert (row.ours, row.theirs, row.speedup, row.speedup_interval) == (2.0, 5.0, 2.5, (2.5, 2.5))
    assert row.to_dict() == {
        "case": "case",
        "ours": 2.0,
        "peer": "peer",
        "theirs": 5.0,
        "unit": "us",
        "speedup": 2.5,
        "speedup_interval": (2.5, 2.5),
        "ours_interval": (2.0, 2.0),
        "wanted": 2.0,
        "met": True,
        "rounds": 7,
        "engine": "sieve",
    }
    assert result.compared("case", theirs, "peer", ours, "us", 1.0).met is False
    assert result.compared("case", theirs, "peer", ours, "us").met is None


@pytest.mark.parametrize(
    ("median", "interval", "speedup", "speedup_interval", "met"),
    [
        (10.0, (8.0, 16.0), 2.0, (1.25, 2.5), True),
        (25.0, (20.0, 40.0), 0.8, (0.5, 1.0), False),
        (20.0, None, 1.0, None, True),
        (-3.0, (-4.0, 0.0), 40.0, (40.0, 40.0), True),  # what cannot be told from nothing counts as the resolution
    ],
)
def test_a_limit_is_met_from_below(median, interval, speedup, speedup_interval, met):
    row = result.limited("case", measure.Estimate(median, interval), 20.0, "us", 0.5)
    assert (row.ours, row.theirs, row.wanted) == (median, 20.0, 1.0)
    assert (row.speedup, row.speedup_interval, row.met) == (speedup, speedup_interval, met)


def test_the_heap_is_frozen_only_while_it_is_measured():
    before = gc.get_freeze_count()
    counts = []

    def interrupted():
        with measure.frozen_heap():
            counts.append(gc.get_freeze_count())
            raise InterruptedError

    with pytest.raises(InterruptedError):
        interrupted()
    assert counts[0] > before
    assert gc.get_freeze_count() == before


def test_a_result_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "result.json"
    with pytest.raises(ValueError, match="not JSON compliant"):
        result.write(path, {"speedup": float("nan")})
    assert not path.exists()
    result.write(path, {"speedup": 2.0})
    assert [each.name for each in path.parent.iterdir()] == ["result.json"]
