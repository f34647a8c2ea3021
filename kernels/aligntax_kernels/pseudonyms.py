"""Names for values by a keyed digest: what pseudonyms of personal data and of secrets have in common."""

from __future__ import annotations

import hmac
from hashlib import sha256

from aligntax_kernels.text import encoded

__all__ = ["keyed_name", "require_key"]

_MOST_DIGITS = 64


def require_key(key: bytes, digits: int) -> None:
    """Check what names are made with.

    Raises:
        TypeError: if the key is not bytes, or `digits` not an int.
        ValueError: if the key is empty or `digits` is not from 4 to 64.
    """
    if not isinstance(key, bytes):
        raise TypeError(f"key: got a {type(key).__name__}; pass bytes, as os.urandom(32) returns")
    if not key:
        raise ValueError("key: it is empty; pass secret bytes, as os.urandom(32) returns")
    if not isinstance(digits, int):
        raise TypeError(f"digits: got a {type(digits).__name__}; pass an int from 4 to {_MOST_DIGITS}")
    if not 4 <= digits <= _MOST_DIGITS:
        raise ValueError(f"digits={digits}: a name has 4 to {_MOST_DIGITS} hexadecimal digits")


def keyed_name(key: bytes, digits: int, kind: str, value: str) -> str:
    """Return `[kind:digest]`, the first `digits` hexadecimal digits of HMAC-SHA256(key, kind + NUL + value).

    Source: RFC 2104 (HMAC).
    """
    digest = hmac.new(key, encoded(f"{kind}\0{value}"), sha256).hexdigest()
    return f"[{kind}:{digest[:digits]}]"
