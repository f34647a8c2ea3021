"""PromQL for the dashboard. Variables and the interval of a rate are filled in by Grafana."""

from __future__ import annotations

from collections.abc import Sequence

from aligntax.deploy.panel import Query
from aligntax.deploy.rules import ERROR_BUDGET

NOW = "5m"
"""Window of the figures in the first row; long enough to hold requests where there are few."""

QUANTILES = (0.5, 0.95, 0.99)
HERE = 'instance=~"$instance"'
ANY = f'model=~"$model", {HERE}'
ENDED = f'outcome=~"allowed|modified", {ANY}'


def rate(metric: str, labels: str, by: str = "", window: str = "$__rate_interval") -> str:
    """Return the sum of a counter's rates over all series with these labels, by none or some of them."""
    return f"sum{f' by ({by})' if by else ''} (rate({metric}{{{labels}}}[{window}]))"


def quantile(q: float, metric: str, labels: str, by: str = "", window: str = "$__rate_interval") -> str:
    """Return a quantile of a histogram, interpolated in its bucket."""
    grouped = f"{by}, le" if by else "le"
    return f"histogram_quantile({q}, {rate(f'{metric}_bucket', labels, grouped, window)})"


def quantiles(metric: str, labels: str, legend: str = "", of: Sequence[float] = QUANTILES) -> list[Query]:
    """Return some quantiles of a histogram as the queries of one graph."""
    return [Query(quantile(q, metric, labels), f"{legend} p{q * 100:g}".strip()) for q in of]


def quantiles_by_layer(metric: str) -> tuple[Query, ...]:
    """Return the median and the p99 of a histogram for each layer."""
    return tuple(Query(quantile(q, metric, HERE, "layer"), f"{{{{layer}}}} p{q * 100:g}") for q in (0.5, 0.99))


def before_and_after(metric: str) -> tuple[Query, ...]:
    """Return median and p99 of a metric of streams, as the model made it and as it was passed on."""
    upstream = quantiles(f"aligntax_upstream_{metric}", ANY, "model", (0.5, 0.99))
    return (*upstream, *quantiles(f"aligntax_{metric}", ANY, "passed on", (0.5, 0.99)))


def tax_ratio(window: str) -> str:
    """Return tax over raw time, both summed over a window, as the recording rules do, but for the chosen instances."""
    tax = rate("aligntax_request_tax_seconds_sum", ANY, "", window)
    whole = rate("aligntax_request_duration_seconds_sum", ENDED, "", window)
    return f"{tax} / ({whole} - {tax} > 0)"


def burn(window: str) -> str:
    """Return how many times faster than allowed each model spends its tax budget, from the recording rules."""
    return f'max by (model) (model:aligntax_tax_over_budget:ratio_rate{window}{{model=~"$model"}}) / {ERROR_BUDGET}'
