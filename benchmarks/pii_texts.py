"""Labelled texts for the quality of recognizers of personal data: values from Faker in sentences, and look-alikes.

Everything is drawn from a seed; sentences and look-alikes are in pii_texts.txt. About half of the sentences name the
value ("Tel.: ..."); the others give no word for it, as people write.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv6Address
from pathlib import Path
from typing import NamedTuple

import phonenumbers
from faker import Faker

TYPES = ("email", "iban", "ip", "card", "ssn", "phone")
LOCALES = (
    *("en_US", "en_GB", "en_IN", "de_DE", "fr_FR", "es_ES"),
    *("it_IT", "nl_NL", "pl_PL", "pt_BR", "sv_SE", "ja_JP"),
)
LOCALES_OF = {"ssn": ("en_US",), "iban": tuple(locale for locale in LOCALES if locale != "en_IN")}
"""Where a type is not known everywhere: India has no IBANs, and Faker makes invalid ones for it."""

ALPHABETS = {"#": "0123456789", "%": "123456789", "¤": "0123456789abcdef"}


class Labelled(NamedTuple):
    """A text, and where its personal data lies.

    Attributes:
        text: as a recognizer gets it.
        spans: start, end, type; in code points.
        source: what made the text: a locale, or the kind of look-alike.
    """

    text: str
    spans: tuple[tuple[int, int, str], ...]
    source: str


def _sections() -> dict[str, dict[str, tuple[str, ...]]]:
    """Return the lines of pii_texts.txt, by the two parts of their headings."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for section in Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").split("\n== ")[1:]:
        heading, *lines = section.split("\n")
        part, _, name = heading.partition(": ")
        kept = [line.replace("\\n", "\n") for line in lines if line and not line.startswith("## ")]
        found.setdefault(part, {})[name] = tuple(kept)
    return found


SECTIONS = _sections()
FILLER = (*SECTIONS["filler"]["filler"], "")
"""What stands before and behind a sentence; often nothing."""


def labelled(seed: int, per_type: int, *, unseen: bool = False) -> list[Labelled]:
    """Return texts with values of every type, and as many as three types together have without any.

    Args:
        seed: everything is drawn from it.
        per_type: texts for each type.
        unseen: with the sentences and the look-alikes that were written after the last look at errors.
    """
    draw = random.Random(seed)
    fakers = {locale: Faker(locale) for locale in LOCALES}
    for faker in fakers.values():
        faker.seed_instance(draw.getrandbits(32))
    found = []
    for kind in TYPES:
        locales = LOCALES_OF.get(kind, LOCALES)
        for index in range(per_type):
            locale = locales[index % len(locales)]
            value = VALUES[kind](draw, fakers[locale], locale)
            name = locale[:2] if kind == "phone" else kind
            sentences = SECTIONS["sentences"][name] + (SECTIONS["unseen sentences"][name] if unseen else ())
            found.append(_sentence(draw, fakers[locale], draw.choice(sentences), value, kind, locale))
    alike = _look_alikes(SECTIONS["negatives"] | (SECTIONS["unseen negatives"] if unseen else {}))
    for index in range(3 * per_type):
        name, make = alike[index % len(alike)]
        found.append(Labelled(f"{draw.choice(FILLER)} {make(draw)} {draw.choice(FILLER)}".strip(), (), name))
    return found


def _sentence(draw: random.Random, faker: Faker, sentence: str, value: str, kind: str, source: str) -> Labelled:
    before, _, after = sentence.partition("{}")
    details = {"name": faker.name(), "place": faker.country()}
    before, after = before.format_map(details), after.format_map(details)
    if lead := draw.choice(FILLER):
        before = f"{lead} {before}"
    if tail := draw.choice(FILLER):
        after = f"{after} {tail}"
    return Labelled(f"{before}{value}{after}", ((len(before), len(before) + len(value), kind),), source)


def _email(draw: random.Random, faker: Faker, locale: str) -> str:  # noqa: ARG001 (all are called alike)
    address = str(draw.choice((faker.email, faker.company_email, faker.ascii_free_email))())
    name, _, domain = address.partition("@")
    return draw.choice((address, address, f"{name}+news@{domain}", f"{name.upper()}@{domain}", f"{name}@mail.{domain}"))


