"""A scenario: changes of guards that are made together, and what a recorded request becomes under them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from aligntax.experiment.whatif.changes import Change, Drop, Faster, Parallel, Reorder
from aligntax.experiment.whatif.pieces import Work, put_together, retimed, take_apart
from aligntax.experiment.whatif.reordering import Series, observe_series, reordered
from aligntax.trace import Trace, Verdict

__all__ = ["Scenario", "changed"]

_CAN_BE_PARALLEL = ("input", "parallel", "output")


@dataclass(frozen=True, slots=True)
class Scenario:
    """Changes that are made together, in whichever order they are named.

    Guards are left out first, then made faster, then reordered, then moved beside the model.

    Attributes:
        changes: at least one.

    Raises:
        ValueError: for no change, one that is there twice, and one of a guard that is left out.
    """

    changes: tuple[Change, ...]
    _drops: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _factors: Mapping[str, float] = field(init=False, repr=False, compare=False)
    _orders: tuple[tuple[str, ...], ...] = field(init=False, repr=False, compare=False)
    _beside: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.changes:
            raise ValueError(
                "no change was named; say which guard to drop, to make faster, to run in parallel or to move"
            )
        drops = tuple(change.guard for change in self.changes if isinstance(change, Drop))
        factors = [(change.guard, change.factor) for change in self.changes if isinstance(change, Faster)]
        orders = tuple(change.order for change in self.changes if isinstance(change, Reorder))
        beside = tuple(change.guard for change in self.changes if isinstance(change, Parallel))
        for kind, names in (
            ("dropped", drops),
            ("made faster", [name for name, _ in factors]),
            ("reordered", [name for order in orders for name in order]),
            ("run in parallel", beside),
        ):
            twice = next((name for name in names if list(names).count(name) > 1), None)
            if twice is not None:
                raise ValueError(f"{twice} is {kind} twice; name each guard once")
            gone = next((name for name in names if kind != "dropped" and name in drops), None)
            if gone is not None:
                raise ValueError(f"{gone} is dropped, so it cannot be {kind}; name one of the two changes")
        for name, value in (("_drops", drops), ("_factors", dict(factors)), ("_orders", orders), ("_beside", beside)):
            object.__setattr__(self, name, value)

    def __str__(self) -> str:
        return ", ".join(map(str, self.changes))

    @property
    def guards(self) -> tuple[str, ...]:
        """The guards that are changed, each once."""
        return tuple(dict.fromkeys(name for change in self.changes for name in change.guards))

    def check(self, works: Iterable[Work]) -> None:
        """Refuse names that stand for no guard in any of the requests.

        Raises:
            ValueError: for such a name; lists those that there are.
        """
        known: dict[str, None] = {}
        models: set[str] = set()
        for work in works:
            known |= dict.fromkeys(work.guards)
            models |= {piece.layer.name for piece in work.pieces if piece.is_model}
        for name in self.guards:
            if name not in known:
                what = "the model, and no guard" if name in models else "not among the guards"
                names = ", ".join(sorted(known)) or "none"
                raise ValueError(f"{name!r} is {what} of the recorded requests; those are: {names}")

    def observe(self, works: Sequence[Work]) -> tuple[Series, ...]:
        """Return how the guards that are reordered were seen to run, for `apply`."""
        return tuple(observe_series(works, order) for order in self._orders)

    def apply(self, work: Work, observed: Sequence[Series]) -> Work | None:
        """Return a request as it would have gone; None where nobody can know: a guard blocked it that is left out.

        Args:
            work: the request.
            observed: what `observe` returned on all of them.

        Raises:
            ValueError: where a guard cannot be moved as the scenario says, with the reason.
        """
        if self._drops:
            if not work.trace.outcome.comparable and any(work.says(name, Verdict.BLOCK) for name in self._drops):
                return None
            gone = [any(map(piece.belongs_to, self._drops)) for piece in work.pieces]
            lengths_ns = [None if drop else piece.length_ns for piece, drop in zip(work.pieces, gone, strict=True)]
            covered = tuple(call for call in work.covered if not any(map(call.belongs_to, self._drops)))
            work = replace(retimed(work, lengths_ns), covered=covered)
        if self._factors:
            factors = self._factors
            work = retimed(work, [round(piece.length_ns / factors.get(piece.layer.name, 1)) for piece in work.pieces])
        for order, series in zip(self._orders, observed, strict=True):
            work = reordered(work, order, series)
        return _beside_the_model(work, self._beside) if self._beside else work


def changed(trace: Trace, changes: Iterable[Change]) -> Trace | None:
    """Return a request as it would have gone with other guards; its spans no longer nest.

    Args:
        trace: the request as it was recorded.
        changes: what is done to its guards, all at once.

    Returns:
        The request, or None where nobody can know: a guard blocked it that is left out. Where an order changes, this
        one request is all that is known of the guards; `predict` learns from many.

    Raises:
        ValueError: for changes that contradict each other, guards that did not run, and guards that cannot be moved.
    """
    scenario = Scenario(tuple(changes))
    work = take_apart(trace)
    scenario.check([work])
    found = scenario.apply(work, scenario.observe([work]))
    return None if found is None else put_together(found)


def _beside_the_model(work: Work, guards: Sequence[str]) -> Work:
    beside: dict[int, str] = {}
    for index, piece in enumerate(work.pieces):
        if piece.is_model:
            caller = next((name for name in guards if name in piece.within), None)
            if caller is not None:
                raise ValueError(
                    f"{caller} calls {piece.layer.name}, so it cannot run beside it; only the other way round"
                )
            continue
        owner = next((name for name in guards if piece.belongs_to(name)), None)
        if owner is None:
            continue
        if piece.layer.name == owner and piece.layer.stage not in _CAN_BE_PARALLEL:
            raise ValueError(
                f"{owner} works on each piece of an answer (stage {piece.layer.stage}), and cannot run beside all "
                "of it; only guards of the input and the output can"
            )
        beside[index] = owner
    return retimed(work, [piece.length_ns for piece in work.pieces], beside)
