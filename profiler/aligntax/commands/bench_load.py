"""The load that `aligntax bench` puts a target under, or reads from what another program found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from aligntax.commands.bench_targets import are_urls, prompts_of

if TYPE_CHECKING:
    from aligntax.commands.measuring import Shown
    from aligntax.experiment.load import Plan

__all__ = ["Load", "load_options"]


class Load(NamedTuple):
    """What is to be known of a load.

    Attributes:
        plan: of the load; None: there is none.
        by_guidellm: whether GuideLLM makes it.
        runs: of other programs, by arm, each `FILE` or `FILE#2`: they stand for a load.
        slo: what a good answer is, as it was written; None: nothing.
    """

    plan: Plan | None
    by_guidellm: bool
    runs: Mapping[str, str]
    slo: str | None

    @property
    def own_plan(self) -> Plan | None:
        """The plan, where the experiment itself makes the load."""
        return None if self.by_guidellm else self.plan

    @property
    def files(self) -> list[Path]:
        """Those that are read."""
        from aligntax.experiment.load.foreign import run_of

        return [Path(run_of(run)[0]) for run in self.runs.values()]

    def read(self) -> Mapping[str, Any] | None:
        """Return the part `load` of a result that files of other programs hold; None where none was named.

        Raises:
            ValueError: if one of them is no result.
        """
        if not self.runs:
            return None
        from aligntax.experiment.load import Slo
        from aligntax.experiment.load.foreign import foreign_load

        return foreign_load(self.runs, None if self.slo is None else Slo.parse(self.slo))

    def from_guidellm(
        self, target: Sequence[str], prompts: Path | None, *, model: str, stream: bool, progress: Shown
    ) -> Mapping[str, Any] | None:
        """Return the part `load` of a result that GuideLLM makes; None where it is not asked to, or Ctrl-C ended it.

        Raises:
            ValueError: if it cannot do what it is asked to.
            RuntimeError: if it fails.
        """
        if not self.by_guidellm or self.plan is None:
            return None
        from aligntax.experiment.load.guidellm_engine import load_by_guidellm

        urls = dict(zip(("raw", "guarded"), target, strict=True))
        try:
            found = load_by_guidellm(urls, prompts_of(prompts), self.plan, progress, model=model, stream=stream)
        except KeyboardInterrupt:  # what was measured before it is to be told all the same
            progress.stopped = True
            return None
        progress.stopped = progress.stopped or found["stopped"] == "interrupted"
        return found


def load_options(
    target: Sequence[str],
    *,
    load: str | None,
    seconds: float | None,
    slo: str | None,
    objective: str | None,
    search_seconds: float | None,
    engine: str,
    results: Sequence[str],
    seed: int,
) -> Load:
    """Return what the options say of a load.

    Raises:
        ValueError: for what is none, or does not go together.
    """
    runs = dict(_run(each) for each in results)
    if len(runs) < len(results):
        raise ValueError(f"--load-results names an arm twice ({' '.join(results)}); name one file for each")
    if load is None:
        made_by = None if engine == "aligntax" else engine
        options = (
            ("--slo", slo),
            ("--objective", objective),
            ("--search-seconds", search_seconds),
            ("--load-seconds", seconds),
            ("--load-engine", made_by),
        )
        given = [option for option, value in options if value is not None]
        if given and not (runs and given == ["--slo"]):
            raise ValueError(f"{given[0]} is about a load; say with --load poisson:RATE which one")
        return Load(None, False, runs, slo)
    if runs:
        raise ValueError("--load makes a load, and --load-results reads one; use one of the two")
    if engine == "guidellm" and not are_urls(target):
        raise ValueError("--load-engine guidellm sends requests to two URLs; the target is none")
    if engine == "guidellm":
        from aligntax.experiment.load.guidellm_engine import find_guidellm

        if objective is not None:
            raise ValueError("--objective is searched with --load-engine aligntax; guidellm keeps to one rate")
        find_guidellm()  # complains before anything is measured
    if search_seconds is not None and objective is None:
        raise ValueError("--search-seconds is about a search; say with --objective 'p99<=500ms' which one")
    return Load(_plan(load, seconds, slo, objective, search_seconds, seed), engine == "guidellm", {}, slo)


def _plan(
    load: str, seconds: float | None, slo: str | None, objective: str | None, search_seconds: float | None, seed: int
) -> Plan:
    from aligntax.experiment.load import Arrivals, Objective, Plan, SearchPlan, Slo
    from aligntax.experiment.load.plan import SEARCH_SECONDS, SECONDS

    budget = SEARCH_SECONDS if search_seconds is None else search_seconds
    return Plan(
        Arrivals.parse(load, seed),
        seconds=SECONDS if seconds is None else seconds,
        slo=None if slo is None else Slo.parse(slo),
        search=None if objective is None else SearchPlan(Objective.parse(objective), budget_seconds=budget),
    )


def _run(text: str) -> tuple[str, str]:
    arm, equals, path = text.partition("=")
    if not equals or arm not in ("raw", "guarded") or not path:
        raise ValueError(f"--load-results {text!r}: write raw=FILE or guarded=FILE")
    return arm, path