def _iban(draw: random.Random, faker: Faker, locale: str) -> str:  # noqa: ARG001
    number = str(faker.iban())
    return draw.choice((number, " ".join(number[at : at + 4] for at in range(0, len(number), 4))))


def _ip(draw: random.Random, faker: Faker, locale: str) -> str:  # noqa: ARG001
    if draw.random() < 0.5:
        return str(faker.ipv4())
    address = int(IPv6Address(faker.ipv6()))
    if draw.random() < 0.5:  # most addresses have a run of zeros
        address &= ~(((1 << 64) - 1) << draw.choice((16, 32, 48)))
    return draw.choice((str(IPv6Address(address)), IPv6Address(address).exploded, str(IPv6Address(address)).upper()))


def _card(draw: random.Random, faker: Faker, locale: str) -> str:  # noqa: ARG001
    number = ""
    while len(number) < 13:  # the twelve digits that some Maestro cards had are no type that anybody here looks for
        number = faker.credit_card_number()
    sizes = {15: (4, 6, 5), 14: (4, 6, 4)}.get(len(number), (4,) * 5)
    groups = [number[sum(sizes[:place]) : sum(sizes[: place + 1])] for place in range(len(sizes))]
    return draw.choice(("", " ", "-")).join(filter(None, groups))


def _ssn(draw: random.Random, faker: Faker, locale: str) -> str:  # noqa: ARG001
    number = str(faker.ssn())
    return draw.choice((number, number, number, number.replace("-", " ")))


def _phone(draw: random.Random, faker: Faker, locale: str) -> str:
    makers = [faker.phone_number]
    if hasattr(faker, "cellphone_number"):
        makers.append(faker.cellphone_number)
    while True:
        value = str(draw.choice(makers)())
        try:
            # Faker fills its patterns with any digits: what no line of the country could have is drawn again.
            if phonenumbers.is_valid_number(phonenumbers.parse(value, locale[3:])):
                return value
        except phonenumbers.NumberParseException:
            continue


VALUES: Mapping[str, Callable[[random.Random, Faker, str], str]] = dict(
    zip(TYPES, (_email, _iban, _ip, _card, _ssn, _phone), strict=True)
)


def _look_alikes(sections: Mapping[str, tuple[str, ...]]) -> Sequence[tuple[str, Callable[[random.Random], str]]]:
    def drawn(patterns: tuple[str, ...]) -> Callable[[random.Random], str]:
        return lambda draw: _filled(draw, draw.choice(patterns))

    patterns = [(name, drawn(lines)) for name, lines in sections.items()]
    return [*patterns, ("book", _book), ("card number that is none", _no_card)]


def _filled(draw: random.Random, pattern: str) -> str:
    return "".join(draw.choice(ALPHABETS[mark]) if mark in ALPHABETS else mark for mark in pattern)


def _book(draw: random.Random) -> str:
    """Return an ISBN with its right check digit, of ten digits or thirteen, with hyphens or without."""
    nine = draw.choice("013") + _filled(draw, "########")
    last = "0123456789X"[-sum((10 - place) * int(digit) for place, digit in enumerate(nine)) % 11]
    twelve = f"978{nine}"
    check = -sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(twelve)) % 10
    split = f"{nine[0]}-{nine[1:4]}-{nine[4:]}"
    forms = f"ISBN {nine}{last}", f"(ISBN: {nine}{last})", f"ISBN {split}-{last}", f"ISBN-13: {twelve}{check}"
    return draw.choice((*forms, f"ISBN 978-{split}-{check}"))


def _no_card(draw: random.Random) -> str:
    """Return sixteen digits as a card has them, with a wrong check digit."""
    digits = _filled(draw, "4##############")
    doubled = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(digits))
    wrong = digits + str((-doubled + draw.randint(1, 9)) % 10)
    return " ".join(wrong[at : at + 4] for at in range(0, 16, 4))
