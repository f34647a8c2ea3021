"""Finding a target: the function that a name stands for, its prompts, and the profiler that times it."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

from aligntax.attribution import Attribution
from aligntax.demo.prompts import read_prompts, shipped_prompts
from aligntax.experiment.call import Caller
from aligntax.experiment.target_errors import running_target
from aligntax.guards.kinds import imported
from aligntax.profiler import Profiler

__all__ = ["ALIASES", "first_call", "load", "profiler_of", "prompts_for"]

ALIASES = {"demo": "aligntax.demo.target:pipeline"}
MAX_PROMPTS = 10_000


def load(reference: str) -> Any:
    """Return the pipeline that `module:name` names; modules in the working folder are found, too.

    Raises:
        ValueError: if there is no such thing, it needs a module that is not there, or it cannot be called.
        Exception: what its module raised.
    """
    name = reference
    reference = ALIASES.get(name, name)
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        _import_module_of(reference)
        pipeline = imported(reference)
    except ModuleNotFoundError as error:
        install = "run: pip install 'aligntax[demo]'" if name in ALIASES else "install it"
        raise ValueError(f"{name} needs {error.name}, which is not installed; {install}") from error
    except ValueError as error:
        file, _, function = reference.partition(":")
        if not (function and file.endswith(".py")):
            raise
        path = Path(file).with_suffix("")
        if path.is_absolute() or ".." in path.parts:
            mend = f"go to {path.parent}, and write {path.name}:{function}"
        else:
            mend = f"write {'.'.join(path.parts)}:{function}"
        raise ValueError(f"{error}; {mend}") from error
    if not callable(pipeline):
        raise ValueError(  # noqa: TRY004 (the name is wrong, not an argument's type)
            f"{reference!r} is a {type(pipeline).__name__}; name a function that answers one prompt"
        )
    return pipeline


def _import_module_of(reference: str) -> None:
    """Import the module of a target, and mark what it raises; what is wrong with its name is told later."""
    module = reference.partition(":")[0]
    if not module or module.startswith("."):
        return
    try:
        with running_target():
            import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not (module == error.name or module.startswith(f"{error.name}.")):
            raise


def prompts_for(reference: str, pipeline: Callable[..., Any], file: Path | None) -> Sequence[Any]:
    """Return what to call a pipeline with: the prompts in a file, else what it, or its module, has as `prompts`.

    Without any of these, the prompts that come with the package.

    Raises:
        ValueError: if there are none, or too many, they are one text, or the file cannot be read.
    """
    if file is not None:
        return read_prompts(file)
    module = sys.modules.get(ALIASES.get(reference, reference).partition(":")[0])
    own = getattr(pipeline, "prompts", None)
    if own is None:
        own = getattr(module, "prompts", None)
    if own is None:
        return shipped_prompts()
    if callable(own):
        with running_target():
            own = own()
    if isinstance(own, (str, bytes)) or not isinstance(own, Iterable):
        raise ValueError(  # noqa: TRY004 (it is the user's module that is wrong)
            f"{reference}: its prompts are a {type(own).__name__}; make them a list of prompts"
        )
    prompts = list(islice(own, MAX_PROMPTS + 1))
    if not 1 <= len(prompts) <= MAX_PROMPTS:
        many = f"more than {MAX_PROMPTS:,}" if prompts else "0"
        raise ValueError(f"{reference}: has {many} prompts; give it 1 to {MAX_PROMPTS:,}")
    return prompts


def first_call(pipeline: Callable[..., Any], prompt: Any, *, opens_requests: bool) -> Attribution:
    """Call a pipeline for the first time, and return who caused how much of it.

    Raises:
        ValueError: if no profiler saw a request, or more than one did.
    """
    found: list[Attribution] = []
    alive = _alive()
    with ExitStack() as stack:
        for profiler in alive:
            stack.callback(profiler.subscribe(lambda _, attribution: found.append(attribution)))
        with ExitStack() as requests:
            if not opens_requests:
                for profiler in alive:
                    requests.enter_context(profiler.request())
            Caller.plain(pipeline, prompt)
        for profiler in alive:
            profiler.drain()
    found = [attribution for attribution in found if attribution.layers]
    if len(found) != 1:
        raise ValueError(f"{len(found)} requests were seen for one prompt; exactly one should be")
    return found[0]


def profiler_of(
    pipeline: Callable[..., Any], prompt: Any, runner: asyncio.Runner | None = None
) -> tuple[Profiler, bool]:
    """Return the profiler that times a pipeline, and whether the pipeline opens a request itself.

    It is the only one that sees a call, or what the pipeline has as `profiler`.

    Args:
        pipeline: is called once.
        prompt: what with.
        runner: of the event loop that it is to run on; one for this call where None.

    Raises:
        ValueError: if there is no such profiler, or more than one; or if it opens several requests.
    """
    own = getattr(pipeline, "profiler", None)
    alive = [own] if isinstance(own, Profiler) else _alive()
    before = [_counts(profiler) for profiler in alive]
    Caller.plain(pipeline, prompt, runner)
    found = []
    for profiler, (requests, lost) in zip(alive, before, strict=True):
        requests_now, lost_now = _counts(profiler)
        if requests_now - requests > 1:
            raise ValueError(f"the target opened {requests_now - requests} requests for one prompt; let it open one")
        if requests_now > requests or lost_now > lost:
            found.append((profiler, requests_now > requests))
    if len(found) != 1:
        raise ValueError(
            f"{len(found)} profilers saw the target's layers being called; exactly one should time its guards and "
            "model, or be said to be the one: pipeline.profiler = profiler"
        )
    return found[0]


def _counts(profiler: Profiler) -> tuple[int, int]:
    """Return how many requests were drained, and how many spans had none."""
    profiler.drain()
    report = profiler.report().to_dict()
    return report["requests"], report["self"]["dropped_by_reason"].get("orphan_span", 0)


def _alive() -> list[Profiler]:
    # The collector knows all objects that there are; a registry of profilers would be one more thing to keep.
    # Their types are asked, and not they: proxies answer for something else, and some of them warn.
    alive = [each for each in gc.get_objects() if issubclass(type(each), Profiler) and not each.recorder.closed]
    if not alive:
        raise ValueError(
            "no Profiler is alive; time the target's guards and its model with one, and keep it as long as the target"
        )
    return alive
