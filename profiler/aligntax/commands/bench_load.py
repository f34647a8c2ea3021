"""The load that `aligntax bench` puts a target under, or reads from what another program found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from aligntax.commands.bench_targets import are_urls, prompts_of

if TYPE_CHECKING:
    from pathlib import Path

    from aligntax.experiment.load import Plan

__all__ = ["Load", "load_options"]


class Load(NamedTuple):
    """What is to be known of a load.

    Attributes:
        plan: of the load; None: there is none.
        by_guidellm: whether GuideLLM makes it.
        files: of other programs, by arm: they stand for a load.
        slo: what a good answer is, as it was written; None: nothing.
    """

    plan: Plan | None
    by_guidellm: bool
    files: dict[str, str]
    slo: str | None

    @property
    def own_plan(self) -> Plan | None:
        """The plan, where the experiment itself makes the load."""
        return None if self.by_guidellm else self.plan

    def from_elsewhere(
        self, target: Sequence[str], prompts: Path | None, *, model: str, stream: bool
    ) -> dict[str, Any] | None:
        """Return the part `load` of a result that another program found; None where there is none.

        Raises:
            ValueError: if a file is no result, or GuideLLM is not installed.
            RuntimeError: if GuideLLM fails.
        """
        if self.by_guidellm and self.plan is not None:
            from aligntax.experiment.load.guidellm_engine import load_by_guidellm

            urls = dict(zip(("raw", "guarded"), target, strict=True))
            return load_by_guidellm(urls, prompts_of(prompts), self.plan, model=model, stream=stream)
        if self.files:
            from aligntax.experiment.load import Slo
            from aligntax.experiment.load.foreign import foreign_load

            return foreign_load(self.files, None if self.slo is None else Slo.parse(self.slo))
        return None


def load_options(
    target: Sequence[str],
    *,
    load: str | None,
    seconds: float,
    slo: str | None,
    objective: str | None,
    engine: str,
    results: Sequence[str],
    seed: int,
) -> Load:
    """Return what the options say of a load.

    Raises:
        ValueError: for what is none, or does not go together.
    """
    files = dict(_file(each) for each in results)
    if load is None:
        made_by = None if engine == "aligntax" else engine
        options = (("--slo", slo), ("--objective", objective), ("--load-engine", made_by))
        given = [option for option, value in options if value is not None]
        if given and not (files and given == ["--slo"]):
            raise ValueError(f"{given[0]} is about a load; say with --load poisson:RATE which one")
        return Load(None, False, files, slo)
    if files:
        raise ValueError("--load makes a load, and --load-results reads one; use one of the two")
    if engine == "guidellm" and not are_urls(target):
        raise ValueError("--load-engine guidellm sends requests to two URLs; the target is none")
    return Load(_plan(load, seconds, slo, objective, seed), engine == "guidellm", files, slo)


def _plan(load: str, seconds: float, slo: str | None, objective: str | None, seed: int) -> Plan:
    from aligntax.experiment.load import Arrivals, Objective, Plan, SearchPlan, Slo

    return Plan(
        Arrivals.parse(load, seed),
        seconds=seconds,
        slo=None if slo is None else Slo.parse(slo),
        search=None if objective is None else SearchPlan(Objective.parse(objective)),
    )


def _file(text: str) -> tuple[str, str]:
    arm, equals, path = text.partition("=")
    if not equals or arm not in ("raw", "guarded") or not path:
        raise ValueError(f"--load-results {text!r}: write raw=FILE or guarded=FILE")
    return arm, path
