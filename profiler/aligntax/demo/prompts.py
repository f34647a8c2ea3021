"""Prompts for the demo: the shipped ones, or a file of the user's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

MAX_PROMPTS = 10_000
MAX_CHARACTERS = 8_000
MAX_FILE_BYTES = 64 * 2**20

_KEYS = ("prompt", "text")
_JSON_LINES = (".jsonl", ".ndjson")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def shipped_prompts() -> list[str]:
    """Return the prompts that come with the package; persons, numbers and addresses in them are made up."""
    return files(__package__).joinpath("prompts.txt").read_text(encoding="utf-8").splitlines()


def read_prompts(path: Path) -> list[str]:
    """Return the prompts in a file.

    Args:
        path: UTF-8. `.jsonl` and `.ndjson` hold a JSON value on each line, a string or an object with the prompt
            under "prompt" or "text"; any other file holds one prompt a line. Blank lines are skipped.

    Raises:
        ValueError: if the file cannot be read, holds no prompt or more than `MAX_PROMPTS`, or has a line that is no
            UTF-8, no such JSON, or a prompt of more than `MAX_CHARACTERS`. Names the file, the line and the mend.
    """
    prompts: list[str] = []
    parse = _parse_json if path.suffix.lower() in _JSON_LINES else _parse_text
    for number, line in enumerate(_lines(path), start=1):
        try:
            prompt = parse(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{path}:{number}: byte {error.object[error.start]:#04x} at column {error.start + 1} is not UTF-8; "
                "convert the file, for example with iconv"
            ) from error
        except ValueError as error:
            raise ValueError(f"{path}:{number}: {error}") from error
        if not prompt:
            continue
        if len(prompt) > MAX_CHARACTERS:
            raise ValueError(
                f"{path}:{number}: a prompt of {len(prompt):,} characters; shorten it to at most {MAX_CHARACTERS:,}"
            )
        if len(prompts) == MAX_PROMPTS:
            raise ValueError(f"{path}:{number}: more than {MAX_PROMPTS:,} prompts; split the file")
        prompts.append(prompt)
    if not prompts:
        raise ValueError(f"{path}: no prompt in it; write one on each line")
    return prompts


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file without their ends; text is split at line feeds only, as JSON lines are."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ValueError(
            f"{path}: cannot be read ({error.strerror}); name a text or JSON lines file that exists"
        ) from error
    if len(content) > MAX_FILE_BYTES:
        raise ValueError(f"{path}: more than {MAX_FILE_BYTES // 2**20} MiB; split the file")
    yield from content.removeprefix(_BYTE_ORDER_MARK).split(b"\n")


def _parse_text(line: str) -> str:
    return line.strip()


def _parse_json(line: str) -> str:
    """Return the prompt on a line of JSON; an empty one for a blank line."""
    if not line.strip():
        return ""
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"broken JSON, {error.msg} at column {error.colno}; write one JSON value on a line") from error
    except RecursionError as error:
        raise ValueError("JSON that is nested too deeply; write a string or a flat object") from error
    prompt = next((value[key] for key in _KEYS if key in value), None) if isinstance(value, dict) else value
    if not isinstance(prompt, str):
        raise ValueError(  # noqa: TRY004 (the file is wrong, not an argument's type)
            'no prompt; write a string, or an object with a string under "prompt" or "text"'
        )
    if not prompt.strip():
        raise ValueError("an empty prompt; leave the line out")
    return prompt.strip()
