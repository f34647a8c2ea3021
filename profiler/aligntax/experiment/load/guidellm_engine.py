"""GuideLLM as an engine: started as a program of its own, its file read back."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aligntax.experiment.load.arrivals import MAX_ARRIVALS, Arrivals
from aligntax.experiment.load.chat import KEY_VARIABLE, PATH, chat_url
from aligntax.experiment.load.foreign import Foreign, load_of, read_foreign
from aligntax.experiment.load.foreign.record import Unscheduled
from aligntax.experiment.load.guidellm_program import run_program
from aligntax.experiment.load.plan import Plan

__all__ = ["find_guidellm", "load_by_guidellm", "run_guidellm"]

START_SECONDS = 120.0
"""What GuideLLM takes to start and to compute its statistics: half a minute on two cores."""
_USUAL_SECONDS = 30.0
TRIES = 3
"""How often it is started if it did not keep its schedule, which can happen to it on a busy machine."""


def find_guidellm() -> str:
    """Return the path of the program.

    Raises:
        ValueError: if it is not installed.
    """
    here = Path(sys.executable).with_name("guidellm")
    found = str(here) if here.is_file() else shutil.which("guidellm")
    if found is None:
        raise ValueError(
            "GuideLLM is not installed; put it on the path (pip install guidellm, 0.8 or newer), or use "
            "the driver that comes with this: --load-engine aligntax"
        )
    return found


def load_by_guidellm(
    urls: Mapping[str, str],
    prompts: Sequence[str],
    plan: Plan,
    show: Callable[[str, float, str], bool] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Have GuideLLM put servers under load, and return the part `load` of a result.

    Args:
        urls: of the servers, by arm.
        prompts: sent in turn.
        plan: of the load. Its windows and its warm-up are not GuideLLM's: each arm has one run, one after the other.
        show: told a few times a second what is run, what share of its usual time has passed, and at which rate; once
            it says no, GuideLLM is ended, and the arms that it has run are returned.
        options: as `run_guidellm` has them; `model` is needed.

    Raises:
        ValueError: if it is not installed, for a plan with a search, or for an input that cannot be.
        RuntimeError: if it fails, or does not end in time.
        KeyboardInterrupt: if `show` said no before one arm was run.
    """
    if plan.search is not None:
        raise ValueError("GuideLLM is not asked for the highest rate; search it with the engine aligntax")
    options = {"timeout_seconds": plan.limits.timeout_seconds, **options}
    runs: dict[str, Foreign] = {}
    stopped = "done"
    try:
        for arm, url in urls.items():

            def go_on(elapsed_seconds: float, arm: str = arm) -> bool:
                done = min(1.0, elapsed_seconds / (plan.seconds + _USUAL_SECONDS))
                return show is None or show("load by GuideLLM", done, f"{arm}, {plan.arrivals.rate:.3g} requests/s")

            runs[arm] = run_guidellm(url, prompts, plan.arrivals, seconds=plan.seconds, go_on=go_on, **options)
    except KeyboardInterrupt:
        if not runs:
            raise
        stopped = "interrupted"
    found = load_of(runs, plan.slo) | {"stopped": stopped}
    if len(runs) > 1:
        found["warnings"].append(
            "load: GuideLLM ran the arms one after the other, so that a change of the machine is in it"
        )
    return found


