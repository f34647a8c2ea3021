"""What stands in the place of a secret: a label, a fixed string, or a pseudonym."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from aligntax_kernels.pseudonyms import keyed_name, require_key
from aligntax_kernels.text import encoded

__all__ = ["Pseudonyms", "Replacement", "replacer"]

Replacement = str | Callable[[str, str], str]
"""A fixed string, or a function of the type and the secret."""


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
        require_key(self.key, self.digits)

    def __call__(self, kind: str, secret: str) -> str:
        """Return the name of a secret."""
        return keyed_name(self.key, self.digits, kind, secret)


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
