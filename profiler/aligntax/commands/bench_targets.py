"""What `aligntax bench` can be pointed at: a pipeline, the configuration of a proxy, two URLs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aligntax.commands.measuring import Shown

if TYPE_CHECKING:
    from aligntax.experiment.load import Plan
    from aligntax.experiment.paired import Design
    from aligntax.experiment.result import Result

__all__ = ["Run", "are_urls", "chat_at", "files_of", "prompts_of", "runner"]

_CONFIGURATIONS = (".toml", ".json")
_URLS = ("http://", "https://")

Run = Callable[["Design", bool, bool, "Plan | None", Shown], "Result"]


def runner(target: Sequence[str], upstream: str | None, chat: Callable[[str], Any], prompts: Path | None) -> Run:
    """Return what measures a target.

    Raises:
        ValueError: if it is none, or lacks something.
    """
    first, *rest = target
    if are_urls(target):
        if len(rest) != 1 or not rest[0].startswith(_URLS):
            raise ValueError("name two URLs: that of the server without guards, and that of the same behind guards")
        return partial(_on_urls, first, rest[0], chat, prompts)
    if rest:
        raise ValueError(f"{' '.join(rest)!r} is one target too many; only URLs come in twos")
    if Path(first).suffix.lower() in _CONFIGURATIONS:
        if upstream is None:
            raise ValueError(f"{first} configures a proxy; say with --upstream URL which server it stands in front of")
        return partial(_on_proxy, Path(first), upstream, chat, prompts)
    if upstream is not None:
        raise ValueError(f"--upstream goes with a configuration, and {first!r} is none")
    return partial(_on_pipeline, first, prompts)


def _on_pipeline(
    name: str, prompts: Path | None, design: Design, each: bool, cold: bool, plan: Plan | None, progress: Shown
) -> Result:
    from aligntax.experiment.bench import bench as run

    return run(name, prompts=prompts, design=design, each=each, cold=cold, plan=plan, progress=progress)


def _on_urls(
    raw: str,
    guarded: str,
    chat: Callable[[str], Any],
    prompts: Path | None,
    design: Design,
    each: bool,
    cold: bool,  # noqa: ARG001 (all are called alike)
    plan: Plan | None,
    progress: Shown,
) -> Result:
    from aligntax.experiment.remote import bench_urls

    if each:
        raise ValueError("--each needs guards that can be left out; behind a URL they cannot")
    asked = prompts_of(prompts)
    return bench_urls(raw, guarded, chat, prompts=asked, design=design, plan=plan, progress=progress)


def _on_proxy(
    config: Path,
    upstream: str,
    chat: Callable[[str], Any],
    prompts: Path | None,
    design: Design,
    each: bool,
    cold: bool,  # noqa: ARG001 (as above)
    plan: Plan | None,
    progress: Shown,
) -> Result:
    from aligntax.experiment.remote import bench_proxy

    asked = prompts_of(prompts)
    return bench_proxy(config, upstream, chat, prompts=asked, design=design, each=each, plan=plan, progress=progress)


def prompts_of(file: Path | None) -> list[str]:
    """Return the prompts in a file, or the shipped ones."""
    from aligntax.demo.prompts import read_prompts, shipped_prompts

    return shipped_prompts() if file is None else read_prompts(file)


def chat_at(url: str, *, model: str, stream: bool, max_tokens: int | None) -> Any:
    """Return what asks a server."""
    from aligntax.experiment.load.chat import Chat

    return Chat(url, model=model, stream=stream, more={} if max_tokens is None else {"max_tokens": max_tokens})


def files_of(target: Sequence[str]) -> list[Path]:
    """Return the files of the working folder that a target is read from: a configuration, or a module."""
    modules = [each.partition(":")[0].replace(".", "/") for each in target if ":" in each and not are_urls([each])]
    named = [*target, *(f"{module}.py" for module in modules), *(f"{module}/__init__.py" for module in modules)]
    return [path for path in map(Path, named) if path.is_file()]


def are_urls(target: Sequence[str]) -> bool:
    """Return whether a target is servers."""
    return target[0].startswith(_URLS)
