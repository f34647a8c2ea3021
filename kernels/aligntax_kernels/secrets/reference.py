"""The oracle: every rule by itself as a regular expression, tried at every position, then plain Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache

from aligntax_kernels.secrets import information
from aligntax_kernels.secrets.rules import RULES
from aligntax_kernels.secrets.shapes import (
    ANY_HEX,
    BLANK,
    BLANKS_MOST,
    ESCAPES,
    NAME,
    NO_END,
    NO_VALUE,
    QUOTE,
    QUOTE_PREFIX,
    SAMPLE,
    SIGN,
    SIGNS_MOST,
    SUFFIX_BEGIN,
    SUFFIX_MOST,
    TOUCHING,
    WORD,
    Assignment,
    Block,
    Found,
    Part,
    Rule,
    Token,
    pack,
)

__all__ = ["candidates_of", "searcher"]


def searcher(rules: int, *, is_long: bool = False) -> Callable[[bytes, int, bool], int]:  # noqa: ARG001 (as in cpu.py)
    """Return the search for the first secret from a position on.

        candidates = what each rule matches at each position
        take the leftmost from the position on, of those the longest, of those the one whose rule comes first

    Args:
        rules: a bit for each rule that applies.
        is_long: not used.

    Returns:
        A function of a text, a position, which is 0 or the end of the secret before, and whether the text ends there.
        It returns the secret packed, or -1 minus the offset up to which all is decided: as for this one, either all of
        the text or, where more follows, nothing.
    """

    @lru_cache(maxsize=1)  # one text is searched for one secret after the other
    def candidates(data: bytes) -> list[Found]:
        chosen = [(index, rule) for index, rule in enumerate(RULES) if rules >> index & 1]
        return [Found(start, end, index) for index, rule in chosen for start, end in candidates_of(rule, data)]

    def search(data: bytes, at: int, final: bool) -> int:
        if not final:
            return -1 - at
        return min((pack(found) for found in candidates(data) if found.start >= at), default=-1 - len(data))

    return search


def candidates_of(rule: Rule, data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of whatever one rule matches, overlapping or not."""
    for match in _expression(rule).finditer(data):
        if isinstance(rule, Block):
            yield match.start("marker"), _end_of_block(rule, match, data)
        elif isinstance(rule, Assignment):
            kind = "quoted" if match["plain"] is None else "plain"
            if _looks_random(rule, match[kind]):
                yield match.span(kind)
        elif _looks_random(rule, match["value"]):
            yield match.span("secret")


def _looks_random(rule: Token | Assignment, value: bytes) -> bool:
    sample = value[:SAMPLE]
    if any(placeholder.encode() in value for placeholder in rule.placeholders):
        return False
    if not all(re.search(alphabet.encode(), sample) for alphabet in rule.needs):
        return False
    floor = rule.floor
    if isinstance(rule, Assignment) and re.fullmatch(f"{ANY_HEX}+".encode(), sample):
        floor = rule.hex_floor
    return information.total(sample) >= information.needed(floor)[len(sample)]


def _end_of_block(rule: Block, match: re.Match[bytes], data: bytes) -> int:
    inside = match.end("marker")
    marker = rule.end.encode() + match["label"] + rule.dashes.encode()
    at = data.find(marker, inside, inside + rule.most + len(marker))
    if at >= 0:
        return at + len(marker)
    end = min(len(data), inside + rule.most)
    # The bound must not cut a character in two; in what is no UTF-8 it moves by three bytes at most.
    for _ in range(3):
        if end < len(data) and data[end] & 0xC0 == 0x80:
            end += 1
    return end


@cache
def _expression(rule: Rule) -> re.Pattern[bytes]:
    if isinstance(rule, Token):
        expression = _token(rule)
    elif isinstance(rule, Assignment):
        expression = _assignment(rule)
    else:
        expression = _block(rule)
    # All of it within a look-ahead, so that a match at one position hides none at the next. Every repetition is
    # possessive: a run of characters is as long as it is, and is never given back.
    return re.compile(f"(?={expression})".encode("latin-1"))


def _run(part: Part) -> str:
    return f"{part.alphabet}{{{part.least},{part.most}}}+"


def _literal(prefix: str) -> str:
    return "".join(
        element if element.startswith("[") else re.escape(element) for element in re.findall(r"\[[^]]*]|.", prefix)
    )


def _token(rule: Token) -> str:
    prefix = "|".join(map(_literal, rule.prefixes))
    before = "|".join((f"(?<!{TOUCHING})", *(f"(?<={''.join(escape)})" for escape in ESCAPES))) if rule.boundary else ""
    lead = f"(?<!{rule.lead.alphabet}){_run(rule.lead)}" if rule.lead else ""
    *first, last = (_run(part) for part in rule.parts)
    shown = "".join(part + re.escape(rule.separator) for part in first)
    alphabet = rule.parts[-1].alphabet
    after = {"cut": "", "run": f"(?!{alphabet})", "word": f"(?!{alphabet}|{WORD})", "at": "@"}[rule.end]
    if rule.last_only:
        return f"(?:{before})(?:{prefix}){shown}(?P<secret>(?P<value>{last})){after}"
    return f"(?:{before})(?P<secret>{lead}(?:{prefix})(?P<value>{shown}{last})){after}"


def _assignment(rule: Assignment) -> str:
    words = "|".join(f"(?i:{re.escape(word)})" if word.islower() else _literal(word) for word in rule.words)
    blanks = f"{BLANK}{{0,{BLANKS_MOST}}}+"
    quoted = rf"{QUOTE_PREFIX}?\\?(?P<quote>{QUOTE})(?!{NO_VALUE})(?P<quoted>{_run(rule.quoted)})(?=\\?(?P=quote))"
    plain = f"(?!{NO_VALUE})(?P<plain>{_run(rule.plain)})(?!{rule.plain.alphabet}|{NO_END})"
    return (
        f"(?:{words})(?:{SUFFIX_BEGIN}{NAME}{{0,{SUFFIX_MOST - 1}}}+)?+(?!{NAME})"
        rf"(?:\\?{QUOTE})?+]?+{blanks}{SIGN}{{1,{SIGNS_MOST}}}+{blanks}(?:{quoted}|{plain})"
    )


def _block(rule: Block) -> str:
    kinds = "|".join(rule.kinds)
    label = f"{rule.label.alphabet}{{{rule.label.least},{rule.label.most}}}(?:{kinds})"
    return f"(?P<marker>{rule.begin}(?P<label>{label}){rule.dashes})"
