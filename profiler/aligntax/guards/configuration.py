"""Guards from tables, as they stand in a TOML or JSON file."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aligntax.guards.catalogue import BUILT_IN, BuiltIn
from aligntax.guards.function import AsyncFunctionGuard, FunctionGuard, is_async
from aligntax.guards.kinds import imported

__all__ = ["from_file", "from_table", "read_table", "shown"]

MAX_FILE_BYTES = 16 * 2**20
_FUNCTION_KEYS = ("name", "stage", "on_error")
_SHOWN = 80


def from_table(table: Mapping[str, Any], *, source: str | Path | None = None) -> Any:
    """Return the guard that a table describes.

        {"use": "blocklist", "stage": "input", "patterns": ["forbiddenword"], "on_hit": "block"}

    Args:
        table: `use` is the name of a built-in guard, `blocklist`, `entropy_gate`, `linear_classifier`,
            `onnx_classifier`, `pii`, `secrets` or `token_ban`, whose arguments the other keys are; or
            `package.module:name`. A class of that name is called with the other keys, and makes the guard, with the
            attributes `name` and `stage`; any other callable takes a text and returns a str, a `Verdict` or a
            `Judgement`, at once or when awaited, and its table holds no keys but `name`, `stage` and `on_error`.
            Importing runs that module's code: read configuration only from where you would read code.
        source: the file that it stands in, for messages and for the paths in it, which start from its folder.

    Raises:
        ValueError: for an unknown or a missing key or guard, and for a value that does not go; names the source, the
            key, its value and what is allowed.
        ModuleNotFoundError: where the guard needs a package that is not installed; names the install command.
    """
    where = "" if source is None else f"{source}: "
    folder = Path() if source is None else Path(source).parent
    if not isinstance(table, Mapping):
        raise ValueError(f"{where}a guard is a table, and this is {shown(table)}; write keys and values")  # noqa: TRY004
    keys = dict(table)
    known = f"{', '.join(map(repr, BUILT_IN))} or 'package.module:callable'"
    if "use" not in keys:
        raise ValueError(f"{where}the key 'use' is missing; name a guard, {known}")
    use = keys.pop("use")
    if not isinstance(use, str) or (use not in BUILT_IN and ":" not in use):
        raise ValueError(f"{where}use={shown(use)} is no guard; use {known}")
    where = f"{where}guard {use!r}: "
    try:
        if use in BUILT_IN:
            return _built_in(BUILT_IN[use], keys, folder)
        return _custom(imported(use), keys)
    except OSError as error:
        raise ValueError(f"{where}{_unreadable(error)}") from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}{error}") from error


def from_file(path: str | Path) -> list[Any]:
    """Return the guards that a file lists, in its order.

        [[guards]]
        use = "pii"
        stage = "stream"

    Args:
        path: `.json` holds an object with a list under "guards"; any other file is TOML. Other keys at the top are not
            looked at: the file may configure more than guards.

    Raises:
        ValueError: if the file cannot be read, is no TOML or JSON or holds no guards, if two have the same name, and
            as `from_table`; names the file and the mend.
        ModuleNotFoundError: as `from_table`.
    """
    path = Path(path)
    tables = read_table(path).get("guards")
    if not isinstance(tables, list) or not tables:
        example = '{"guards": [{"use": ...}]}' if _is_json(path) else "[[guards]] before each"
        raise ValueError(f"{path}: no list of guards in it; write {example}")
    guards: list[Any] = []
    taken: dict[str, int] = {}
    for number, table in enumerate(tables, start=1):
        try:
            guard = from_table(table, source=path)
        except ValueError as error:
            raise ValueError(f"{error} (guard {number} of {len(tables)})") from error
        if guard.name in taken:
            raise ValueError(
                f"{path}: guards {taken[guard.name]} and {number} are both called {guard.name!r}; give one another name"
            )
        taken[guard.name] = number
        guards.append(guard)
    return guards


def _built_in(built_in: BuiltIn, keys: dict[str, Any], folder: Path) -> Any:
    _require_known(keys, built_in.keys)
    for key in built_in.required:
        if key not in keys:
            raise ValueError(f"the key {key!r} is missing; it must be {built_in.keys[key].description}")
    arguments = {}
    for key, value in keys.items():
        kind = built_in.keys[key]
        if not kind.accepts(value):
            raise ValueError(f"{key}={shown(value)} is of the wrong kind; it must be {kind.description}")
        arguments[key] = kind.read(value, folder)
    return built_in.load()(**arguments)


def _custom(found: Any, keys: dict[str, Any]) -> Any:
    if not callable(found):
        raise ValueError(f"it is a {type(found).__name__}, which cannot be called; name a function or a class")  # noqa: TRY004
    if isinstance(found, type):
        guard = found(**keys)
        if not (callable(guard) and isinstance(getattr(guard, "name", None), str) and hasattr(guard, "stage")):
            raise ValueError("what it makes is no guard; give it the attributes name and stage, and __call__")
        return guard
    _require_known(keys, _FUNCTION_KEYS)
    return AsyncFunctionGuard(found, **keys) if is_async(found) else FunctionGuard(found, **keys)


def _require_known(keys: Mapping[str, Any], allowed: Mapping[str, Any] | tuple[str, ...]) -> None:
    for key, value in keys.items():
        if key not in allowed:
            raise ValueError(f"the key {key!r} ({shown(value)}) is unknown; use any of {', '.join(map(repr, allowed))}")


def read_table(path: Path) -> dict[str, Any]:
    """Return what a file of configuration holds, TOML or, by its name, JSON; nothing where that is no object.

    Raises:
        ValueError: if it cannot be read, is too large or is neither; names the file.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ValueError(_unreadable(error)) from error
    if len(content) > MAX_FILE_BYTES:
        raise ValueError(f"{path}: more than {MAX_FILE_BYTES // 2**20} MiB; put long lists into files of their own")
    kind = "JSON" if _is_json(path) else "TOML"
    try:
        text = content.decode("utf-8-sig")
        found = json.loads(text) if kind == "JSON" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a UnicodeDecodeError is one, too
        raise ValueError(f"{path}: no {kind} ({error}); mend it there") from error
    return found if isinstance(found, dict) else {}


def _unreadable(error: OSError) -> str:
    """Return what to say of a file that is missing or forbidden; an error without a file is somebody else's."""
    if error.filename is None:
        return str(error)
    return f"{error.filename}: cannot be read ({error.strerror}); name a file that exists and is yours to read"


def _is_json(path: Path) -> bool:
    return path.suffix.lower() == ".json"


def shown(value: object) -> str:
    """Return a value for a message, shortened: it may be a long list."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
