"""Others that look for secrets, each with our rules where it takes rules, and set up as well as it can be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import hyperscan
import re2
from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.base import BasePlugin
from detect_secrets.plugins.basic_auth import BasicAuthDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.keyword import KeywordDetector
from detect_secrets.plugins.npm import NpmDetector
from detect_secrets.plugins.openai import OpenAIDetector
from detect_secrets.plugins.private_key import PrivateKeyDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector

from aligntax_kernels.secrets.anchors import longest, look_behind
from aligntax_kernels.secrets.reference import candidates_of
from aligntax_kernels.secrets.rules import RULES
from aligntax_kernels.secrets.shapes import Assignment, Block, Rule

Spans = list[tuple[int, int, str]]
Event = tuple[int, int]
"""The index of a rule, and where a match of its simplified form ends."""

DETECTORS: dict[str, type[BasePlugin]] = {
    "aws_access_key": AWSKeyDetector,
    "azure_storage_key": AzureStorageKeyDetector,
    "basic_auth": BasicAuthDetector,
    "discord_token": DiscordBotTokenDetector,
    "github_token": GitHubTokenDetector,
    "gitlab_token": GitLabTokenDetector,
    "jwt": JwtTokenDetector,
    "assignment": KeywordDetector,
    "npm_token": NpmDetector,
    "openai_key": OpenAIDetector,
    "private_key": PrivateKeyDetector,
    "pypi_token": PypiTokenDetector,
    "sendgrid_key": SendGridDetector,
    "slack_token": SlackDetector,
    "stripe_key": StripeDetector,
    "telegram_token": TelegramBotTokenDetector,
    "twilio_key": TwilioKeyDetector,
}


def simplified() -> list[bytes]:
    """Return what all engines understand of each rule: no look-around, and of the last part only as much as must be.

    What these match has to be checked; what they do not match, no rule matches.
    """
    return [_simplified(rule).encode() for rule in RULES]


def _simplified(rule: Rule) -> str:
    if isinstance(rule, Block):
        return f"{rule.begin}[A-Z0-9 ]{{0,{rule.label.most}}}(?:{'|'.join(rule.kinds)})"
    if isinstance(rule, Assignment):
        # In full, or else each `api_key = os.environ[...]` had to be checked.
        words = "|".join(f"(?i:{re.escape(word)})" if word.islower() else word for word in rule.words)
        sign = r"(?:[A-Z0-9_-][A-Za-z0-9_-]{0,19})?(?:\\?[\"'`])?\]?[ \t]{0,16}[=:>]{1,3}[ \t]{0,16}"
        quoted, plain = (f"{part.alphabet}{{{part.least},{part.most}}}" for part in (rule.quoted, rule.plain))
        no_end = rf"[^(\[{{{rule.plain.alphabet[1:]}"
        return rf"(?:{words}){sign}(?:[bBfFrRuU]?\\?[\"'`]{quoted}\\?[\"'`]|{plain}(?:{no_end}|$))"
    *first, last = rule.parts
    lead = f"{rule.lead.alphabet}{{{rule.lead.least},{rule.lead.most}}}" if rule.lead else ""
    prefix = "|".join(_literal(prefix) for prefix in rule.prefixes)
    # Bounded repetitions of thousands are refused by the one and slow in the other.
    shown = "".join(
        f"{part.alphabet}{{{part.least},{part.most if part.most <= 300 else ''}}}{re.escape(rule.separator)}"
        for part in first
    )
    return f"{lead}(?:{prefix}){shown}{last.alphabet}{{{last.least}}}"


def _literal(prefix: str) -> str:
    elements = re.findall(r"\[[^]]*]|.", prefix)
    return "".join(element if len(element) > 1 else re.escape(element) for element in elements)


def hyperscan_finder(*, check: bool = True) -> Callable[[str], Spans]:
    """Return a search by Hyperscan for the simplified rules; what it hits is checked by the rules themselves.

    Without the beginnings of matches, which it takes longer to find, and refuses to for bounds like ours.

    Args:
        check: False: what it hits is thrown away, which is the least that a search built on it takes.
    """
    database = hyperscan.Database()
    patterns = simplified()
    database.compile(expressions=patterns, ids=list(range(len(patterns))), elements=len(patterns), flags=0)
    events: set[Event] = set()

    def matched(rule: int, begin: int, end: int, flags: int, context: object) -> None:  # noqa: ARG001
        events.add((rule, end))

    def find(text: str) -> Spans:
        data = text.encode()
        database.scan(data, matched)  # by position: by keyword, a short prompt takes a third longer
        if not events:
            return []
        spans = _checked(data, events) if check else []
        events.clear()
        return spans

    return find


def re2_finder() -> Callable[[str], Spans]:
    """Return the same by a set of google-re2: it says which rules hit, and then their expressions say where."""
    patterns = simplified()
    together = re2.Set.SearchSet()
    for pattern in patterns:
        together.Add(pattern)
    together.Compile()
    alone = [re2.compile(pattern) for pattern in patterns]

    def find(text: str) -> Spans:
        data = text.encode()
        hit = together.Match(data)
        return _checked(data, _events(data, hit, alone)) if hit else []

    return find


def re_finder() -> Callable[[str], Spans]:
    """Return the same by `re`: one expression for all rules, and where that hits, each rule's own.

    With a group for each rule, to say which it is, the one expression takes more than twice as long.
    """
    patterns = simplified()
    together = re.compile(b"|".join(b"(?:%b)" % pattern for pattern in patterns))
    alone = [re.compile(pattern) for pattern in patterns]

    def find(text: str) -> Spans:
        data = text.encode()
        begins = [match.start() for match in together.finditer(data)]
        if not begins:
            return []
        tried = ((rule, expression.match(data, at)) for at in begins for rule, expression in enumerate(alone))
        return _checked(data, [(rule, match.end()) for rule, match in tried if match])

    return find


def _events(data: bytes, rules: Iterable[int], expressions: Sequence[Any]) -> Iterator[Event]:
    for rule in rules:
        for match in expressions[rule].finditer(data):
            yield rule, match.end()


def _checked(data: bytes, events: Iterable[Event]) -> Spans:
    """Return what the rules find around the ends of simplified matches."""
    candidates = set()
    for index, end in events:
        rule = RULES[index]
        near = longest(rule) + look_behind(rule)
        begin = max(0, end - near)
        for start, stop in candidates_of(rule, data[begin : end + near]):
            # At the edge of what is looked at, a shorter run is another one.
            if (begin == 0 or start >= look_behind(rule)) and begin + stop < min(end + near, len(data) + 1):
                candidates.add((begin + start, -begin - stop, index))
    spans: Spans = []
    at = 0
    for start, minus_end, index in sorted(candidates):
        if start >= at:
            at = -minus_end
            spans.append((start, at, RULES[index].type))
    return spans


def detect_secrets_finder() -> Callable[[str], set[tuple[str, str]]]:
    """Return a search by the plugins of detect-secrets that have a counterpart here, line by line: type, secret."""
    detectors = [(kind, detector()) for kind, detector in DETECTORS.items()]

    def find(text: str) -> set[tuple[str, str]]:
        return {
            (kind, found.secret_value)
            for number, line in enumerate(text.splitlines(), 1)
            for kind, detector in detectors
            for found in detector.analyze_line("text", line, number)
        }

    return find
