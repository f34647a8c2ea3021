"""The oracle of the search for personal data: `re` for the forms, plain Python for the checks, slow and obvious."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from aligntax_kernels.pii import grammar
from aligntax_kernels.pii.countries import iban_structures
from aligntax_kernels.pii.grammar import Found
from aligntax_kernels.pii.reference_numbers import (
    DASH,
    LETTER,
    SPACE,
    WORD_AFTER,
    announced_before,
    numbers,
)
from aligntax_kernels.pii.words import VERSION

__all__ = ["hit_at", "next_hit"]

_TRIGGER = re.compile(rb"[0-9:@]")
_LOCAL = re.compile(rb"(?:[0-9A-Za-z._%+'-]|" + LETTER + rb")*\Z")
_LOCAL_AHEAD = re.compile(rb"(?:[0-9A-Za-z._%+'-]|" + LETTER + rb")*")
_LABEL = re.compile(rb"(?:[0-9A-Za-z-]|" + LETTER + rb")+")
_TOP_LEVEL_LETTERS = re.compile(rb"(?:[A-Za-z]|" + LETTER + rb")+")
_IBAN = re.compile(rb"(?<![0-9A-Za-z_])(?<![\xc3-\xdf][\x80-\xbf])[A-Za-z]{2}[0-9]{2}")
_IBAN_NEXT = re.compile(rb"(?:" + SPACE + rb"|" + DASH + rb")?([0-9A-Za-z])")
_IBAN_CLASSES = {"n": re.compile(rb"[0-9]"), "a": re.compile(rb"[A-Za-z]"), "c": re.compile(rb"[0-9A-Za-z]")}
_IPV6 = re.compile(
    rb"(?<![0-9A-Za-z_:])(?<![\xc3-\xdf][\x80-\xbf])(?<![0-9A-Za-z_][\[.])(?<![\xc3-\xdf][\x80-\xbf][\[.])"
    rb"([0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]*)(\.[0-9][0-9.]*)?"
)
_DOTTED = re.compile(rb"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?!\.?[0-9])")
_DOTTED_BEFORE = re.compile(
    rb"(?<![0-9A-Za-z_+])(?<![\xc3-\xdf][\x80-\xbf])(?<![0-9A-Za-z_]\.)(?<![\xc3-\xdf][\x80-\xbf]\.)"
)
_PRODUCT_BEFORE = re.compile(rb"(?:(?<=[0-9A-Za-z_]/)|(?<=[\xc3-\xdf][\x80-\xbf]/))")
_EXTENSIONS = frozenset(name.encode() for name in grammar.FILE_EXTENSIONS.split())


def next_hit(data: bytes, at: int, options: int) -> int:
    """Return the first candidate from `at` on.

    Args:
        data: UTF-8, or bytes like it.
        at: 0, the end of the candidate before, or what was held.
        options: types, least confidence and whether more text follows, as `grammar` packs them.

    Returns:
        The packed candidate, `NOTHING`, or where more text follows `HELD` less the offset that is undecided.
    """
    undecided = len(data)
    if options & grammar.MORE:
        undecided = max(at, undecided - grammar.LOOK_AHEAD_BYTES + 3)  # three, to get back to where a character begins
        while at < undecided < len(data) and 0x80 <= data[undecided] < 0xC0:
            undecided -= 1
    for trigger in _TRIGGER.finditer(data, at):
        found = hit_at(data, trigger.start(), options)
        if found is not None and found.start < undecided:
            return grammar.pack(*found)
    return grammar.HELD - undecided if options & grammar.MORE else grammar.NOTHING


def hit_at(data: bytes, trigger: int, options: int) -> Found | None:
    """Return the candidate around a digit, a colon or an `@`, unless it is part of an email address."""
    found = next(_accepted(data, trigger, options), None)
    return None if found is None or _inside_email(data, found, options) else found


def _accepted(data: bytes, trigger: int, options: int) -> Iterator[Found]:
    """Yield the candidates around a trigger, the preferred first, that the options ask for."""
    minimum = options >> grammar.MINIMUM_SHIFT & grammar.PERCENT_MASK
    for found in _candidates(data, trigger, minimum):
        if options >> found.type & 1 and found.percent >= minimum:
            yield found


def _candidates(data: bytes, trigger: int, minimum: int) -> Iterator[Found]:
    character = data[trigger : trigger + 1]
    if character == b"@":
        yield from _email(data, trigger)
    elif character == b":":
        yield from _ipv6(data, trigger)
    elif not (trigger and data[trigger - 1 : trigger].isdigit()):
        yield from _iban(data, trigger)
        yield from _ipv4(data, trigger)
        yield from numbers(data, trigger, minimum)


def _inside_email(data: bytes, found: Found, options: int) -> bool:
    if not options >> grammar.EMAIL & 1 or found.type == grammar.EMAIL:
        return False
    ahead = _LOCAL_AHEAD.match(data, found.end)
    if ahead is None or len(ahead[0]) > grammar.MOST_LOCAL_BYTES or data[ahead.end() : ahead.end() + 1] != b"@":
        return False
    return any(email.start < found.end for email in _accepted(data, ahead.end(), options))


def _email(data: bytes, at: int) -> Iterator[Found]:
    # Two bytes more than a local part may have: a letter of two bytes must not be cut in half.
    behind = data[max(0, at - grammar.MOST_LOCAL_BYTES - 2) : at]
    row = _LOCAL.search(behind)
    local = row[0] if row else b""
    if not local or len(local) > grammar.MOST_LOCAL_BYTES or local.endswith(b"."):
        return
    begins = at - len(local)
    if data[:begins].endswith(b"@") and _LOCAL.search(data[max(0, begins - 3) : begins - 1])[0]:  # type: ignore[index]
        return
    local = local.rpartition(b"..")[2].lstrip(b".%+'-")
    if not local:
        return
    start, end, percent, labels, place = at - len(local), -1, 0, 0, at + 1
    while label := _LABEL.match(data, place):
        if label[0].startswith(b"-") or len(label[0]) > grammar.MOST_LABEL_BYTES:
            break
        if label.end() - at - 1 > grammar.MOST_DOMAIN_BYTES or label.end() - start > grammar.MOST_EMAIL_BYTES:
            break
        if labels and (top := _top_level(label[0])):
            end = place + len(top)
            percent = grammar.FILE_NAME_PERCENT if top.lower() in _EXTENSIONS else grammar.EMAIL_PERCENT
        if label[0].endswith(b"-") or data[label.end() : label.end() + 1] != b".":
            break
        labels, place = labels + 1, label.end() + 1
    if end >= 0:
        yield Found(start, end, grammar.EMAIL, percent)


def _top_level(label: bytes) -> bytes:
    """Return the top-level domain at the beginning of a label, empty where there is none."""
    if len(label) > 4 and label[:4].lower() == b"xn--":
        return label.rstrip(b"-") if len(label.rstrip(b"-")) > 4 else b""
    letters = _TOP_LEVEL_LETTERS.match(label)
    if letters is None or len(letters[0]) < 2 or label[letters.end() : letters.end() + 1] not in (b"", b"-"):
        return b""
    return letters[0]


def _iban(data: bytes, digit: int) -> Iterator[Found]:
    head = _IBAN.match(data, digit - 2) if digit >= 2 else None
    structure = iban_structures().get(head[0][:2].upper().decode()) if head else None
    if head is None or structure is None:
        return
    characters, at = [head[0]], head.end()
    for kind in structure:
        item = _IBAN_NEXT.match(data, at)
        if item is None or not _IBAN_CLASSES[kind].match(item[1]):
            return
        characters.append(item[1])
        at = item.end()
    account = b"".join(characters)
    moved = (account[4:] + account[:4]).decode()
    if WORD_AFTER.match(data, at) or int("".join(str(int(character, 36)) for character in moved)) % 97 != 1:
        return
    percent = grammar.IBAN_PERCENT if account == account.upper() else grammar.IBAN_LOWER_PERCENT
    yield Found(digit - 2, at, grammar.IBAN, percent)


def _ipv4(data: bytes, first: int) -> Iterator[Found]:
    dotted = _DOTTED.match(data, first)
    if dotted is None or WORD_AFTER.match(data, dotted.end()) or not _DOTTED_BEFORE.match(data, first):
        return
    try:
        IPv4Address(dotted[0].decode())
    except AddressValueError:
        return
    version = (
        _PRODUCT_BEFORE.match(data, first) or announced_before(data, first, grammar.VERSION_WORDS_BYTES) == VERSION
    )
    yield Found(first, dotted.end(), grammar.IP, grammar.VERSION_PERCENT if version else grammar.IPV4_PERCENT)


def _ipv6(data: bytes, colon: int) -> Iterator[Found]:
    start = colon - len(re.search(rb"[0-9A-Fa-f]{0,5}\Z", data[max(0, colon - 5) : colon])[0])  # type: ignore[index]
    run = _IPV6.match(data, start)
    if run is None or len(run[1]) > grammar.MOST_IPV6_BYTES:
        return
    if run[2] is None:
        if WORD_AFTER.match(data, run.end()):
            return
        address = run[1][:-1] if run[1].endswith(b":") and not run[1].endswith(b"::") else run[1]
    else:
        tail = run[1].rindex(b":") + 1
        dotted = _DOTTED.match(data, start + tail)
        if dotted is None or WORD_AFTER.match(data, dotted.end()):
            return
        address = data[start : dotted.end()]
    try:
        IPv6Address(address.decode())
    except AddressValueError:
        return
    if address == b"::":
        return
    hardware = re.fullmatch(rb"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){7}", address)
    doubtful = hardware or not re.search(rb"[0-9]", address)
    percent = grammar.IPV6_DOUBTFUL_PERCENT if doubtful else grammar.IPV6_PERCENT
    yield Found(start, start + len(address), grammar.IP, percent)
