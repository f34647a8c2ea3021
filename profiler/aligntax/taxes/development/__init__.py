"""The development tax: what guards take before the first request, and the hours that people spend on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aligntax.guards.catalogue import BUILT_IN
from aligntax.guards.configuration import read_table
from aligntax.inference import Estimate
from aligntax.taxes.development.hours import Hours, read_hours
from aligntax.taxes.development.installed import installed_for
from aligntax.taxes.footprint import RUNS, Footprint, measure_footprint
from aligntax.taxes.lines import Progress, silent
from aligntax.taxes.reading import read_bench
from aligntax.taxes.record import Figure, Refusal, TaxRecord, provenance

__all__ = ["development_tax"]

_RANGES = "bounds of the ledger's ranges, no confidence interval"
_FRESH = f"median of {RUNS} fresh processes"


def development_tax(
    *,
    guards: Path | None = None,
    bench: Path | None = None,
    ledger: Path | None = None,
    progress: Progress = silent,
) -> TaxRecord:
    """Return what guards take in effort, as a record: measured from what there is, and from the user's own ledger.

    Args:
        guards: configuration of guards, each of which is made in processes of its own.
        bench: a result with a cold start in it.
        ledger: hours; see `aligntax.taxes.development.hours`.
        progress: is told, and may end it.

    Raises:
        ValueError: if there is none of the three, one cannot be read or made, or two guards have the same name.
        KeyboardInterrupt: if `progress` ended it.
    """
    given = [path for path in (ledger, bench, guards) if path is not None]
    if not given:
        raise ValueError("nothing to tell a development tax from; give --ledger, --bench, --guards, or several")
    parts: list[Figure | Refusal] = []
    hours = None if ledger is None else read_hours(ledger)
    cold = None if bench is None else read_bench(bench).get("cold_start")
    if ledger is not None and hours is not None:
        parts += _of_ledger(hours, ledger.name)
    else:
        message = "hours are never inferred from code; keep a ledger, and give it with --ledger"
        parts.append(Refusal("ledger", "no_ledger", message))
    if bench is not None:
        parts += _of_bench(cold, bench.name)
    more: dict[str, Any] = {}
    if guards is not None:
        found = _measured(guards, progress)
        more["guards"] = {footprint.name: footprint._asdict() for footprint, _ in found}
        for footprint, table in found:
            parts += _of_guard(footprint, table, guards.name)
    return TaxRecord(
        "development",
        "Development tax: effort and start-up",
        [part for part in parts if isinstance(part, Figure)],
        [part for part in parts if isinstance(part, Refusal)],
        {"runs": RUNS} if guards is not None else {},
        [provenance(path) for path in given],
        more=more,
    )


def _of_ledger(hours: Hours, source: str) -> Iterator[Figure | Refusal]:
    cost, total, spent = hours.cost_per_request(), hours.total_cost(), hours.total_hours()
    marks = (_RANGES,)
    if cost is not None:
        formula = "hours * rate over the window / requests of the window"
        for name, requests, count in (("million_requests", "million requests", 1e6), ("request", "request", 1.0)):
            yield Figure(
                f"ledger.{name}",
                f"Effort per {requests}",
                Estimate(*(end * count for end in cost if end is not None)),
                f"{hours.currency} per {requests}",
                n=len(hours.entries),
                formula=formula,
                marks=marks,
                sources=(source,),
            )
    for name in hours.missing:
        yield Refusal("ledger.request", f"no_{name}", f"{source}: {name} is missing, and a cost per request needs it")
    if total is not None:
        yield Figure(
            "ledger.window",
            "Effort over the window",
            total,
            hours.currency,
            n=len(hours.entries),
            formula="hours * rate",
            marks=marks,
            sources=(source,),
        )
    if spent is not None:
        yield Figure(
            "ledger.hours",
            "Hours over the window",
            spent,
            "hours",
            n=len(hours.entries),
            formula="once + per month * months",
            marks=marks,
            sources=(source,),
        )


def _of_bench(cold: Mapping[str, Any] | None, source: str) -> Iterator[Figure | Refusal]:
    if not cold:
        message = f"{source}: has no cold start; measure it with: aligntax bench TARGET, without --no-cold"
        yield Refusal("cold_start", "not_measured", message)
        return
    try:
        raw, guarded = (Estimate.from_dict(cold[arm]["first_call_seconds"]) for arm in ("raw", "guarded"))
        imported, runs = Estimate.from_dict(cold["guarded"]["import_seconds"]), int(cold["runs"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{source}: its cold start lacks {error}; measure it anew with: aligntax bench TARGET"
        ) from error
    tax = guarded.value - raw.value
    yield Figure(
        "cold_start.first_call",
        "First request of a fresh process",
        Estimate(tax),
        "seconds",
        Estimate(tax / raw.value) if raw.value > 0 else None,
        raw=raw.value,
        n=runs,
        formula="median with guards - median of its replay without them",
        sources=(source,),
    )
    yield Figure(
        "cold_start.import",
        "Import of the target, its guards included",
        imported,
        "seconds",
        n=runs,
        formula="median of fresh processes",
        marks=("no comparison",),
        sources=(source,),
    )


def _measured(config: Path, progress: Progress) -> list[tuple[Footprint, Mapping[str, Any]]]:
    tables = read_table(config).get("guards")
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) and "use" in table for table in tables):
        raise ValueError(f"{config}: no list of guards in it; write [[guards]] and use = ... before each")
    found: list[tuple[Footprint, Mapping[str, Any]]] = []
    taken: dict[str, int] = {}
    for number, table in enumerate(tables):

        def go_on(done: float = number / len(tables), detail: str = str(table["use"])) -> bool:
            return progress("measuring guards", done, detail)

        try:
            footprint = measure_footprint(config, number, go_on)
        except RuntimeError as error:
            said = str(error).removeprefix("it ended with code 1: ").removeprefix("ValueError: ")
            said = said.removeprefix(f"{config}: ")
            raise ValueError(f"{config}: guard {number + 1} could not be measured: {said}") from error
        first = taken.setdefault(footprint.name, number)
        if first != number:
            raise ValueError(
                f"{config}: guards {first + 1} and {number + 1} are both called {footprint.name!r}; "
                "give one another name"
            )
        found.append((footprint, table))
    progress("measuring guards", 1.0, "")
    return found


def _of_guard(found: Footprint, table: Mapping[str, Any], source: str) -> Iterator[Figure | Refusal]:
    name = found.name

    def figure(
        part: str, title: str, value: float, unit: str, formula: str, n: int | None = None, **more: Any
    ) -> Figure:
        marks = () if found.called or part != "ready_seconds" else ("without a first call",)
        return Figure(
            f"{name}.{part}",
            f"{name}: {title}",
            Estimate(float(value)),
            unit,
            n=n,
            formula=formula,
            marks=marks,
            sources=(source,),
            more=more,
        )

    yield figure("ready_seconds", "ready for requests", found.ready_seconds, "seconds", _FRESH, RUNS)
    if found.compile_seconds is not None:
        formula = "ready with an empty cache of kernels - ready with a filled one"
        yield figure("compile_seconds", "compiling kernels", found.compile_seconds, "seconds", formula, 1)
    if found.memory_bytes is None:
        yield Refusal(f"{name}.memory_bytes", "no_proc", "this system does not tell what memory is resident")
    else:
        yield figure("memory_bytes", "resident memory", found.memory_bytes, "bytes", f"after - before, {_FRESH}", RUNS)
    installed = installed_for(found.packages)
    formula = "distributions that it loads beyond aligntax, and those that they require"
    names = list(installed.distributions)
    yield figure("dependencies", "dependencies", len(names), "distributions", formula, names=names)
    yield figure("installed_bytes", "installed size of these", installed.bytes, "bytes", formula)
    if installed.unknown:
        message = f"{', '.join(installed.unknown[:10])}: of no distribution, so their size is not known"
        yield Refusal(f"{name}.installed_bytes", "no_distribution", message)
    built_in = BUILT_IN.get(str(table["use"]))
    set_keys = sorted(key for key in table if key != "use")
    yield figure("knobs_set", "knobs that are set", len(set_keys), "keys", "keys of its table", keys=set_keys)
    if built_in is not None:
        yield figure("knobs", "knobs that there are", len(built_in.keys), "keys", "keys of the catalogue")
