"""What stands in the place of a hit: a label, a fixed string, a mask, or a pseudonym."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address

from aligntax_kernels.pseudonyms import keyed_name, require_key

__all__ = ["Mask", "Pseudonyms", "Replacement", "replacer"]

Replacement = str | Callable[[str, str], str]
"""A fixed string, or a function of the type and the value of a hit."""


@dataclass(frozen=True, slots=True)
class Mask:
    """Hides every letter and digit of a value but the last ones; what separates them stays.

    Attributes:
        keep: how many letters and digits at the end stay legible, 0 or more. Of a value that has no more than twice as
            many, none stays.
        character: what stands for each of the others; one character.

    Raises:
        ValueError: if `keep` is negative or `character` is not one character.
    """

    keep: int = 4
    character: str = "*"

    def __post_init__(self) -> None:
        if self.keep < 0:
            raise ValueError(f"keep={self.keep}: how many characters stay legible; pass 0 or more")
        if len(self.character) != 1:
            raise ValueError(f"character={self.character!r}: one character stands for one; pass a single one")

    def __call__(self, kind: str, value: str) -> str:  # noqa: ARG002 (every replacement is called alike)
        """Return the value with all but its end hidden."""
        hidden = sum(character.isalnum() for character in value)
        if hidden > 2 * self.keep:
            hidden -= self.keep
        shown = []
        for character in value:
            if character.isalnum() and hidden:
                shown.append(self.character)
                hidden -= 1
            else:
                shown.append(character)
        return "".join(shown)


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Names each value by a keyed digest: the same value by the same name, wherever it stands, however it is written.

        digest = HMAC-SHA256(key, type + NUL + normalised value)
        pseudonym = "[" + type + ":" + the first `digits` hexadecimal digits of digest + "]"

    Normalised is: an email address in lower case; an IP address in the form of RFC 5952; an IBAN without separators, in
    capitals; cards, SSNs and phone numbers as their digits (a trunk zero in parentheses is no part of the number).
    Who has the key can find out by trial which value a name stands for, and who has not cannot, if the key is random
    and of 16 bytes or more. Two values share a name with a chance of 16 ** -digits.

    Attributes:
        key: the secret, not empty.
        digits: how many hexadecimal digits a name has, 4 to 64.

    Raises:
        TypeError: if the key is not bytes.
        ValueError: if the key is empty or `digits` is out of range.

    Source: RFC 2104 (HMAC).
    """

    key: bytes = field(repr=False)
    digits: int = 12

    def __post_init__(self) -> None:
        require_key(self.key, self.digits)

    def __call__(self, kind: str, value: str) -> str:
        """Return the name of a value."""
        return keyed_name(self.key, self.digits, kind, _normalised(kind, value))


def replacer(replacement: Replacement | None) -> Callable[[str, str], str]:
    """Return the function of type and value that a caller's replacement means.

    Raises:
        TypeError: if it is neither a string nor callable nor None.
    """
    if replacement is None:
        return _label
    if isinstance(replacement, str):
        return lambda _kind, _value: replacement
    if callable(replacement):
        return replacement
    raise TypeError(
        f"replacement: got a {type(replacement).__name__}; "
        f"pass a str, pii.Mask(), pii.Pseudonyms(key) or a function of type and value"
    )


def _label(kind: str, value: str) -> str:  # noqa: ARG001
    return f"[{kind}]"


def _normalised(kind: str, value: str) -> str:
    if kind == "email":
        return value.lower()
    if kind == "ip":
        return str(ip_address(value))
    if kind == "iban":
        return "".join(filter(str.isalnum, value)).upper()
    if kind == "phone":
        value = value.replace("(0)", "")
    return re.sub(r"[^0-9]", "", value)
