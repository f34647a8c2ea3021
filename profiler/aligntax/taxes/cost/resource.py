"""What one resource costs per useful request, raw against guarded, and the figures that tell it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aligntax.inference import Estimate, cluster_bootstrap
from aligntax.taxes.by_interval import verdict_by_interval
from aligntax.taxes.record import Figure, Refusal
from aligntax.trace import Outcome

__all__ = ["ESTIMATED", "MEASURED", "RAN", "Prices", "Resource", "figures_of", "per_useful_request"]

MEASURED, ESTIMATED = "measured", "estimated"
RAN = tuple(outcome.value for outcome in Outcome if outcome.comparable)
"""How requests end that may be useful."""
_MILLION = 1e6
_LIKELY = 1e-3
_LEAST, _MOST = 1e-9, 1e15
BOOTSTRAP_RESAMPLES = 999
_NO_TOKENS = Refusal(
    "per_million_tokens",
    "no_tokens",
    "how many tokens a useful request has is not known: chunks are no tokens; give --tokens-per-request",
)
Column = NDArray[np.float64]


class Prices(NamedTuple):
    """What only the user knows.

    Attributes:
        per_hour: price of a node for an hour; None where there is none.
        currency: that it is in.
        nodes: how many answered together, of a result of `aligntax bench`.
        node_hours: that metrics are of; None where it is not known.
        tokens_per_request: useful tokens of a useful request on average; None where it is not known.
        idle_watts: of a node while it does nothing; None where it is not known.
    """

    per_hour: float | None = None
    currency: str = "USD"
    nodes: float = 1.0
    node_hours: float | None = None
    tokens_per_request: float | None = None
    idle_watts: float | None = None

    def check(self) -> None:
        """Refuse what is no price, no currency, no time and no power.

        Raises:
            ValueError: names the option, its value and what it must be.
        """
        if not 0 < len(self.currency) <= 20 or not self.currency.isprintable() or self.currency.isspace():
            raise ValueError(f"--currency {self.currency!r:.40}: is no name of a currency; write e.g. USD or EUR")
        for name, value in self._asdict().items():
            least = 0.0 if name in ("per_hour", "idle_watts") else _LEAST
            if isinstance(value, int | float) and not least <= value <= _MOST:
                option = "--price-per-hour" if name == "per_hour" else f"--{name.replace('_', '-')}"
                raise ValueError(f"{option} {value:g}: must be a number from {least:g} to {_MOST:g}")


class Resource(NamedTuple):
    """One resource per useful request.

    Attributes:
        name: e.g. `"cpu_seconds"`.
        title: for people.
        unit: that it is counted in.
        raw: without guards; None where only what guards add is known.
        tax: what guards add.
        relative: as a share of raw; None where it is not known.
        n: useful guarded requests.
        formula: what was computed.
        basis: `measured` or `estimated`.
        origins: sensors or counters that said so.
        marks: what else a reader must know.
    """

    name: str
    title: str
    unit: str
    raw: float | None
    tax: Estimate
    relative: Estimate | None
    n: int
    formula: str
    basis: str = MEASURED
    origins: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()


def per_useful_request(
    raw: Column,
    raw_useful: Column,
    guarded: Column,
    guarded_useful: Column,
    clusters: Any,
    *,
    resamples: int = BOOTSTRAP_RESAMPLES,
) -> tuple[float, Estimate, Estimate | None]:
    """Return what a useful request takes raw, what guards add to that, and that as a share of raw.

    What all requests took, over how many of them were useful: what a useless one took is paid for, too. Intervals by
    drawing prompts anew, both arms together: such ratios are skewed where few requests are useless, and a symmetric
    interval would leave the truth out too often.

    Args:
        raw: of each request, shape (n,), 0 or more.
        raw_useful: 1 where a request was useful, else 0; at least one is.
        guarded: of the same requests in the same order.
        guarded_useful: as `raw_useful`.
        clusters: the prompt of each request.
        resamples: how many draws.

    Returns:
        The last one None where raw took nothing. Without intervals where prompts are so few, or so few of them useful,
        that a draw could be without any.
    """
    sums = _by_cluster((raw, raw_useful, guarded, guarded_useful), clusters)

    def tax(chosen: NDArray[np.float64]) -> float:
        before, after = _per_useful(chosen)
        return after - before

    def share(chosen: NDArray[np.float64]) -> float:
        before, after = _per_useful(chosen)
        return after / before - 1 if before > 0 else 0.0

    base = _per_useful(sums)[0]
    barren = float(sum((1 - (sums[:, column] > 0).mean()) ** len(sums) for column in (0, 1, 3)))
    if barren * resamples > _LIKELY:
        return base, Estimate(tax(sums)), Estimate(share(sums)) if base > 0 else None
    found = cluster_bootstrap(tax, sums, resamples=resamples)
    return base, found, cluster_bootstrap(share, sums, resamples=resamples) if base > 0 else None


def _per_useful(sums: NDArray[np.float64]) -> tuple[float, float]:
    raw, raw_useful, guarded, guarded_useful = sums.sum(axis=0).tolist()
    # A draw without a useful request is as good as impossible, and must be a number all the same.
    return raw / max(raw_useful, 0.5), guarded / max(guarded_useful, 0.5)


def _by_cluster(columns: tuple[Column, ...], clusters: Any) -> NDArray[np.float64]:
    """Return the sums of columns over each cluster, shape (clusters, columns)."""
    groups = np.unique(np.asarray(clusters), return_inverse=True)[1]
    return np.column_stack([np.bincount(groups, weights=column) for column in columns])


def figures_of(resource: Resource, prices: Prices, source: str) -> Iterator[Figure | Refusal]:
    """Yield what a resource costs per useful request and per million tokens, or why that is not known."""
    yield _figure(resource, "request", "useful request", 1.0, source)
    if prices.tokens_per_request is not None:
        yield _figure(resource, "million_tokens", "million useful tokens", _MILLION / prices.tokens_per_request, source)
    else:
        yield _NO_TOKENS


def _figure(resource: Resource, name: str, each: str, factor: float, source: str) -> Figure:
    tax = Estimate(*(None if end is None else end * factor for end in resource.tax))  # type: ignore[arg-type]
    raw = None if resource.raw is None else resource.raw * factor
    formula = f"({resource.formula}) * 1e6 / tokens per request" if name == "million_tokens" else resource.formula
    return Figure(
        f"{resource.name}.{name}",
        f"{resource.title} per {each}",
        tax,
        f"{resource.unit} per {each}",
        resource.relative,
        raw=raw,
        verdict=verdict_by_interval(tax),
        n=resource.n,
        formula=formula,
        marks=(resource.basis, *resource.marks),
        sources=(source,),
        more={
            "raw": raw,
            "guarded": None if raw is None else raw + tax.value,
            "basis": resource.basis,
            "origins": list(resource.origins),
        },
    )
