"""What `/metrics` says of the cost: counters of a deployment since its start, or between two scrapes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from aligntax.exporters import definitions
from aligntax.inference import Estimate
from aligntax.taxes.cost.resource import ESTIMATED, MEASURED, RAN, Prices, Resource
from aligntax.taxes.record import Refusal

__all__ = ["MAX_BYTES", "Scrape", "parse_scrape", "read_scrape", "resources_of_scrape"]

MAX_BYTES = 64 * 2**20
_PREFIX = "aligntax_"
Labels = frozenset[tuple[str, str]]


class Scrape(NamedTuple):
    """Samples of a scrape.

    Attributes:
        samples: by name and labels.
    """

    samples: Mapping[str, Mapping[Labels, float]]

    def of(self, name: str) -> Iterator[tuple[dict[str, str], float]]:
        """Yield the labels and the value of each sample of a name."""
        for labels, value in self.samples.get(name, {}).items():
            yield dict(labels), value

    def since(self, earlier: Scrape) -> Scrape:
        """Return what was counted from an earlier scrape to this one; gauges as they are now.

        Raises:
            ValueError: if a counter has gone down: it began anew in between.
        """
        found: dict[str, dict[Labels, float]] = {}
        for name, samples in self.samples.items():
            counted = name.endswith(("_total", "_count", "_sum", "_bucket"))
            before = earlier.samples.get(name, {}) if counted else {}
            found[name] = {labels: value - before.get(labels, 0.0) for labels, value in samples.items()}
            if counted and (min(found[name].values(), default=0.0) < 0 or before.keys() - samples.keys()):
                raise ValueError(
                    f"{name} is less than in the earlier scrape: the program began anew in between, or they are in the "
                    "wrong order; take two scrapes of one run"
                )
        return Scrape(found)


def read_scrape(path: Path) -> Scrape:
    """Return what a file with the answer of a `/metrics` endpoint holds of aligntax, in either text format.

    Raises:
        ValueError: if it cannot be read, is too long, is no exposition, or has no metrics of aligntax.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); name a file that exists") from error
    if len(content) > MAX_BYTES:
        raise ValueError(f"{path}: more than {MAX_BYTES // 2**20} MiB; save the answer of one scrape")
    return parse_scrape(content, str(path))


