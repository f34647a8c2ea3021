"""What a deployment chooses."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from aligntax.histogram import FINE_BOUNDS, RATIO_BOUNDS

MAX_PORT = 65535
MAX_TARGETS = 1000
DEFAULT_TARGET = "127.0.0.1:9464"

_TARGET = re.compile(
    r"(?P<host>[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\]):(?P<port>[0-9]{1,5})"
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the files are filled in with.

    Attributes:
        budget: tax ratio that 99 of 100 requests are to stay within; a bucket bound of `aligntax_request_tax_ratio`.
        guard_p99_seconds: what the p99 of a guard's calls is to stay within; a bucket bound of
            `aligntax_layer_duration_seconds`.
        targets: `host:port` of the metrics servers to scrape.
        prometheus_port, grafana_port: where these listen, on the loopback address.

    Raises:
        ValueError: if one of them cannot be; names it, and what can.
    """

    budget: float = 0.05
    guard_p99_seconds: float = 0.25
    targets: tuple[str, ...] = (DEFAULT_TARGET,)
    prometheus_port: int = 9090
    grafana_port: int = 3000

    def __post_init__(self) -> None:
        _require_bound("budget", self.budget, RATIO_BOUNDS, "aligntax_request_tax_ratio")
        _require_bound("guard_p99_seconds", self.guard_p99_seconds, FINE_BOUNDS, "aligntax_layer_duration_seconds")
        if not 1 <= len(self.targets) <= MAX_TARGETS:
            raise ValueError(f"target: {len(self.targets)} of them; name 1 to {MAX_TARGETS}, each as host:port")
        for target in self.targets:
            found = _TARGET.fullmatch(target)
            if found is None or not 1 <= int(found["port"]) <= MAX_PORT:
                raise ValueError(
                    f"target={target!r:.120} is no address to scrape; use host:port without a scheme or a path, "
                    f"such as {DEFAULT_TARGET} or [::1]:9464"
                )
            if self.targets.count(target) > 1:
                raise ValueError(f"target={target!r} is named twice; name each once")
        for name, port in (("prometheus_port", self.prometheus_port), ("grafana_port", self.grafana_port)):
            if not 1 <= port <= MAX_PORT:
                raise ValueError(f"{name}={port} is not a port; use 1 to {MAX_PORT}")
        if self.prometheus_port == self.grafana_port:
            raise ValueError(f"prometheus_port and grafana_port are both {self.grafana_port}; use two ports")

    def values(self) -> Mapping[str, str]:
        """Return what stands for each placeholder. Bounds are written as the exposition's `le` labels are."""
        return {
            "budget": repr(float(self.budget)),
            "guard_seconds": repr(float(self.guard_p99_seconds)),
            "targets": json.dumps(list(self.targets)),
            "prometheus_port": str(self.prometheus_port),
            "grafana_port": str(self.grafana_port),
        }


def _require_bound(name: str, value: float, bounds: tuple[float, ...], metric: str) -> None:
    if value not in bounds:
        raise ValueError(
            f"{name}={value} is no bucket bound of {metric}, so that no alert can tell what exceeds it; "
            f"use one of {', '.join(f'{bound:g}' for bound in bounds)}"
        )
