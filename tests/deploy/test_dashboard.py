"""The dashboard without a server: its layout, its words, and the names that its queries use."""

from __future__ import annotations

import re
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from aligntax.exporters.definitions import DEFINITIONS

UNITS = {"s", "percentunit", "reqps", "ops", "cps", "bytes", "watt", "short"}
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "info": ("_info",), "histogram": ("_bucket", "_sum", "_count")}
EXPORTED = {definition.name + suffix for definition in DEFINITIONS for suffix in SUFFIXES[definition.type]}
# What a layer is, each panel on layers says by itself.
NOT_SHOWN = {"aligntax_layer"}

Panels = list[dict[str, Any]]


def expressions(panels: Panels) -> list[str]:
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_identifiers_are_unique(dashboard: dict[str, Any]) -> None:
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(numbers)) == len(numbers)
    assert dashboard["uid"] == "aligntax"


def test_no_two_panels_lie_on_each_other(dashboard: dict[str, Any]) -> None:
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    for place in places:
        assert place["x"] >= 0
        assert place["w"] > 0
        assert place["h"] > 0
        assert place["x"] + place["w"] <= 24
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below, (one, other)


def test_every_line_is_filled(dashboard: dict[str, Any]) -> None:
    widths: dict[int, int] = {}
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        widths[place["y"]] = widths.get(place["y"], 0) + place["w"]
    assert set(widths.values()) == {24}
    heights = {panel["gridPos"]["y"]: panel["gridPos"]["h"] for panel in dashboard["panels"]}
    assert all(upper + heights[upper] == lower for upper, lower in pairwise(sorted(heights)))


def test_every_panel_says_what_it_shows(panels: Panels) -> None:
    for panel in panels:
        assert len(panel["description"]) > 40, panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]
        assert panel["targets"], panel["title"]


def test_series_of_one_panel_have_names_of_their_own(panels: Panels) -> None:
    for panel in panels:
        names = [target.get("legendFormat") for target in panel["targets"]]
        assert len(set(names)) == len(names), panel["title"]
        assert all(names) or panel["type"] == "stat", panel["title"]
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters), panel["title"]


def test_sensors_that_may_be_missing_are_explained(panels: Panels) -> None:
    of_devices = [panel for panel in panels if "aligntax_device_" in str(panel["targets"])]
    assert len(of_devices) == 3
    for panel in of_devices:
        assert "Empty without the sensor" in panel["description"]
        assert panel["fieldConfig"]["defaults"]["noValue"] == "no sensor"


def test_all_of_it_asks_the_chosen_data_source(dashboard: dict[str, Any], panels: Panels) -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    assert list(variables) == ["datasource", "instance", "model"]
    assert variables["datasource"]["query"] == "prometheus"
    for name in ("instance", "model"):
        assert variables[name]["multi"], name
        assert variables[name]["includeAll"], name
        assert variables[name]["datasource"] == chosen, name
    for panel in panels:
        assert panel["datasource"] == chosen
        assert all(target["datasource"] == chosen for target in panel["targets"])


def test_queries_use_known_metrics_and_variables(pack: Path, panels: Panels) -> None:
    rules = yaml.safe_load((pack / "prometheus/rules/recording.yml").read_text(encoding="utf-8"))
    recorded = {rule["record"] for group in rules["groups"] for rule in group["rules"]}
    for expression in expressions(panels):
        names = set(re.findall(r"[a-z0-9_]*:?aligntax_[a-z0-9_:]+", expression))
        assert names, expression
        assert names <= EXPORTED | recorded, expression
        assert set(re.findall(r"\$\w+", expression)) <= {"$instance", "$model", "$__rate_interval"}, expression


def test_every_exported_metric_is_on_it(dashboard: dict[str, Any], panels: Panels) -> None:
    text = " ".join(expressions(panels)) + str(dashboard["templating"])
    unused = {
        definition.name
        for definition in DEFINITIONS
        if not any(re.search(rf"\b{definition.name}{suffix}\b", text) for suffix in SUFFIXES[definition.type])
    }
    assert unused == NOT_SHOWN


@pytest.mark.parametrize(
    "definition", [found for found in DEFINITIONS if "model" in found.labels], ids=lambda found: found.name
)
def test_the_model_is_chosen_where_there_is_one(definition: Any, panels: Panels) -> None:
    """The guards' shares are of all models; so must be what they are compared with."""
    of_guards = {"Mean tax of a request, by guard", "Time in no layer"}
    selectors = [
        found
        for panel in panels
        if panel["title"] not in of_guards
        for found in re.findall(rf"\b{definition.name}(?:_\w+)?\{{([^}}]*)\}}", str(expressions([panel])))
    ]
    assert selectors
    assert all('model=~"$model"' in selector and 'instance=~"$instance"' in selector for selector in selectors)