def run_guidellm(
    url: str,
    prompts: Sequence[str],
    arrivals: Arrivals,
    *,
    model: str,
    seconds: float,
    stream: bool = True,
    timeout_seconds: float = 60.0,
    key_variable: str = KEY_VARIABLE,
    blocked_statuses: Sequence[int] = (),
    program: str | None = None,
    go_on: Callable[[float], bool] | None = None,
) -> Foreign:
    """Have GuideLLM put a server under load, and return what it found.

    Poisson arrivals come from one worker process: several of them all draw the same gaps (seen in 0.8.1). Nothing is
    fetched from anywhere: the prompts are the given ones, and tokens are counted by the server. Its
    configuration, which holds prompts and the key, lies in a folder that only the user can read, until it has ended.
    However it ends, none of the processes that it has started is left behind.

    Args:
        url: of the server; see `chat_url`.
        prompts: sent in turn.
        arrivals: how requests arrive.
        model: the name that requests carry.
        seconds: for how long they are sent.
        stream: whether answers are to be streamed.
        timeout_seconds: for a request.
        key_variable: environment variable with the API key.
        blocked_statuses: of answers with which guards refuse.
        program: GuideLLM's path; found where None.
        go_on: asked a few times a second, with the seconds since it was started, whether to go on.

    Raises:
        ValueError: if it is not installed, or for an input that cannot be.
        RuntimeError: if it fails, or does not end in time; says why.
        KeyboardInterrupt: if `go_on` says no.
    """
    if not prompts:
        raise ValueError("no prompts to send; pass at least one")
    count = round(arrivals.rate * seconds * 1.5) + 10
    if count > MAX_ARRIVALS:
        raise ValueError(f"{arrivals.rate:g} requests a second for {seconds:g} s are too many; send fewer, or for less")
    program = program or find_guidellm()
    spec: dict[str, Any] = {
        "backend": {
            "kind": "openai_http",
            "target": _base(url),
            "model": model,
            "stream": stream,
            "timeout": timeout_seconds,
            "http2": False,
            "verify": True,
            "validate_backend": False,
            "api_key": os.environ.get(key_variable) or None,
        },
        "profile": {"kind": arrivals.kind, "rate": [arrivals.rate]},
        "constraints": [{"kind": "max_duration", "seconds": seconds}],
        "seed": {"kind": "static", "value": arrivals.seed},
    }
    asked = "".join(json.dumps({"prompt": prompts[place % len(prompts)]}) + "\n" for place in range(count))
    for left in reversed(range(TRIES)):
        try:
            return _one_run(program, spec, asked, seconds + timeout_seconds + START_SECONDS, blocked_statuses, go_on)
        except Unscheduled as error:
            if not left:
                raise RuntimeError(f"{error} (it was, {TRIES} times)") from error
    raise AssertionError("unreachable")


def _one_run(
    program: str,
    spec: Mapping[str, Any],
    asked: str,
    limit_seconds: float,
    blocked_statuses: Sequence[int],
    go_on: Callable[[float], bool] | None,
) -> Foreign:
    with tempfile.TemporaryDirectory(prefix="aligntax-guidellm-") as name:
        folder = Path(name)  # of the user's alone
        prompts, result, config = folder / "prompts.jsonl", folder / "result.json", folder / "config.json"
        prompts.write_text(asked, encoding="utf-8")
        whole = {
            **spec,
            "data": [{"kind": "json_file", "path": str(prompts)}],
            "outputs": [{"kind": "json", "path": str(result)}],
        }
        config.write_text(json.dumps({"spec": whole}), encoding="utf-8")
        environment = os.environ | {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
        if spec["profile"]["kind"] == "poisson":
            environment["GUIDELLM__MAX_WORKER_PROCESSES"] = "1"
        command = [program, "run", "--config", str(config), "--disable-console"]
        run_program(command, limit_seconds, environment, folder / "said.txt", go_on)
        if not result.is_file():
            raise RuntimeError(f"GuideLLM ({program}) ended well, but wrote no result")
        return read_foreign(result, blocked_statuses)[0]


def _base(url: str) -> str:
    """Return what GuideLLM calls the target: the address without its /v1."""
    whole = chat_url(url)
    if not urlsplit(whole).path.endswith(f"/v1{PATH}"):
        raise ValueError(f"GuideLLM puts /v1{PATH} behind the address that it gets; {url!r} ends otherwise")
    return whole.removesuffix(f"/v1{PATH}")
