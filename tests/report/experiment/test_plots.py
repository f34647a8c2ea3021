"""Drawings: the same each time, in the page's colours, with anybody's names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntax.inference import Estimate
from aligntax.report.experiment.plots.distribution import (
    CURVE_POINTS,
    paint_differences,
    paint_distributions,
    thinned,
)
from aligntax.report.page.plots.canvas import ROLES, Drawing, Paint, draw
from aligntax.report.page.plots.curves import Line, Series, paint_curve, paint_trend
from aligntax.report.page.plots.rows import MAX_ROWS, Bar, Row, paint_rows, rows_height
from aligntax.report.page.plots.scale import Unit, shortened, unit_for

from .conftest import HOSTILE

MS = Unit(1e3, "ms")


def samples(n: int, seed: int = 0) -> list[float]:
    return np.random.default_rng(seed).lognormal(-4, 0.3, n).tolist()


def rows(names: Sequence[str]) -> Paint:
    bars = [
        Row(name, "+1.00 ms", (Bar(0, 0.002, "raw", faint=True), Bar(0, 0.001, "tax")), (0, 0.002)) for name in names
    ]
    return paint_rows(bars, MS, "mean", [("tax", "share"), ("raw~", "busy")])


ESTIMATES = [Estimate(0.001 * place, 0.0008 * place, 0.0012 * place) for place in (1, 3, 9, 27)]
PAINTS: dict[str, Paint] = {
    "rows": rows(["pii", HOSTILE, "$x_{1}", "_hidden", "検閲フィルター" * 9]),
    "many-rows": rows([f"guard {number}" for number in range(MAX_ROWS)]),
    "empty-bars": paint_rows([Row("pii", "0 s", (Bar(0, 0.0, "tax"),))], MS, "mean", [("tax", "share")]),
    "bonus": paint_rows([Row("pii", "-1 ms", (Bar(0, -0.001, "tax"),), (-0.002, 0.0))], MS, "mean", [("tax", "share")]),
    "distribution": paint_distributions({"raw": samples(300), "guarded": samples(300, 1), "null": samples(300, 2)}, MS),
    "one-sample": paint_distributions({"raw": [0.01], "guarded": [0.01]}, MS),
    "zero-samples-apart": paint_distributions({"raw": [0.0, 0.0], "guarded": [0.0, 0.0]}, MS),
    "differences": paint_differences(samples(300), samples(300, 1), 0.02, (0.018, 0.022), MS),
    "one-difference": paint_differences([0.001], [], 0.001, None, MS),
    "no-difference": paint_differences([0.0] * 9, [0.0] * 9, 0.0, (0.0, 0.0), MS),
    "curve": paint_curve(
        [Series("tax", "tax", (1, 10, 100, 1000), ESTIMATES)],
        across="patterns",
        up="tax, ms",
        factor=1e3,
        logarithmic=True,
        fitted=Line("fit", (1, 10, 100), (0.001, 0.003, 0.009)),
    ),
    "curve-of-one": paint_curve(
        [Series("tax", "tax", (1,), [Estimate(-0.001)])], across="a", up="b", factor=1e3, logarithmic=True
    ),
    "trend": paint_trend(ESTIMATES, ["2025-01-01", "2025-02-01", "2025-03-01", "2025-04-01"], [2]),
    "long-trend": paint_trend([Estimate(0.1)] * 200, ["2025-01-01"] * 200, []),
}


def drawn(name: str, heights: tuple[float, float] = (300.0, 300.0)) -> str:
    return str(draw(Drawing(name, HOSTILE, f"what {HOSTILE} shows", PAINTS[name], heights)))


def parsed(drawings: str) -> ElementTree.Element:
    return ElementTree.fromstring(f"<both>{drawings}</both>")  # noqa: S314 (drawn here)


@pytest.mark.parametrize("name", PAINTS)
def test_a_drawing_is_two_well_formed_elements_with_a_title_and_a_description(name: str) -> None:
    root = parsed(drawn(name))
    assert [drawing.get("class") for drawing in root] == ["plot wide", "plot narrow"]
    identities = [node.get("id") for node in root.iter() if node.get("id")]
    assert len(identities) == len(set(identities))
    for drawing in root:
        assert drawing.get("role") == "img"
        title, description = (root.find(f".//*[@id='{name}']") for name in drawing.attrib["aria-labelledby"].split())
        assert title is not None
        assert description is not None
        assert (title.tag, title.text) == ("title", HOSTILE)
        assert (description.tag, description.text) == ("desc", f"what {HOSTILE} shows")
        references = re.findall(r"url\(#([^)]+)\)", ElementTree.tostring(drawing, encoding="unicode"))
        hrefs = [node.attrib["href"][1:] for node in drawing.iter() if "href" in node.attrib]
        assert {*references, *hrefs} <= {*identities}


@pytest.mark.parametrize("name", PAINTS)
def test_all_colours_and_fonts_are_the_pages(name: str) -> None:
    text = drawn(name)
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[;\"])", re.sub(r'"#[^"]*"', "", text)) == []
    assert set(re.findall(r"var\(--([a-z]+)\)", text)) <= set(ROLES)
    assert "font-family" not in text
    assert "mathdefault" not in text
    assert not re.search(r"<(metadata|style|script|image|a)\b", text)
    assert "http" not in text
    assert "nan" not in re.sub(r">[^<]*<", "><", text)


@pytest.mark.parametrize("name", ["rows", "distribution", "curve"])
def test_the_same_drawing_is_the_same_text_whatever_the_settings_here_are(name: str) -> None:
    first = drawn(name)
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.fonttype": "path"}):
        assert drawn(name) == first
        assert matplotlib.rcParams["font.size"] == 30  # and it leaves them alone


def test_names_are_text_and_no_markup() -> None:
    root = parsed(drawn("rows", rows_height(5)))
    texts = [node.text or "" for node in root.iter("text")]
    assert "$x_{1}" in texts
    assert "_hidden" in texts
    assert any(text.startswith("<script>") and "…" in text for text in texts)
    assert {"share", "busy"} <= {*texts}
    assert not list(root.iter("script"))


@given(st.text(min_size=1, max_size=150), st.integers(5, 40))
def test_a_short_name_fits_and_keeps_both_ends(name: str, cells: int) -> None:
    from rich.cells import cell_len

    found = shortened(name, cells)
    assert cell_len(found) <= cells
    assert found == name or "…" in found


@given(st.lists(st.floats(0, 1e3, allow_subnormal=False), min_size=1, max_size=3000), st.floats(0, 1e3))
@settings(deadline=None)
def test_a_thinned_curve_is_close_to_the_whole(values: list[float], place: float) -> None:
    kept, parts = thinned(values)
    assert len(kept) <= CURVE_POINTS
    assert (kept[0], kept[-1], parts[-1]) == (min(values), max(values), 1.0)
    below = parts[np.searchsorted(kept, place, side="right") - 1] if place >= kept[0] else 0.0
    true = float(np.mean(np.asarray(values) <= place))
    assert 0 <= true - below <= 1 / (CURVE_POINTS - 1) + 1e-12


@pytest.mark.parametrize(("seconds", "unit"), [(2.0, "s"), (0.002, "ms"), (-2e-6, "us"), (3e-9, "ns"), (0.0, "ns")])
def test_an_axis_has_the_unit_that_suits(seconds: float, unit: str) -> None:
    assert unit_for(seconds).name == unit


def test_heights_grow_with_the_rows() -> None:
    heights: list[Any] = [rows_height(count) for count in (1, 5, 30)]
    assert heights == sorted(heights)


def _luminance(colour: str) -> float:
    wide = "".join(2 * digit for digit in colour) if len(colour) == 3 else colour
    parts = (int(wide[at : at + 2], 16) / 255 for at in (0, 2, 4))
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(first: str, second: str) -> float:
    """Return the contrast of two colours by WCAG 2.2, section 1.4.3."""
    dark, light = sorted(map(_luminance, (first, second)))
    return (light + 0.05) / (dark + 0.05)


STYLE = files("aligntax.report.page").joinpath("page.css").read_text()
PALETTES = [
    dict(re.findall(r"--([a-z]+): #([0-9a-f]{3,6});", block))
    for block in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
][:2]


@pytest.mark.parametrize("palette", PALETTES, ids=["light", "dark"])
def test_the_palette_has_contrast(palette: dict[str, str]) -> None:
    """4.5 for text, and 3 for what is drawn, on everything that they may stand on: level AA."""
    for ground in ("ground", "panel", "note"):
        assert min(_contrast(palette[text], palette[ground]) for text in ("text", "soft", "accent")) >= 4.5
    for ground in ("ground", "panel"):
        assert min(_contrast(palette[role], palette[ground]) for role in ("raw", "guarded", "null", "tax")) >= 3


def test_drawings_are_made_in_the_pages_light_colours() -> None:
    light, dark = PALETTES
    assert {role: f"#{light[role]}" for role in ROLES} == ROLES
    assert set(light) == set(dark)
