"""Labelled verdicts and texts, made for tests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from aligntax.taxes.benefit.counts import Counts, count
from aligntax.taxes.benefit.verdicts import read_verdicts


def write_lines(path: Path, lines: Iterable[Mapping[str, Any] | str]) -> Path:
    """Write JSON lines; strings as they are."""
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def record(identity: Any, label: str, verdict: str, arm: str = "guarded", **more: Any) -> dict[str, Any]:
    """Return one record of a verdict."""
    return {"id": identity, "label": label, "arm": arm, "verdict": verdict, **more}


def verdicts(attacks: int, blocked: int, benign: int, stopped: int, **more: Any) -> list[dict[str, Any]]:
    """Return records of so many texts with guards, of which so many are blocked."""
    return [
        *(record(f"a{i}", "attack", "block" if i < blocked else "allow", **more) for i in range(attacks)),
        *(record(f"b{i}", "benign", "block" if i < stopped else "allow", **more) for i in range(benign)),
    ]


def raw(attacks: int, succeeded: int, benign: int = 0, stopped: int = 0) -> list[dict[str, Any]]:
    """Return records of the arm without guards, which was run on its own."""
    return [
        *(record(f"a{i}", "attack", "allow", "raw", succeeded=i < succeeded) for i in range(attacks)),
        *(record(f"b{i}", "benign", "block" if i < stopped else "allow", "raw") for i in range(benign)),
    ]


def counted(path: Path, lines: Iterable[Mapping[str, Any] | str]) -> Counts:
    """Return the counts of records, by way of a file."""
    return count(read_verdicts(write_lines(path, lines)))
