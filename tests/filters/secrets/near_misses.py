"""Hypothesis strategies for texts stitched from what the rules ask for, and from what only just is not that."""

import re

from hypothesis import strategies as st

from aligntax_kernels.secrets.anchors import members
from aligntax_kernels.secrets.rules import RULES
from aligntax_kernels.secrets.shapes import SAMPLE, Assignment, Block, Token

BETWEEN = [
    "",
    " ",
    "\n",
    "x",
    "_",
    "0",
    "é",
    "日",
    "\\n",
    "%3D",
    "\\",
    "'",
    '"',
    "`",
    "=",
    ":",
    "-",
    ".",
    "@",
    "/",
    "(",
]
FRAGMENTS = ["ghp_", "sk-", "eyJ", "AKIA", "SK", ":AA", "://", "token", "-----", "-----BEGIN ", "EXAMPLE", "12345678"]
SUFFIXES = ["", "", "", "s", "_id", "Key", "-2", "_" + "x" * 19, "_" + "x" * 20, "X" * 20, "X" * 21]
CLOSERS = ["", "", "'", '"', '\\"', "']", '"]', "]", "''"]
BLANKS = ["", "", " ", "\t", " " * 16, " " * 17]
SIGNS = ["=", "=", ":", ":=", "=>", "===", "====", ">", "", "!="]
QUOTES = ["", "", "", "'", '"', "`", '\\"', "b'", 'F"', 'x"', "\\"]
BEGINNINGS = ["", "", "", "", "$", "%", "*", "<", "{"]


@st.composite
def of_alphabet(draw, alphabet, length):
    """Characters of an alphabet, of all of it or of a few of them, so that the entropy is on both sides of a floor."""
    characters = [chr(byte) for byte in sorted(members(alphabet))]
    few = draw(st.integers(1, 12))
    chosen = characters if draw(st.booleans()) else draw(st.permutations(characters))[:few]
    random = draw(st.randoms(use_true_random=False))
    return "".join(random.choices(chosen, k=length))


@st.composite
def runs(draw, part):
    """A run as long as a part of a rule wants it, or a little too short or too long."""
    longest = min(part.most, part.least + SAMPLE)
    lengths = [part.least, part.least - 1, part.most, part.most + 1, part.least + 1, longest]
    lengths = [length for length in lengths if 0 <= length <= 700] or [part.least]
    return draw(of_alphabet(part.alphabet, draw(st.sampled_from(lengths))))


@st.composite
def prefixes(draw, pattern):
    elements = re.findall(r"\[[^]]*]|.", pattern)
    return "".join(draw(of_alphabet(e, 1)) if len(e) > 1 else e for e in elements)


@st.composite
def tokens(draw, rule):
    lead = draw(runs(rule.lead)) if rule.lead else ""
    parts = rule.separator.join(draw(runs(part)) for part in rule.parts)
    after = draw(st.sampled_from(["@", "@", ""])) if rule.end == "at" else ""
    return lead + draw(prefixes(draw(st.sampled_from(rule.prefixes)))) + parts + after


@st.composite
def assignments(draw, rule):
    word = draw(prefixes(draw(st.sampled_from(rule.words))))
    if draw(st.booleans()):
        word = draw(st.sampled_from([word.upper(), word.title(), word.swapcase()]))
    quote = draw(st.sampled_from(QUOTES))
    value = draw(runs(rule.quoted if quote else rule.plain))
    pieces = [SUFFIXES, CLOSERS, BLANKS, SIGNS, BLANKS]
    name = word + "".join(draw(st.sampled_from(piece)) for piece in pieces)
    closing = draw(st.sampled_from([quote[-1:], quote[-1:], "'", "\\'", "", "("]))
    return name + quote + draw(st.sampled_from(BEGINNINGS)) + value + closing


@st.composite
def blocks(draw, rule):
    label = draw(st.sampled_from(["", "RSA ", "X" * rule.label.most, "X" * (rule.label.most + 1), "rsa "]))
    label += draw(st.sampled_from([*rule.kinds, "PUBLIC KEY", "PRIVATE KEYS"]))
    filler = draw(st.sampled_from(["a", "é", "日", "😀", "\xad", "-"]))
    sizes = [0, 3, 60, rule.most // 4, *range(rule.most - 4, rule.most + 5), (rule.most - 1) // len(filler.encode())]
    inside = filler * draw(st.sampled_from(sizes))
    end = draw(st.sampled_from([label, label, "", "PRIVATE KEY"]))
    return rule.begin + label + rule.dashes + inside + rule.end + end + draw(st.sampled_from([rule.dashes, "", "----"]))


@st.composite
def cut(draw, strategy):
    """A text with a piece missing, or another one in the middle of it."""
    text = draw(strategy)
    at = draw(st.integers(0, len(text)))
    return draw(st.sampled_from([text[:at], text[at:], text[:at] + draw(st.sampled_from(BETWEEN)) + text[at:]]))


SHAPES = {Token: tokens, Assignment: assignments, Block: blocks}
of_rules = st.one_of([SHAPES[type(rule)](rule) for rule in RULES])
pieces = st.one_of(of_rules, of_rules, cut(of_rules), st.sampled_from(BETWEEN), st.sampled_from(FRAGMENTS))
texts = st.lists(pieces, max_size=5).map("".join)
small_texts = st.lists(pieces.filter(lambda piece: len(piece) < 400), max_size=4).map("".join)
