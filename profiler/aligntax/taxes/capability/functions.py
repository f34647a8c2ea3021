"""Functions of the user's that take the place of a part of the measurement."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aligntax.guards.kinds import imported

__all__ = ["named_function"]


def named_function(given: str | Callable[[Any], Any], role: str, takes: str) -> tuple[Callable[[Any], Any], str]:
    """Return a function and what to call it in the record.

    Args:
        given: the function, or `package.module:function`; modules in the working folder are found, too. Importing runs
            that module's code.
        role: what it is for, for the message.
        takes: what it is called with, likewise.

    Raises:
        ValueError: if there is no such function, or its module cannot be imported.
    """
    if not isinstance(given, str):
        _require_callable(given, f"the {role}", takes)
        kind = getattr(given, "__qualname__", type(given).__qualname__)
        return given, f"{getattr(given, '__module__', type(given).__module__)}:{kind}"
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = imported(given)
    except ValueError:
        raise
    except ModuleNotFoundError as error:
        raise ValueError(f"the {role} {given} needs {error.name}, which is not installed; install it") from error
    except Exception as error:
        raise ValueError(
            f"the {role} {given}: its module raises a {type(error).__name__} when imported ({error!s:.100}); mend it"
        ) from error
    _require_callable(found, f"the {role} {given}", takes)
    return found, given


def _require_callable(found: Any, what: str, takes: str) -> None:
    if not callable(found):
        raise ValueError(f"{what} is a {type(found).__name__}, which cannot be called; name a function of {takes}")  # noqa: TRY004 (the name is wrong)
