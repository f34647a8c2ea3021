"""The Grafana dashboard as JSON. The only module that needs grafana-foundation-sdk, a development dependency."""

from __future__ import annotations

import json
from collections.abc import Iterator

from aligntax.deploy.panel import Panel, Row
from aligntax.deploy.panels import ROWS

try:
    from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models import common as common_models
    from grafana_foundation_sdk.models import dashboard as models
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"the dashboard is generated with {error.name}, which is not installed; run: pip install -e '.[dev]'"
    ) from error

UID = "aligntax"
_SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
_WIDTH = 24
_HEIGHTS = {"now": 4, "trend": 8, "stack": 8}
_STEP_COLORS = ("green", "yellow", "orange", "red")


def dashboard_json() -> str:
    """Return the dashboard, ready to be imported or provisioned."""
    board = (
        dashboard.Dashboard("Alignment tax")
        .uid(UID)
        .description("What the safety guards around a model cost: in latency, compute and discarded work.")
        .tags(["aligntax"])
        .time("now-1h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .editable()
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(_variable("instance", "Instance", "aligntax_build_info"))
        .with_variable(_variable("model", "Model", 'aligntax_request_duration_seconds_count{instance=~"$instance"}'))
    )
    number, top = 0, 0
    for row in ROWS:
        number += 1
        board.with_row(dashboard.Row(row.title).id(number).grid_pos(models.GridPos(h=1, w=_WIDTH, x=0, y=top)))
        top += 1
        for panel, place in _places(row, top):
            number += 1
            board.with_panel(_built(panel).id(number).grid_pos(place))
            top = max(top, place.y + place.h)
    return json.dumps(board.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def _variable(name: str, label: str, series: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(_SOURCE)
        .query(f"label_values({series}, {name})")
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(models.VariableOption(selected=True, text="All", value="$__all"))
    )


def _places(row: Row, top: int) -> Iterator[tuple[Panel, models.GridPos]]:
    """Yield the panels of a row side by side: figures all in one line, graphs three in a line, the last ones wider."""
    left = list(row.panels)
    while left:
        count = len(left) if left[0].kind == "now" else 2 if len(left) in {2, 4, 5} else 3
        line, left = left[:count], left[count:]
        width, height = _WIDTH // len(line), max(_HEIGHTS[panel.kind] for panel in line)
        for index, panel in enumerate(line):
            yield panel, models.GridPos(h=height, w=width, x=index * width, y=top)
        top += height


def _built(panel: Panel) -> stat.Panel | timeseries.Panel:
    built = _figure(panel) if panel.kind == "now" else _graph(panel)
    built.title(panel.title).description(panel.description).unit(panel.unit).datasource(_SOURCE).min(0)
    if panel.empty is not None:
        built.no_value(panel.empty)
    for letter, query in zip("ABCDEFGHI", panel.queries, strict=False):
        target = prometheus.Dataquery().ref_id(letter).expr(query.expr).datasource(_SOURCE)
        if query.legend:
            target.legend_format(query.legend)
        built.with_target(target.instant() if panel.kind == "now" else target.range())
    return built


def _figure(panel: Panel) -> stat.Panel:
    steps = [
        models.Threshold(value=value, color=color)
        for value, color in zip((None, *panel.steps), _STEP_COLORS, strict=False)
    ]
    return (
        stat.Panel()
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .graph_mode(common_models.BigValueGraphMode.NONE)
        .color_mode(common_models.BigValueColorMode.VALUE if panel.steps else common_models.BigValueColorMode.NONE)
        .thresholds(dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps))
    )


def _graph(panel: Panel) -> timeseries.Panel:
    built = (
        timeseries.Panel()
        .legend(common.VizLegendOptions().show_legend(True).placement(common_models.LegendPlacement.BOTTOM))
        .tooltip(
            common.VizTooltipOptions()
            .mode(common_models.TooltipDisplayMode.MULTI)
            .sort(common_models.SortOrder.DESCENDING)
        )
        .show_points(common_models.VisibilityMode.AUTO)
    )
    if panel.kind == "stack":
        built.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL).group("A")).fill_opacity(30)
    if panel.total is not None:
        apart = [
            models.DynamicConfigValue("custom.stacking", {"mode": "none", "group": "B"}),
            models.DynamicConfigValue("custom.fillOpacity", 0),
            models.DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [8, 6]}),
        ]
        built.override_by_name(panel.total, apart)
    return built
