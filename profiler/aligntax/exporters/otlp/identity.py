"""Which of the callers' identifiers of requests are trace ids of W3C Trace Context."""

from __future__ import annotations

import re

_TRACE_ID = re.compile(r"[0-9a-f]{32}")


def w3c_trace_id(identifier: str | None) -> int | None:
    """Return a W3C trace id as a number; None for what is none: 32 lower-case hexadecimal digits, not all zero."""
    if identifier is None or _TRACE_ID.fullmatch(identifier) is None:
        return None
    return int(identifier, 16) or None
