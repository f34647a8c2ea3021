"""A result is checked before anything of it is shown."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest

from aligntax.report.experiment import ExperimentTable, write_page
from aligntax.report.experiment.contents import checked, comparable_pairs, estimate

from .conftest import MakeResult


def _set(*path: Any) -> Callable[[dict[str, Any]], None]:
    *places, key, value = path

    def change(result: dict[str, Any]) -> None:
        part: Any = result
        for place in places:
            part = part[place]
        part[key] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("schema", "aligntax.report/1"), "schema 'aligntax.report/1' is not 'aligntax.bench/1'"),
        (_set("guards", None), "no 'guards'"),
        (_set("tax", "5 ms"), "no 'tax'"),
        (_set("tax", "seconds", "low", math.nan), r"tax\.seconds\.low is nan"),
        (_set("samples", "seconds", "raw", 3, math.inf), r"samples\.seconds\.raw\[3\] is inf"),
        (_set("guards", 1, "busy_seconds", "value", math.nan), r"guards\[1\]\.busy_seconds\.value is nan"),
        (_set("samples", "seconds", "null", [0.1]), r"samples\.seconds\.null holds 1 samples and .* 30"),
    ],
)
def test_what_is_no_result_is_refused_and_nothing_is_written(
    make: MakeResult, tmp_path: Any, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    result = copy.deepcopy(make(30))
    change(result)
    page = tmp_path / "page.html"
    page.write_text("before")
    with pytest.raises(ValueError, match=message):
        write_page(result, page)
    with pytest.raises(ValueError, match=message):
        ExperimentTable(result)
    assert page.read_text() == "before"
    assert list(tmp_path.iterdir()) == [page]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("tax", "seconds", {"value": 1.0}), "is no estimate"),
        (_set("tax", "seconds", {"value": 1.0, "low": 2.0, "high": 3.0}), "low <= value <= high"),
        (_set("guards", 0, {"stage": "input"}), r"KeyError: 'name'"),
        (_set("traces", 0, {"schema": "aligntax.trace/2"}), "'aligntax.trace/2' of a trace"),
        (_set("scaling", {"patterns": {}}), r"KeyError: 'points'"),
    ],
)
def test_a_damaged_part_is_named(
    make: MakeResult, tmp_path: Any, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    result = copy.deepcopy(make(30))
    change(result)
    with pytest.raises(ValueError, match=message):
        write_page(result, tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("result", [None, [], "text", {}])
def test_what_is_not_even_a_mapping_is_refused(result: Any) -> None:
    with pytest.raises(ValueError, match=r"pass what `aligntax bench --json` wrote"):
        checked(result)


def test_an_estimate_is_read_and_what_was_not_measured_is_none() -> None:
    assert estimate(None) is None
    assert estimate({"value": None, "low": None, "high": None}) is None
    assert estimate(0.5) == (0.5, None, None)
    assert estimate({"value": 0.5, "low": 0.4, "high": 0.6}) == (0.5, 0.4, 0.6)


def test_pairs_are_comparable_where_all_arms_ran_to_their_end(make: MakeResult) -> None:
    result = make(6, outcomes=["allowed", "blocked_input", "modified", "error", "timeout", "allowed"])
    assert comparable_pairs(result) == [0, 2, 5]
    result["samples"]["outcomes"]["null"][5] = "error"
    assert comparable_pairs(result) == [0, 2]
