"""Guards of the user's own, as a configuration names them: good ones, and such as fail, wait or talk."""

from __future__ import annotations

import asyncio
import time
from typing import ClassVar

from aligntax.guards import Judgement
from aligntax.trace import Verdict

running = most_running = 0


def stops_evil(text: str) -> Verdict:
    return Verdict.BLOCK if "evil" in text else Verdict.ALLOW


def breaks_on_evil(text: str) -> str:
    if "evil" in text:
        raise RuntimeError(f"cannot judge {text!r}")
    return text


def shouts(text: str) -> str:
    return text.upper()


def takes_its_time(text: str) -> str:
    time.sleep(0.02)
    return text


def nests_a_loop(text: str) -> str:
    return asyncio.run(_unchanged(text))


async def _unchanged(text: str) -> str:
    await asyncio.sleep(0)
    return text


async def asks_a_server(text: str) -> Verdict:
    global running, most_running
    running += 1
    most_running = max(running, most_running)
    await asyncio.sleep(0.01)
    running -= 1
    return Verdict.BLOCK if "evil" in text else Verdict.ALLOW


async def never_answers(text: str) -> str:
    await asyncio.Event().wait()
    return text


async def is_cancelled(text: str) -> str:
    raise asyncio.CancelledError


class BlockError(Exception):
    verdict = Verdict.BLOCK


def raises_a_block(text: str) -> str:
    raise BlockError


class ReturnsText:
    """A class of guards whose calls return no judgement."""

    def __init__(self, name: str = "returns_text", stage: str = "input") -> None:
        self.name, self.stage = name, stage

    def __call__(self, text: str) -> str:
        return text


class Cautious:
    """A guard at the output, which remembers what it was shown."""

    seen: ClassVar[list[str]] = []

    def __init__(self, name: str = "cautious", stage: str = "output") -> None:
        self.name, self.stage = name, stage

    def __call__(self, text: str) -> Judgement:
        self.seen.append(text)
        return Judgement(Verdict.ALLOW, text)
