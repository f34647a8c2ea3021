"""JSON files of other programs: of bounded length, and with NaN where those write it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

__all__ = ["MAX_BYTES", "error", "number", "read", "whole"]

MAX_BYTES = 512 * 2**20


def read(path: Path) -> Any:
    """Return what is in a file; NaN and infinities stay what they are, since one bad score spoils no other.

    Raises:
        ValueError: if it cannot be read, is empty, too long, or no JSON; names the file, the line and the mend.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ValueError(f"{path}: {size:,} bytes; at most {MAX_BYTES:,} are read, so pass results without samples")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); name a file that exists") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is no JSON (byte {error.start:,} is not UTF-8); write it anew") from error
    if not text.strip():
        raise ValueError(f"{path}: is empty; run the benchmark again")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path}:{error.lineno}: is no JSON ({error.msg}); was it cut off? run the benchmark again"
        ) from error
    except RecursionError as error:
        raise ValueError(f"{path}: is nested too deeply; name a file that a benchmark wrote") from error


def number(value: Any) -> float | None:
    """Return a number, which may be NaN; None for what is none, such as `"N/A"`."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def error(value: Any) -> float | None:
    """Return a standard error; None for what is none, such as `"N/A"` or NaN."""
    found = number(value)
    return found if found is not None and 0 <= found < math.inf else None


def whole(value: Any) -> int | None:
    """Return a whole number of 0 or more; None for anything else."""
    found = number(value)
    return int(found) if found is not None and 0 <= found < math.inf and found == int(found) else None