def parse_scrape(content: bytes, name: str) -> Scrape:
    """Return what an answer of `/metrics` holds of aligntax.

    Args:
        content: in either text format.
        name: of where it is from, for messages.

    Raises:
        ValueError: if it is no exposition, or has no metrics of aligntax.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: is no exposition (byte {error.start:,} is no UTF-8)") from error
    samples: defaultdict[str, dict[Labels, float]] = defaultdict(dict)
    try:
        for family in _families(text):
            for sample in family.samples:
                if sample.name.startswith(_PREFIX):
                    if not 0 <= sample.value < math.inf:
                        raise ValueError(f"{sample.name} is {sample.value}")  # noqa: TRY301 (one mend for all)
                    samples[sample.name][frozenset(sample.labels.items())] = float(sample.value)
    except (ValueError, KeyError, IndexError) as error:
        raise ValueError(
            f"{name}: is no exposition of Prometheus ({error!s:.100}); name http://HOST:PORT/metrics, or a file "
            "with what that answers"
        ) from error
    if f"{definitions.REQUEST_DURATION.name}_count" not in samples:
        raise ValueError(
            f"{name}: has no {definitions.REQUEST_DURATION.name}; save the /metrics of a program that aligntax measures"
        )
    return Scrape(samples)


def _families(text: str) -> Iterator[Any]:
    if text.rstrip().endswith("# EOF"):
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics

        return iter(openmetrics(text))  # type: ignore[no-untyped-call]
    from prometheus_client.parser import text_string_to_metric_families

    return iter(text_string_to_metric_families(text))


def resources_of_scrape(scrape: Scrape, prices: Prices, slo_seconds: float | None) -> Iterator[Resource | Refusal]:
    """Yield what each resource costs, or why that is not known; what has no sensor is absent, and never zero.

    Raw is what the models took, and guarded what models and guards took, both over the same useful requests: what a
    deployment would do without its guards it cannot tell, so model time of requests that were blocked is in both.

    Args:
        scrape: what was counted.
        prices: what only the user knows.
        slo_seconds: a request that takes longer is not useful; it must be a bound of a bucket. None: any time is.

    Raises:
        ValueError: if the time is no bound of a bucket; names those.
    """
    useful = _useful(scrape, slo_seconds)
    if not useful:
        message = "no request was allowed" + ("" if slo_seconds is None else f" within {slo_seconds:g} s")
        yield Refusal(
            "all", "no_useful_request", f"{message} in what was scraped; scrape later, or give it a longer time"
        )
        return
    yield from _money(scrape, useful, prices)
    for name, title, unit, counter in (
        ("cpu_seconds", "CPU time", "CPU-seconds", "layer_cpu_seconds_total"),
        ("gpu_seconds", "GPU time", "GPU-seconds", "layer_gpu_seconds_total"),
    ):
        model, guards = _by_kind(scrape, counter)
        if not model and not guards:
            yield Refusal(name, "not_measured", f"{_PREFIX}{counter} is not in the scrape: nothing was timed so")
            continue
        yield _resource(name, title, unit, model / useful, guards / useful, useful, marks=("layers only",))
    yield from _energy(scrape, useful, prices)


def _useful(scrape: Scrape, slo_seconds: float | None) -> float:
    name = definitions.REQUEST_DURATION.name
    if slo_seconds is None:
        return sum(value for labels, value in scrape.of(f"{name}_count") if labels.get("outcome") in RAN)
    buckets = [
        (float(labels["le"]), value)
        for labels, value in scrape.of(f"{name}_bucket")
        if labels.get("outcome") in RAN and "le" in labels
    ]
    bounds = sorted({bound for bound, _ in buckets})
    if buckets and slo_seconds not in bounds:
        raise ValueError(
            f"--slo {slo_seconds:g} s: is no bound of a bucket; use one of {', '.join(f'{each:g}s' for each in bounds)}"
        )
    return sum(value for bound, value in buckets if bound == slo_seconds)


def _by_kind(scrape: Scrape, counter: str, device: str | None = None) -> tuple[float, float]:
    """Return what a counter says of the models and of the guards."""
    kinds = {
        (labels.get("layer"), labels.get("stage")): labels.get("kind")
        for labels, _ in scrape.of(f"{_PREFIX}layer_info")
    }
    model = guards = 0.0
    for labels, value in scrape.of(f"{_PREFIX}{counter}"):
        if device is not None and labels.get("device") != device:
            continue
        if kinds.get((labels.get("layer"), labels.get("stage"))) == "model":
            model += value
        else:
            guards += value
    return model, guards


def _resource(name: str, title: str, unit: str, raw: float, tax: float, useful: float, **more: Any) -> Resource:
    relative = Estimate(tax / raw) if raw > 0 else None
    formula = more.pop("formula", "counted / useful requests; raw is what models took, the tax what guards took")
    return Resource(name, title, unit, raw, Estimate(tax), relative, round(useful), formula, **more)


def _money(scrape: Scrape, useful: float, prices: Prices) -> Iterator[Resource | Refusal]:
    needed = {"no_price": (prices.per_hour, "--price-per-hour"), "no_node_hours": (prices.node_hours, "--node-hours")}
    missing = [(reason, option) for reason, (value, option) in needed.items() if value is None]
    for reason, option in missing:
        yield Refusal("currency", reason, f"what only you know is missing; give {option}")
    total = sum(
        value for labels, value in scrape.of(f"{definitions.REQUEST_DURATION.name}_sum") if labels.get("outcome") in RAN
    )
    taxes = [value for _, value in scrape.of(f"{definitions.REQUEST_TAX.name}_sum")]
    tax = sum(taxes)
    if missing or prices.per_hour is None or prices.node_hours is None:
        return
    if not taxes or not 0 <= tax < total:
        yield Refusal("currency", "no_request_time", "the time of requests and their tax are not in the scrape")
        return
    whole = prices.per_hour * prices.node_hours / useful
    yield _resource(
        "currency",
        "Price",
        prices.currency,
        whole * (1 - tax / total),
        whole * tax / total,
        useful,
        basis=ESTIMATED,
        formula="price per hour * node-hours / useful requests, apportioned by the time of requests",
        origins=("price and node-hours from the user", definitions.REQUEST_TAX.name),
    )


def _energy(scrape: Scrape, useful: float, prices: Prices) -> Iterator[Resource | Refusal]:
    readings = [
        (labels.get("device", ""), labels.get("source", ""), value)
        for labels, value in scrape.of(f"{definitions.DEVICE_ENERGY.name}_total")
    ]
    if not readings:
        yield Refusal("joules", "no_sensor", "the scrape has no energy counter: the machine has none that can be read")
    else:
        raw = tax = 0.0
        for device, _, joules in readings:
            share = _guards_share(scrape, device)
            if share is None:
                message = f"what guards have of the energy of {device} is not known: no layer was timed there"
                yield Refusal("joules", "no_share", message)
                break
            raw, tax = raw + joules * (1 - share), tax + joules * share
        else:
            estimated = any(source.endswith("_estimated") for _, source, _ in readings)
            yield _resource(
                "joules",
                "Energy",
                "J",
                raw / useful,
                tax / useful,
                useful,
                basis=ESTIMATED,
                formula="energy of the devices / useful requests, apportioned by what layers were timed on them",
                origins=tuple(f"{source} {device}" for device, source, _ in readings),
                marks=("idle power included", f"the sum is {ESTIMATED if estimated else MEASURED}"),
            )
    if prices.idle_watts is None or prices.node_hours is None:
        options = [
            option
            for option, value in (("--idle-watts", prices.idle_watts), ("--node-hours", prices.node_hours))
            if value is None
        ]
        yield Refusal(
            "idle_joules",
            "no_idle_power",
            f"what the machine draws while idle is not known; give {' and '.join(options)}",
        )
        return
    idle = prices.idle_watts * prices.node_hours * 3600 / useful
    yield Resource(
        "idle_joules",
        "Idle energy",
        "J",
        idle,
        Estimate(0.0),
        Estimate(0.0) if idle else None,
        round(useful),
        "idle power * node-hours / useful requests; nobody's tax",
        ESTIMATED,
        ("idle power and node-hours from the user",),
    )


def _guards_share(scrape: Scrape, device: str) -> float | None:
    """Return the share of the timed work of a device that is guards'; None where none was timed."""
    on_gpu = device.startswith("gpu")
    counter = "layer_gpu_seconds_total" if on_gpu else "layer_cpu_seconds_total"
    model, guards = _by_kind(scrape, counter, device if on_gpu else None)
    return guards / (model + guards) if model + guards > 0 else None
