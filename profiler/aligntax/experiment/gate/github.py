"""What GitHub's runner is told: annotations on its output, and the job's summary.

Sources: GitHub's documentation of workflow commands (escapes; a summary of at most 1 MiB a step; of each kind of
annotation ten a step are shown), and `actions/toolkit`, `packages/core/src/command.ts`.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from aligntax.experiment.gate.judging import Judged, Standing
from aligntax.experiment.gate.words import forced_lines, judged_headline, judged_sentence

__all__ = ["SUMMARY", "add_to_summary", "annotated", "commands_stopped", "summary_file"]

SUMMARY = "GITHUB_STEP_SUMMARY"
MAX_SUMMARY_BYTES = 2**20
MAX_ANNOTATIONS = 10
_TITLE = "alignment tax"
_KINDS = {Standing.FAILED: "error", Standing.CANNOT_TELL: "warning"}


def annotated(judged: Judged) -> Iterator[str]:
    """Yield a line for each limit that is not kept, to be printed; of each kind no more than are shown.

    A limit that cannot be told is a warning, or what it is taken for.
    """
    lines: dict[str, list[str]] = {kind: [] for kind in _KINDS.values()}
    if judged.differences:
        lines["warning"].append(" ".join(forced_lines(judged.differences)))
    for judgement in judged.judgements:
        taken = judged.taken_for(judgement)
        kind = _KINDS.get(taken)
        if kind is not None:
            lines[kind].append(judged_sentence(judgement))
    for kind, found in lines.items():
        shown = found if len(found) <= MAX_ANNOTATIONS else [*found[: MAX_ANNOTATIONS - 1], judged_headline(judged)]
        yield from (f"::{kind} title={_TITLE}::{_escaped(text)}" for text in shown)


@contextmanager
def commands_stopped(write: Callable[[str], object]) -> Iterator[None]:
    """Keep the runner from obeying what is printed meanwhile: names of guards may stand at the start of a line.

    Args:
        write: prints one line.
    """
    token = secrets.token_hex(16)
    write(f"::stop-commands::{token}")
    try:
        yield
    finally:
        write(f"::{token}::")


def summary_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the file that the runner shows as the job's summary.

    Raises:
        ValueError: outside of a job; names the variable.
    """
    found = environment.get(SUMMARY)
    if not found:
        raise ValueError(
            f"--github: {SUMMARY} is not set, as it is in a job of GitHub Actions; leave --github out here"
        )
    return Path(found)


def add_to_summary(path: Path, markdown: str) -> None:
    """Add Markdown to a job's summary, cut off where it gets longer than a summary may be.

    Raises:
        OSError: if it cannot be written.
    """
    size = path.stat().st_size if path.exists() else 0
    content = markdown.encode()[: max(0, MAX_SUMMARY_BYTES - size)]
    with path.open("ab") as file:
        file.write(content.decode(errors="ignore").encode())


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
