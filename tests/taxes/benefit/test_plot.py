"""The plot of the trade-off: drawn from a record's plain data, for a page and as a file of its own."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from aligntax.report.page.plots.canvas import draw
from aligntax.report.page.plots.front import front_drawing
from aligntax.taxes.benefit.svg import standalone


def around(value: float, share: float = 0.1) -> dict[str, float | None]:
    return {"value": value, "low": value * (1 - share), "high": value * (1 + share)}


def point(name: str, success: float, alarms: float, tax: float, *dominated_by: str) -> dict[str, Any]:
    return {
        "name": name,
        "attack_success": around(success),
        "false_positives": around(alarms),
        "tax": around(tax),
        "dominated": bool(dominated_by),
        "dominated_by": list(dominated_by),
        "clearly": True,
    }


@pytest.fixture
def front() -> dict[str, Any]:
    return {
        "objectives": ["attack_success", "false_positives", "tax"],
        "tax": {"title": "latency of a request", "unit": "seconds"},
        "points": [
            point("cheap <&> quick", 0.4, 0.01, 0.002),
            point("beside it", 0.401, 0.01, 0.0021, "cheap <&> quick"),
            point("worse", 0.5, 0.05, 0.03, "cheap <&> quick"),
            point("no guards", 1.0, 0.0, 0.0),
        ],
    }


def words(svg: str) -> list[str]:
    return [text for text in ElementTree.fromstring(svg).itertext() if text.strip()]  # noqa: S314 (drawn just now)


def test_the_model_alone_may_be_dominated_too(front: dict[str, Any]) -> None:
    front["points"] = [point("bonus", 0.4, 0.0, -0.002), point("no guards", 1.0, 0.0, 0.0, "bonus")]
    front["points"][0]["tax"] |= {"low": -0.003, "high": -0.001}
    drawing = front_drawing(front)
    assert drawing is not None
    assert "dominated: no guards" in drawing.description


def test_what_is_drawn(front: dict[str, Any]) -> None:
    drawing = front_drawing(front)
    assert drawing is not None
    assert "dominated: beside it, worse" in drawing.description
    found = words(standalone(drawing))
    assert {"cheap <&> quick", "worse", "no guards", "on the front", "dominated", "without guards"} <= set(found)
    assert "1, 2" in found  # two points on one another share a label
    assert "tax, latency of a request, ms" in found
    assert "FP 5.00 %" in found


def test_a_page_gets_both_widths(front: dict[str, Any]) -> None:
    drawing = front_drawing(front)
    assert drawing is not None
    assert re.findall(r'class="plot (\w+)"', draw(drawing)) == ["wide", "narrow"]


def test_a_file_of_its_own_has_its_colours(front: dict[str, Any]) -> None:
    drawing = front_drawing(front)
    assert drawing is not None
    text = standalone(drawing)
    root = ElementTree.fromstring(text)  # noqa: S314 (drawn just now)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert (root.attrib["width"], root.attrib["height"]) == ("820", "340")
    used, defined = (set(re.findall(pattern, text)) for pattern in (r"var\(--(\w+)\)", r"--(\w+):"))
    assert used <= defined
    assert "prefers-color-scheme:dark" in text


@pytest.mark.parametrize(
    ("unit", "label"),
    [
        ("share of raw", "tax, latency of a request, % of raw"),
        ("share", "tax, latency of a request, %"),
        ("joules", "tax, latency of a request, joules"),
    ],
)
def test_units(unit: str, label: str, front: dict[str, Any]) -> None:
    front["tax"]["unit"] = unit
    drawing = front_drawing(front)
    assert drawing is not None
    assert label in words(standalone(drawing))


def test_without_a_tax_false_positives_stand_below(front: dict[str, Any]) -> None:
    front.update(objectives=["attack_success", "false_positives"], tax=None)
    drawing = front_drawing(front)
    assert drawing is not None
    assert "false positives, %" in words(standalone(drawing))
    assert front_drawing({**front, "objectives": ["attack_success"]}) is None


def test_an_estimate_may_lack_its_interval(front: dict[str, Any]) -> None:
    front["points"][0]["tax"] = {"value": 0.002, "low": None, "high": None}
    drawing = front_drawing(front)
    assert drawing is not None
    assert standalone(drawing) == standalone(drawing)
