"""What may stand in the place of a secret besides a label and a fixed string: a pseudonym."""

from __future__ import annotations

from dataclasses import dataclass, field

from aligntax_kernels.pseudonyms import keyed_name, require_key

__all__ = ["Pseudonyms"]


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
