"""Settings of a run as they may be told: numbers and names as they are, any other text by its length and hash alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

__all__ = ["several", "told"]

_NAME = re.compile(r"[\w./:@+-]{0,60}")
_DIGITS = 8


def told(value: Any) -> str:
    """Return a setting in words; what may be part of a prompt, such as instructions, does not leave the files."""
    written = str(value)
    if _NAME.fullmatch(written):
        return written
    digest = sha256(written.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    return f"{len(written):,} characters (SHA-256 {digest})"


def several(settings: Mapping[str, Any]) -> str:
    """Return settings in the order of their names."""
    return ", ".join(f"{name}={told(value)}" for name, value in sorted(settings.items()))
