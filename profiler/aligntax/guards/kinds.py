"""What the values in a table of configuration must be, and how arguments are made of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = [
    "BOOLEAN",
    "FILE",
    "FOLDING",
    "INTEGER",
    "LABEL",
    "NUMBER",
    "OBJECT",
    "PII_REPLACEMENT",
    "SECRETS_REPLACEMENT",
    "TEXT",
    "TEXTS",
    "TOKENS",
    "Kind",
    "imported",
]


def _as_it_is(value: Any, folder: Path) -> Any:  # noqa: ARG001 (all are called alike)
    return value


@dataclass(frozen=True, slots=True)
class Kind:
    """What the value of a key must be.

    Attributes:
        description: for the message of an error.
        accepts: whether a value is of the kind.
        read: from the value, and the folder of the file that it stands in, to the argument.
    """

    description: str
    accepts: Callable[[Any], bool]
    read: Callable[[Any, Path], Any] = _as_it_is


def imported(reference: str) -> Any:
    """Return what `package.module:name` names; the name may have dots.

    Raises:
        ValueError: if it is not written like that, or if there is no such module or name.
    """
    module, colon, path = reference.partition(":")
    if not (module and colon and path) or module.startswith("."):  # there is nothing that it could be relative to
        raise ValueError(f"{reference!r} names no object; write it as 'package.module:name'")
    try:
        found = import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not (module == error.name or module.startswith(f"{error.name}.")):
            raise  # something that the module needs
        raise ValueError(f"{reference!r}: there is no module {error.name!r} on Python's path") from error
    for name in path.split("."):
        if not hasattr(found, name):
            raise ValueError(f"{reference!r}: {module} has no {path!r}")
        found = getattr(found, name)
    return found


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _are_texts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(map(_is_text, value))


def _are_sequences(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(
        isinstance(sequence, (list, tuple)) and all(map(_is_integer, sequence)) for sequence in value
    )


def _is_folding(value: Any) -> bool:
    return isinstance(value, bool) or (
        isinstance(value, Mapping) and all(isinstance(step, bool) for step in value.values())
    )


def _is_replacement(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return _is_text(value)
    return len(value) == 1 and (_is_text(value.get("pseudonyms")) or _is_integer(value.get("mask")))


def _is_secret_replacement(value: Any) -> bool:
    return _is_replacement(value) and (isinstance(value, str) or "pseudonyms" in value)


def _replacement(module: str) -> Callable[[Any, Path], Any]:
    def read(value: Any, folder: Path) -> Any:  # noqa: ARG001 (as above)
        if isinstance(value, str):
            return value
        kernel = import_module(f"aligntax_kernels.{module}")
        if "mask" in value:
            return kernel.Mask(value["mask"])
        key = os.environ.get(value["pseudonyms"], "")
        if not key:
            raise ValueError(f"replacement: the environment variable {value['pseudonyms']!r} is not set; it is the key")
        return kernel.Pseudonyms(os.fsencode(key))

    return read


def _path(value: Any, folder: Path) -> Path:
    return folder.joinpath(value)


def _object(value: Any, folder: Path) -> Any:  # noqa: ARG001 (as above)
    return imported(value)


TEXT = Kind("a string", _is_text)
TEXTS = Kind("a list of strings", _are_texts)
BOOLEAN = Kind("true or false", lambda value: isinstance(value, bool))
NUMBER = Kind("a number", _is_number)
INTEGER = Kind("an integer", _is_integer)
FILE = Kind("the path of a file, from the folder of this one", _is_text, _path)
OBJECT = Kind("a string 'package.module:name'", _is_text, _object)
LABEL = Kind("a string or an integer", lambda value: _is_text(value) or _is_integer(value))
FOLDING = Kind("true, false or a table of steps that are true or false", _is_folding)
TOKENS = Kind("a list of lists of token ids", _are_sequences)
PII_REPLACEMENT = Kind(
    "a string, { mask = characters } or { pseudonyms = 'ENVIRONMENT_VARIABLE' }", _is_replacement, _replacement("pii")
)
SECRETS_REPLACEMENT = Kind(
    "a string or { pseudonyms = 'ENVIRONMENT_VARIABLE' }", _is_secret_replacement, _replacement("secrets")
)
