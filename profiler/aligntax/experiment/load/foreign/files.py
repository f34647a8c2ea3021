"""Files of other load generators, told from each other and read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aligntax.experiment.load.foreign.aiperf import is_aiperf, is_aiperf_record, read_aiperf
from aligntax.experiment.load.foreign.guidellm import is_guidellm, read_guidellm
from aligntax.experiment.load.foreign.record import Foreign, Unscheduled
from aligntax.experiment.result import MAX_BYTES, read_json

__all__ = ["read_foreign"]

MAX_LINES = 1_000_000


def read_foreign(path: Path | str, blocked_statuses: Sequence[int] = ()) -> list[Foreign]:
    """Read a file of GuideLLM's or of AIPerf's.

    Args:
        path: GuideLLM's JSON; AIPerf's summary or its requests (each is read with the other if it lies beside it), or
            the folder that they are in.
        blocked_statuses: of answers with which guards refuse, where the file does not say more.

    Returns:
        The runs in it; GuideLLM's may have many.

    Raises:
        ValueError: if it cannot be read, or is neither.
        Unscheduled: if its requests did not go out when they were due.
    """
    file, statuses = Path(path), frozenset(blocked_statuses)
    if file.is_dir():
        file /= "profile_export_aiperf.json"
    try:
        if file.suffix == ".jsonl":
            summary = _beside(file)
            return [read_aiperf(read_json(summary) if summary else None, _lines(file), statuses)]
        document = read_json(file)
        if is_guidellm(document):
            return read_guidellm(document, statuses)
        if is_aiperf(document):
            records = _beside(file)
            return [read_aiperf(document, _lines(records) if records else None, statuses)]
    except Unscheduled:
        raise
    except ValueError as error:
        raise ValueError(str(error) if str(file) in str(error) else f"{file}: {error}") from error
    raise ValueError(f"{file}: is JSON, but neither GuideLLM's nor AIPerf's")


def _beside(file: Path) -> Path | None:
    """Return the other one of AIPerf's two files, if it is there."""
    if file.suffix == ".jsonl":
        names = ["profile_export_aiperf.json"] if file.name == "profile_export.jsonl" else [f"{file.stem}.json"]
    else:
        names = ["profile_export.jsonl"] if file.name == "profile_export_aiperf.json" else [f"{file.stem}.jsonl"]
    return next((other for name in names if (other := file.with_name(name)).is_file()), None)


def _lines(file: Path) -> list[Any]:
    """Return the documents of a file with one on each line."""
    try:
        size = file.stat().st_size
        if size > MAX_BYTES:
            raise ValueError(f"{file}: {size:,} bytes; at most {MAX_BYTES:,} are read")
        with file.open(encoding="utf-8") as opened:
            lines = opened.readlines()  # `splitlines` would also cut at line ends that JSON has within its texts
    except OSError as error:
        raise ValueError(f"{file}: cannot be read ({error.strerror}); name a file that exists") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: is no JSON (byte {error.start:,} is not UTF-8)") from error
    if len(lines) > MAX_LINES:
        raise ValueError(f"{file}: {len(lines):,} lines; at most {MAX_LINES:,} are read")
    found = []
    for place, line in enumerate(lines, 1):
        try:
            document = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{file}: line {place} is no JSON; was it cut off?") from error
        if not is_aiperf_record(document):
            raise ValueError(f"{file}: line {place} is no request of AIPerf's")
        found.append(document)
    if not found:
        raise ValueError(f"{file}: has no request in it")
    return found
