"""The compute and its price: joules, CPU and GPU time and money per useful request, raw against guarded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from aligntax.experiment.result import SCHEMA
from aligntax.taxes.cost.bench import resources_of_bench
from aligntax.taxes.cost.endpoint import asked, identified, is_endpoint
from aligntax.taxes.cost.metrics import MAX_BYTES, Scrape, parse_scrape, read_scrape, resources_of_scrape
from aligntax.taxes.cost.resource import Prices, Resource, figures_of
from aligntax.taxes.reading import read_bench
from aligntax.taxes.record import Figure, Refusal, TaxRecord, provenance

__all__ = ["Prices", "cost_of"]


def cost_of(
    path: Path | str, prices: Prices, *, slo_seconds: float | None = None, since: Path | None = None
) -> TaxRecord:
    """Return what a deployment costs per useful request and per million tokens, as a record.

    Useful is a request that was allowed, modified or not, within the time that it may take. Everything that was spent
    is shared among the useful requests: what the others took is paid for, too.

    Args:
        path: a result of `aligntax bench`, or a saved answer of `/metrics`; or the URL of such an endpoint, as a
            string, which is asked once.
        prices: what only the user knows; what is missing there is refused, and said.
        slo_seconds: a request that takes longer is not useful; None: any time will do.
        since: an earlier answer of the same `/metrics`, to count from there.

    Raises:
        ValueError: if a file is neither, the endpoint does not answer with metrics, or a number is out of range.
    """
    prices.check()
    if slo_seconds is not None and not slo_seconds > 0:
        raise ValueError(f"--slo {slo_seconds:g}s: must be above 0; it is the longest that a useful request takes")
    url = str(path)
    read = (
        _endpoint(url, prices, slo_seconds, since)
        if is_endpoint(url)
        else _file(Path(path), prices, slo_seconds, since)
    )
    figures: list[Figure] = []
    refusals: dict[str, Refusal] = {}
    for each in _whole(read):
        parts = (each,) if isinstance(each, Refusal) else figures_of(each, prices, read.source)
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
        [read.identity, *([] if since is None else [provenance(since)])],
    )


class _Read(NamedTuple):
    """A source that was opened: what to call it in messages and in figures, which it is, and what it says."""

    where: str
    source: str
    identity: Mapping[str, Any]
    found: Iterator[Resource | Refusal]


def _endpoint(url: str, prices: Prices, slo_seconds: float | None, since: Path | None) -> _Read:
    answer = asked(url, MAX_BYTES)
    return _Read(url, url, identified(url, answer), _scraped(parse_scrape(answer, url), prices, slo_seconds, since))


def _file(path: Path, prices: Prices, slo_seconds: float | None, since: Path | None) -> _Read:
    if not _is_bench(path):
        found = _scraped(read_scrape(path), prices, slo_seconds, since)
    elif since is None and prices.node_hours is None:
        found = resources_of_bench(read_bench(path), prices, slo_seconds)
    else:
        option = "--since" if since is not None else "--node-hours"
        raise ValueError(f"{path}: is a result, and {option} is for metrics; leave it out, or give --nodes")
    return _Read(str(path), path.name, provenance(path), found)


def _scraped(
    scrape: Scrape, prices: Prices, slo_seconds: float | None, since: Path | None
) -> Iterator[Resource | Refusal]:
    return resources_of_scrape(scrape if since is None else scrape.since(read_scrape(since)), prices, slo_seconds)


def _whole(read: _Read) -> Iterator[Resource | Refusal]:
    """Yield what a source says, and name it where a part of it is not what it should be."""
    try:
        yield from read.found
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError(f"{read.where}: is not whole ({error!s:.100}); write it anew") from error
    except ValueError as error:
        raise ValueError(f"{read.where}: {error}") from error


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
