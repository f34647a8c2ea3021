"""Guards that load little, for processes that are started many times."""

from __future__ import annotations


def shorten(text: str) -> str:
    """A guard that is a function."""
    return text[:100]


async def wait(text: str) -> str:
    """A guard that is awaited."""
    return text


class Hoarder:
    """A guard that keeps 64 MiB."""

    stage = "input"

    def __init__(self, name: str = "hoarder", mebibytes: int = 64) -> None:
        self.name = name
        self.kept = bytearray(b"x") * (mebibytes * 2**20)

    def __call__(self, text: str) -> str:
        return text


def broken(text: str) -> str:
    """A guard that fails in its first call."""
    raise RuntimeError("no such model")
