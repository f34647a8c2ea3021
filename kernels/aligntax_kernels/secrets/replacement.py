"""What stands in the place of a secret: a label, a fixed string, or a pseudonym."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256

from aligntax_kernels.text import encoded

__all__ = ["Pseudonyms", "Replacement", "replacer"]

Replacement = str | Callable[[str, str], str]
"""A fixed string, or a function of the type and the secret."""

_MOST_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Names each secret by a keyed digest, so that a log shows where the same one came up again, and not which.

        digest = HMAC-SHA256(key, type + NUL + secret)
        pseudonym = "[" + type + ":" + the first `digits` hexadecimal digits of digest + "]"

    Attributes:
        key: not empty; whoever has it can try a secret that he knows already.
        digits: how many hexadecimal digits a name has, 4 to 64. Two secrets share one with a chance of 16 ** -digits.

    Raises:
        TypeError: if the key is not bytes.
        ValueError: if the key is empty or `digits` is out of range.

    Source: RFC 2104 (HMAC).
    """

    key: bytes = field(repr=False)
    digits: int = 12

    def __post_init__(self) -> None:
        if not isinstance(self.key, bytes):
            raise TypeError(f"key: got a {type(self.key).__name__}; pass bytes, as os.urandom(32) returns")
        if not self.key:
            raise ValueError("key: it is empty; pass secret bytes, as os.urandom(32) returns")
        if not 4 <= self.digits <= _MOST_DIGITS:
            raise ValueError(f"digits={self.digits}: a name has 4 to {_MOST_DIGITS} hexadecimal digits")

    def __call__(self, kind: str, secret: str) -> str:
        """Return the name of a secret."""
        digest = hmac.new(self.key, encoded(f"{kind}\0{secret}"), sha256).hexdigest()
        return f"[{kind}:{digest[: self.digits]}]"


def replacer(replacement: Replacement | None) -> Callable[[str, bytes], bytes]:
    """Return the function of type and secret that a caller's replacement means.

    Raises:
        TypeError: if it is neither a string nor callable nor None.
    """
    if replacement is None:
        return _label
    if isinstance(replacement, str):
        return partial(_fixed, encoded(replacement))
    if callable(replacement):
        return partial(_called, replacement)
    raise TypeError(
        f"replacement: got a {type(replacement).__name__}; pass a str, secrets.Pseudonyms(key), or a function of type "
        f"and secret"
    )


def _label(kind: str, secret: bytes) -> bytes:  # noqa: ARG001 (all are called alike)
    return f"[{kind}]".encode()


def _fixed(mark: bytes, kind: str, secret: bytes) -> bytes:  # noqa: ARG001
    return mark


def _called(function: Callable[[str, str], str], kind: str, secret: bytes) -> bytes:
    # A secret is ASCII, but what stands in the block of a private key may be anything.
    return encoded(function(kind, secret.decode("utf-8", "backslashreplace")), "replacement")
