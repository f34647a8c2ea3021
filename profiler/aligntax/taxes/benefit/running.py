"""Guards over a labelled file: batch after batch, so that whatever ends it, what is done is kept and gone on from."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import aligntax
from aligntax.guards.catalogue import BUILT_IN
from aligntax.guards.configuration import from_file, read_table
from aligntax.guards.kinds import FILE
from aligntax.taxes.benefit.judging import Judge, Ruling, at_once
from aligntax.taxes.benefit.labelled import Item, check_items, items
from aligntax.taxes.benefit.verdict_file import VerdictFile
from aligntax.taxes.lines import Progress, silent
from aligntax.taxes.record import provenance

__all__ = ["Plan", "Ran", "run"]

_SECONDS_A_STEP = 0.1


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be judged by what.

    Attributes:
        config: guards, TOML or JSON; see `aligntax.guards.from_file`.
        data: labelled texts; see `labelled.items`.
        verdicts: where to write what the guards say; an unfinished one is gone on with.
        repeats: how often each text is judged; the file is gone through so many times.
        batch: how many texts are judged between two writes.
        concurrency: how many texts are before asynchronous guards at once. Their latency includes waiting for one
            another, so that 1 measures best.
        timeout_seconds: how long a call of an asynchronous guard may take.

    Raises:
        ValueError: if a number is out of range.
    """

    config: Path
    data: Path
    verdicts: Path
    repeats: int = 1
    batch: int = 64
    concurrency: int = 1
    timeout_seconds: float = 60.0

    def __post_init__(self) -> None:
        for name, most in (("repeats", 1_000), ("batch", 10_000), ("concurrency", 1_000)):
            if not 1 <= getattr(self, name) <= most:
                raise ValueError(f"{name}={getattr(self, name)} must lie between 1 and {most:,}")
        if not 0 < self.timeout_seconds <= 3_600:
            raise ValueError(f"timeout_seconds={self.timeout_seconds} must be above 0 and at most 3600")


class Ran(NamedTuple):
    """How far it got.

    Attributes:
        before: records that were there already.
        done: records that are there now.
        wanted: records that there shall be.
        failures: how often which guard failed with which type of error, in this run.
        interrupted: whether it was ended before all were done.
    """

    before: int
    done: int
    wanted: int
    failures: Mapping[tuple[str, str], int]
    interrupted: bool


def run(plan: Plan, progress: Progress = silent) -> Ran:
    """Judge the labelled texts, and write what the guards said: ids, labels, verdicts, guards and times, and no text.

    Args:
        plan: what is to be judged.
        progress: told how far it is, and may end it; what is done is kept.

    Raises:
        ValueError: if a file is none of its kind, or the file of verdicts was begun from something else.
        OSError: if verdicts cannot be written.
        KeyboardInterrupt: if `progress` ended it before the first text was judged.
    """
    for name, path in (("the configuration", plan.config), ("the labelled texts", plan.data)):
        if not path.is_file():
            raise ValueError(f"{path}: is no file that could hold {name}; name one that exists")
        if plan.verdicts.exists() and plan.verdicts.samefile(path):
            raise ValueError(f"{plan.verdicts}: holds {name}; name another file for --verdicts")
    judge = Judge(from_file(plan.config), plan.timeout_seconds)
    if plan.concurrency > 1 and not judge.asynchronous:
        raise ValueError(f"concurrency={plan.concurrency}: no guard is asynchronous, so that none waits; leave it out")
    texts = check_items(plan.data, progress)
    with VerdictFile(plan.verdicts, _header(plan, judge, texts)) as file:
        _require_order(plan, file, texts)
        return _Run(plan, judge, file, texts, progress).all()


