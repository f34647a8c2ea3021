"""Targets for `aligntax bench` that misbehave. What they count, they say in the file that a variable names."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import threading
import time
from pathlib import Path

from aligntax import Profiler
from aligntax.testing import sleeping, sleeping_async

CALLS_VARIABLE = "ALIGNTAX_TEST_CALLS"
ENOUGH = 60
"""Calls after which an experiment on four prompts is past its warm-up."""

profiler = Profiler(drain_seconds=0)
prompts = ["one", "two", "three", "four"]

_calls = itertools.count(1)
_model = profiler.model(sleeping(0.001), name="model")
_guard = profiler.guard(sleeping(0.001), name="guard")
_guard_async = profiler.guard(sleeping_async(0.001), name="asynchronous guard")
_loud = profiler.guard(lambda text: {"text": text.upper()}, name="loud", bypass=lambda text: {"text": text})


def _note() -> int:
    number = next(_calls)
    path = os.environ.get(CALLS_VARIABLE)
    if path is not None and number == ENOUGH:
        Path(path).write_text(str(number))
    return number


def counted(prompt: str) -> str:
    """Count the calls."""
    _note()
    with profiler.request():
        return str(_model(_guard(prompt)))


def hanging(prompt: str) -> str:
    """Come to no end after a while."""
    if _note() >= ENOUGH:
        time.sleep(3600)
    return counted(prompt)


async def hanging_async(prompt: str) -> str:
    """Do the same as a coroutine."""
    if _note() >= ENOUGH:
        await asyncio.sleep(3600)
    with profiler.request():
        return str(_model(await _guard_async(prompt)))


def failing(prompt: str) -> str:
    """Raise what quotes a prompt."""
    if prompt == "three":
        raise KeyError(f"cannot answer {prompt}")
    return counted(prompt)


async def failing_async(prompt: str) -> str:
    """Do the same as a coroutine."""
    with profiler.request():
        await _guard_async(prompt)
        raise OSError(f"cannot answer {prompt}")


def failing_stream(prompt: str):
    """Do the same in the middle of a stream."""
    with profiler.request():
        yield _guard(prompt)
        raise ValueError(f"cannot answer {prompt}")


def leaving(prompt: str) -> str:
    """Try to end the program."""
    with profiler.request():
        _guard(prompt)
        sys.exit(f"cannot answer {prompt}")


def changing(prompt: str) -> str:
    """Answer differently without the guard, which says that it allowed."""
    with profiler.request():
        return str(_model(_loud(prompt)["text"]))


def chatty(prompt: str) -> str:
    """Print more than a pipe holds."""
    for number in range(2_000):
        for stream in (sys.stdout, sys.stderr):
            stream.write(f"{number:060d}\n")
    return counted(prompt)


def threaded(prompt: str) -> str:
    """Leave a thread behind at every call."""
    threading.Thread(target=time.sleep, args=(0.2,)).start()
    return counted(prompt)


def never_alone(prompt: str) -> str:
    """Print much, and leave a thread behind for which the interpreter waits in vain: only for a process of its own."""
    threading.Thread(target=time.sleep, args=(3600,)).start()
    return chatty(prompt)
