"""What may stand in the place of a hit besides labels and fixed strings: masks and pseudonyms."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_address

from aligntax_kernels.pseudonyms import keyed_name, require_key

__all__ = ["Mask", "Pseudonyms"]

_CALLING_CODE_AND_ZERO = re.compile(r"^(\(?(?:\+|00|011)[^(]*\()0")
_NO_DIGIT = re.compile("[^0-9]")


@dataclass(frozen=True, slots=True)
class Mask:
    """Hides every letter and digit of a value but the last ones; what separates them stays.

    Attributes:
        keep: how many letters and digits at the end stay legible, 0 or more. Of a value that has no more than twice as
            many, none stays.
        character: what stands for each of the others; one character.

    Raises:
        TypeError: if `keep` is not an int or `character` not a str.
        ValueError: if `keep` is negative or `character` is not one character.
    """

    keep: int = 4
    character: str = "*"

    def __post_init__(self) -> None:
        if not isinstance(self.keep, int):
            raise TypeError(f"keep: got a {type(self.keep).__name__}; pass an int, how many characters stay legible")
        if not isinstance(self.character, str):
            raise TypeError(f"character: got a {type(self.character).__name__}; pass a str of one character")
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
    capitals; cards, SSNs and phone numbers as their digits, of which a zero in parentheses behind a calling code is
    none. Who has the key can find out by trial which value a name stands for, and who has not cannot, if the key is
    random and of 16 bytes or more. Two values share a name with a chance of 16 ** -digits.

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


def _normalised(kind: str, value: str) -> str:
    if kind == "email":
        return value.lower()
    if kind == "ip":
        address = ip_address(value)
        # Before Python 3.13 an address with an IPv4 address in it came out without the dots of RFC 5952, section 5.
        mapped = address.ipv4_mapped if address.version == 6 else None
        return f"::ffff:{mapped}" if mapped else str(address)
    if kind == "iban":
        return "".join(filter(str.isalnum, value)).upper()
    if kind == "phone":
        value = _CALLING_CODE_AND_ZERO.sub(r"\1", value)
    return _NO_DIGIT.sub("", value)
