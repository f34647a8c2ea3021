"""The compute and its price: joules, CPU and GPU time and money per useful request, raw against guarded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from aligntax.experiment.result import SCHEMA
from aligntax.taxes.cost.bench import resources_of_bench
from aligntax.taxes.cost.metrics import read_scrape, resources_of_scrape
from aligntax.taxes.cost.resource import Prices, Resource, figures_of
from aligntax.taxes.reading import read_bench
from aligntax.taxes.record import Figure, Refusal, TaxRecord, provenance

__all__ = ["Prices", "cost_of"]


def cost_of(path: Path, prices: Prices, *, slo_seconds: float | None = None, since: Path | None = None) -> TaxRecord:
    """Return what a deployment costs per useful request and per million tokens, as a record.

    Useful is a request that was allowed, modified or not, within the time that it may take. Everything that was spent
    is shared among the useful requests: what the others took is paid for, too.

    Args:
        path: a result of `aligntax bench`, or a saved answer of `/metrics`.
        prices: what only the user knows; what is missing there is refused, and said.
        slo_seconds: a request that takes longer is not useful; None: any time will do.
        since: an earlier answer of the same `/metrics`, to count from there.

    Raises:
        ValueError: if a file is neither, or a number is out of range.
    """
    prices.check()
    if slo_seconds is not None and not slo_seconds > 0:
        raise ValueError(f"slo_seconds={slo_seconds} must be above 0; it is the longest that a useful request takes")
    found: Iterable[Resource | Refusal]
    if _is_bench(path):
        if since is not None or prices.node_hours is not None:
            option = "--since" if since is not None else "--node-hours"
            raise ValueError(f"{path}: is a result, and {option} is for metrics; leave it out, or give --nodes")
        found = resources_of_bench(read_bench(path), prices, slo_seconds)
    else:
        scrape = read_scrape(path)
        if since is not None:
            scrape = scrape.since(read_scrape(since))
        found = resources_of_scrape(scrape, prices, slo_seconds)
    figures: list[Figure] = []
    refusals: dict[str, Refusal] = {}
    for each in _whole(path, found):
        parts = (each,) if isinstance(each, Refusal) else figures_of(each, prices, path.name)
        for part in parts:
            if isinstance(part, Figure):
                figures.append(part)
            else:
                refusals.setdefault(f"{part.what} {part.reason}", part)
    return TaxRecord(
        "cost",
        "Compute cost per useful request",
        figures,
        list(refusals.values()),
        {**prices._asdict(), "slo_seconds": slo_seconds},
        [provenance(each) for each in (path, since) if each is not None],
    )


def _whole(path: Path, found: Iterable[Resource | Refusal]) -> Iterator[Resource | Refusal]:
    """Yield what a file says, and name the file where a part of it is not what it should be."""
    try:
        yield from found
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: is not whole ({error!s:.100}); write it anew") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _is_bench(path: Path) -> bool:
    """Return whether a file looks like JSON; an exposition never begins so."""
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); name a file that exists") from error
    if not start.strip():
        raise ValueError(f"{path}: is empty; name a result ({SCHEMA}) or a saved answer of /metrics")
    return start.lstrip().startswith((b"{", b"["))
