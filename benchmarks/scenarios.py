"""Requests whose tax is known: what happens in each, and its cost written out by hand.

The formulas see only what the layers and their call sites noted (see `stage`), never a span or an attribution of
aligntax. A scenario is played in real time by the calibration benchmark and by tests, and in made-up time by tests
that demand equality.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import plays
from plays import Play
from stage import Stage, View

from aligntax import Outcome, Profiler, Verdict
from aligntax.attribution import attribute
from aligntax.request import Request

Amounts = dict[str, float]
"""Nanoseconds by what they are: `tax`, the share of each guard by its name, and `discarded` model time."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of request.

    Attributes:
        name: what it shows.
        prepare: wraps the layers with a profiler; returns what plays one request and hands it back.
        cost: the tax and every guard's share of it, by hand, from the intervals of the guards and of the models. The
            tax grows with the guards' intervals and shrinks with the models'; a share grows with its own guard's, and
            shrinks with those of all others.
        units: all amounts, in the stage's units, if every layer took exactly as long as it should.
        outcome: how the request ends.
        pulled: whether a guard calls the model from within. What lies around that call is then not the guard's work.
    """

    name: str
    prepare: Callable[[Stage, Profiler], Play]
    cost: Callable[[View, View], Amounts]
    units: Amounts
    outcome: Outcome = Outcome.ALLOWED
    pulled: bool = False

    @property
    def guards(self) -> list[str]:
        """The names of its guards."""
        return [name for name in self.units if name not in {"tax", "discarded"}]

    def truth(self, stage: Stage) -> Amounts:
        """Return what the last request cost, by what its layers noted from inside."""
        amounts = self.cost(stage.inside, stage.around if self.pulled else stage.inside)
        return {**amounts, "discarded": _took(stage.inside, "model")} if "discarded" in self.units else amounts

    def bounds(self, stage: Stage) -> dict[str, tuple[float, float]]:
        """Return what the last request must have cost at least and at most, however busy the machine was."""
        inside, around = stage.inside, stage.around
        bounds = {"tax": (self.cost(inside, around)["tax"], self.cost(around, inside)["tax"])}
        for name in self.guards:
            least = self.cost({**around, name: inside[name]}, around)[name]
            most = self.cost({**inside, name: around[name]}, inside)[name]
            bounds[name] = (least, most)
        if "discarded" in self.units:
            bounds["discarded"] = (_took(inside, "model"), _took(around, "model"))
        return bounds


def measured(request: Request) -> Amounts:
    """Return what aligntax says that a request cost."""
    amounts: Amounts = {"tax": request.tax.tax_ns, **request.tax.shares_ns}
    discarded_ns = attribute(request.trace).discarded_ns
    return {**amounts, "discarded": sum(discarded_ns.values())} if discarded_ns else amounts


def _took(view: View, name: str) -> int:
    return sum(interval.end_ns - interval.start_ns for interval in view[name])


def _past_the_model(guards: View, models: View, name: str) -> int:
    """Return for how long a guard that was called once, beside the model, kept on running after it."""
    (guard,), (model,) = guards[name], models["model"]
    return max(0, guard.end_ns - model.end_ns)


def _series(guards: View, _: View) -> Amounts:
    asked, said = _took(guards, "asked"), _took(guards, "said")
    return {"tax": asked + said, "asked": asked, "said": said}


def _fork(guards: View, models: View) -> Amounts:
    a, d = _took(guards, "A"), _took(guards, "D")
    b, c = _past_the_model(guards, models, "B"), _past_the_model(guards, models, "C")
    both = min(
        b, c
    )  # while both keep the request waiting, each is half of the reason; then the longer one is all of it
    return {"tax": a + max(b, c) + d, "A": a, "B": b - both / 2, "C": c - both / 2, "D": d}


def _hidden(guards: View, models: View) -> Amounts:
    late = _past_the_model(guards, models, "hidden")
    return {"tax": late, "hidden": late}


def _cancelled(guards: View, _: View) -> Amounts:
    waited = _took(guards, "slow")
    return {"tax": waited, "slow": waited}


def _streamed(guards: View, models: View) -> Amounts:
    own = _took(guards, "filter") - _took(models, "model")
    return {"tax": own, "filter": own}


_SERIES_UNITS: Amounts = {"tax": 70, "asked": 50, "said": 20}
_FORK_UNITS: Amounts = {"tax": 170, "A": 50, "B": 75, "C": 25, "D": 20}

SCENARIOS: tuple[Scenario, ...] = (
    Scenario("in series, spinning", plays.series(Stage.spin), _series, _SERIES_UNITS),
    Scenario("in series, sleeping", plays.series(Stage.sleep), _series, _SERIES_UNITS),
    Scenario("in parallel, on threads", plays.threads, _fork, _FORK_UNITS),
    Scenario("in parallel, asyncio.gather", plays.gather, _fork, _FORK_UNITS),
    Scenario("hidden behind the model", plays.hidden, _hidden, {"tax": 0, "hidden": 0}),
    Scenario("cancelled by a time-out", plays.cancelled, _cancelled, {"tax": 100, "slow": 100}),
    Scenario(
        "blocked at the output",
        plays.series(Stage.spin, Verdict.BLOCK),
        _series,
        {**_SERIES_UNITS, "discarded": 300},
        outcome=Outcome.BLOCKED_OUTPUT,
    ),
    Scenario("streamed, ten chunks", plays.streamed, _streamed, {"tax": 100, "filter": 100}, pulled=True),
)