def _header(plan: Plan, judge: Judge, texts: int) -> dict[str, Any]:
    return {
        "aligntax": aligntax.__version__,
        "config": provenance(plan.config),
        "config_files": [provenance(path) for path in _files(plan.config)],
        "guards": judge.names,
        "data": provenance(plan.data),
        "texts": texts,
        "settings": {"timeout_seconds": plan.timeout_seconds, "concurrency": plan.concurrency},
    }


def _files(config: Path) -> list[Path]:
    """Return the files that a configuration names: lists of words, models."""
    found = []
    for table in read_table(config)["guards"]:
        keys = BUILT_IN[table["use"]].keys if table["use"] in BUILT_IN else {}
        found += [config.parent / value for key, value in table.items() if keys.get(key) is FILE]
    return found


def _require_order(plan: Plan, file: VerdictFile, texts: int) -> None:
    """Refuse a file whose last record is not the one that so many records end with."""
    if file.last is None:
        return
    repeat, index = divmod(file.done - 1, texts)
    expected = next(islice(items(plan.data), index, None))
    if file.last != (expected.identity, repeat):
        raise ValueError(
            f"{plan.verdicts}: does not end with the text that its {file.done:,} records should end with; it was "
            "changed: delete it to begin anew, or name another file for --verdicts"
        )


class _Run:
    """One run over what is not judged yet."""

    def __init__(self, plan: Plan, judge: Judge, file: VerdictFile, texts: int, progress: Progress) -> None:
        self._plan, self._judge, self._file, self._texts = plan, judge, file, texts
        self._progress = progress
        self._wanted = texts * plan.repeats
        self._judged = self._before = file.done
        self._shown = monotonic()
        self._going = True

    def all(self) -> Ran:
        """Judge all that is left, or what there is time for."""
        rest = self._rest()
        interrupted = False
        try:
            with ExitStack() as stack:
                runner = stack.enter_context(asyncio.Runner()) if self._judge.asynchronous else None
                while self._going and (batch := list(islice(rest, self._plan.batch))):
                    self._one(batch, runner)
        except KeyboardInterrupt:
            interrupted = True
        interrupted = interrupted or self._file.done < self._wanted
        return Ran(self._before, self._file.done, self._wanted, self._judge.failures, interrupted)

    def _rest(self) -> Iterator[tuple[int, Item]]:
        repeat, skipped = divmod(self._before, self._texts)
        for number in range(repeat, self._plan.repeats):
            for item in islice(items(self._plan.data), skipped, None):
                yield number, item
            skipped = 0

    def _one(self, batch: Sequence[tuple[int, Item]], runner: asyncio.Runner | None) -> None:
        """Judge a batch, and write what was judged of it, even if something ends it."""
        rulings: list[Ruling | None] = [None] * len(batch)
        left = iter(range(len(batch)))
        try:
            if runner is None:
                at_once(self._some(batch, rulings, left))
            else:
                runner.run(self._side_by_side(batch, rulings, left))
        finally:
            # Records stand in the order of the texts: behind a text that was not judged, none can be written.
            known = rulings[: rulings.index(None)] if None in rulings else rulings
            judged = zip(batch, known, strict=False)
            self._file.add((number, item, ruling) for (number, item), ruling in judged if ruling is not None)

    async def _side_by_side(
        self, batch: Sequence[tuple[int, Item]], rulings: list[Ruling | None], left: Iterator[int]
    ) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._plan.concurrency):
                group.create_task(self._some(batch, rulings, left))

    async def _some(self, batch: Sequence[tuple[int, Item]], rulings: list[Ruling | None], left: Iterator[int]) -> None:
        """Judge texts of a batch until none is left, or somebody wants it to end."""
        for index in left:
            rulings[index] = await self._judge.judge(batch[index][1])
            self._judged += 1
            now = monotonic()
            if now - self._shown >= _SECONDS_A_STEP:
                self._shown = now
                done = f"{self._judged:,} of {self._wanted:,}"
                self._going = self._progress("Judging", self._judged / self._wanted, done) and self._going
            if not self._going:
                return
