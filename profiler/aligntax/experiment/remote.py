"""The experiment on servers: two URLs, or an upstream and a proxy in front of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from aligntax.experiment.analysis import analyse
from aligntax.experiment.arms import GUARDED, HOP, NULL, RAW, Arm, arms_of
from aligntax.experiment.load.chat import Chat
from aligntax.experiment.load.plan import Plan
from aligntax.experiment.loaded import load_on_servers
from aligntax.experiment.paired import Columns, Design, Progress, run_paired
from aligntax.experiment.proxies import guards_of, proxy_without, traces_of
from aligntax.experiment.result import Result
from aligntax.experiment.servers import Asking, asking
from aligntax.experiment.session import Session
from aligntax.trace import Layer, Outcome

__all__ = ["bench_proxy", "bench_urls"]

PROBES = 3
NOT_COMPARED = "the arms' answers were not compared with each other, since guards may change texts on purpose"
_MISSES = (Outcome.ERROR, Outcome.TIMEOUT)


def bench_urls(
    raw: str,
    guarded: str,
    chat: Callable[[str], Chat],
    *,
    prompts: Sequence[Any],
    design: Design,
    plan: Plan | None = None,
    progress: Progress,
) -> Result:
    """Measure what stands between two servers that give the same answers, one behind guards and one without.

    Args:
        raw: URL of the server without guards.
        guarded: URL of that behind them.
        chat: makes a connection to a URL.
        prompts: what to ask.
        design: how long it goes on.
        plan: of the load to put them under after that; None: none.
        progress: is told, and may end it.

    Raises:
        ValueError: if a URL is none, or no request was answered by both.
        KeyboardInterrupt: if `progress` ended it before there was anything to tell.
    """
    session = Session(prompts, design)
    arms = [Arm(RAW, frozenset()), Arm(GUARDED, frozenset()), Arm(NULL, frozenset())]
    chats = [chat(url) for url in (raw, guarded, raw)]
    with asking(chats) as askings:
        columns = _asked(arms, askings, session, progress)
        parts = _analysed(columns, {}, arms, askings)
    if plan is not None and columns.stopped != "interrupted":
        parts["load"] = load_on_servers(chat(raw), chat(guarded), prompts, plan, progress)
    described: dict[str, Any] = {
        "kind": "urls",
        "name": f"{chats[0].url} {chats[1].url}",
        "guards": [],
        "always_on": [],
        "deterministic": None,
    }
    return session.result(described, arms, columns, parts)


def bench_proxy(
    config: Path,
    upstream: str,
    chat: Callable[[str], Chat],
    *,
    prompts: Sequence[Any],
    design: Design,
    each: bool = False,
    plan: Plan | None = None,
    progress: Progress,
) -> Result:
    """Measure what a proxy with guards costs in front of a server, and how much of it is the way through the proxy.

    One proxy is started for each arm: with all guards, with none (`hop`), and on request with each alone, and left out.

    Args:
        config: the guards.
        upstream: the server's URL.
        chat: makes a connection to a URL.
        prompts: what to ask.
        design: how long it goes on.
        each: whether each guard is also measured alone, and left out.
        plan: of the load to put server and proxy under after that; None: none.
        progress: is told, and may end it.

    Raises:
        ValueError: if the configuration or the URL is wrong, or no request was answered with and without it.
        RuntimeError: if a proxy does not start.
        KeyboardInterrupt: if `progress` ended it before there was anything to tell.
    """
    session = Session(prompts, design)
    guards = guards_of(config)
    chat(upstream)  # complains of a URL that is none, before anything is started
    arms = [*arms_of([*guards], each=each), Arm(HOP, frozenset(guards))]
    with ExitStack() as stack:
        traces = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aligntax-bench-"))) / "traces.jsonl"
        starting = {
            arm.name: stack.enter_context(
                proxy_without(
                    sorted(arm.bypassed),
                    upstream=upstream,
                    config=config,
                    traces=traces if arm.name == GUARDED else None,
                )
            )
            for arm in arms
            if arm.name not in (RAW, NULL)
        }
        ready = {
            name: url_of(partial(progress, "starting proxies", index / len(starting), name))
            for index, (name, url_of) in enumerate(starting.items())
        }
        urls = [ready.get(arm.name, upstream) for arm in arms]
        askings = stack.enter_context(asking([chat(url) for url in urls]))
        columns = _asked(arms, askings, session, progress)
        index = [arm.name for arm in arms].index(GUARDED)
        traced = _traced(columns, traces, askings[index].requests)
        if traced is None:
            session.warnings.append("the proxy's traces are incomplete, so nothing is told of each guard")
            guards = {}
        else:
            columns = traced
        parts = _analysed(columns, guards, arms, askings)
        if plan is not None and columns.stopped != "interrupted":
            parts["load"] = load_on_servers(chat(upstream), chat(urls[index]), prompts, plan, progress)
    described = {
        "kind": "proxy",
        "name": f"{config.name} in front of {upstream}",
        "guards": [*guards],
        "always_on": [],
        "deterministic": None,
    }
    return session.result(described, arms, columns, parts)


def _asked(arms: Sequence[Arm], askings: Sequence[Asking], session: Session, progress: Progress) -> Columns:
    session.warnings.append(NOT_COMPARED)
    for arm, each in zip(arms, askings, strict=True):
        if not progress("asking each server", 0.0, arm.name):
            raise KeyboardInterrupt
        _require_answer(arm, each, session.prompts[:PROBES])
    answering = {arm.name: each for arm, each in zip(arms, askings, strict=True)}
    columns = run_paired(answering, session.prompts, session.design, progress)
    for arm, each in zip(arms, askings, strict=True):
        outcomes = [one.outcome for one in columns.measured[arm.name]]
        missed = sum(outcome in _MISSES for outcome in outcomes)
        if missed:
            kinds = ", ".join(sorted(each.errors))
            session.warnings.append(
                f"{missed:,} of {len(outcomes):,} requests to {arm.name} got no answer ({kinds}); none of them counts"
            )
    return columns


def _require_answer(arm: Arm, server: Asking, prompts: Sequence[Any]) -> None:
    """Ask a server, so that one that answers nothing is known before the time for it has gone by.

    Raises:
        ValueError: if it fails on all prompts, or lets one wait for too long; names the kinds of its errors.
    """
    for prompt in prompts:
        outcome = server(prompt).outcome
        if outcome not in _MISSES:
            return
        if outcome is Outcome.TIMEOUT:
            break
    raise ValueError(
        f"{arm.name}: {server.url} does not answer ({', '.join(sorted(server.errors))}); start the server, and check "
        "its URL, --model and its key"
    )


def _analysed(
    columns: Columns, guards: Mapping[str, Layer], arms: Sequence[Arm], askings: Sequence[Asking]
) -> dict[str, Any]:
    try:
        return analyse(columns, guards)
    except ValueError as error:
        kinds = {arm.name: sorted(each.errors) for arm, each in zip(arms, askings, strict=True) if each.errors}
        raise ValueError(f"{error}; errors: {kinds}" if kinds else str(error)) from error


def _traced(columns: Columns, file: Path, requests: int) -> Columns | None:
    """Return the same with what the proxy's own profiler saw of the requests that were measured: the last ones.

    None if it is not known what it saw of each.
    """
    found = traces_of(file, requests)
    if found is None:
        return None
    count = len(columns.prompt)
    traced = Columns(
        columns.arms,
        measured={name: [] for name in columns.measured},
        stopped=columns.stopped,
        seconds=columns.seconds,
        warm_up=columns.warm_up,
        warm_up_cut=columns.warm_up_cut,
    )
    for index, (trace, attribution) in enumerate(found[len(found) - count :]):
        one = {name: column[index] for name, column in columns.measured.items()}
        one[GUARDED] = replace(one[GUARDED], outcome=trace.outcome, trace=trace, attribution=attribution)
        traced.add(columns.prompt[index], columns.round[index], one)
    return traced
