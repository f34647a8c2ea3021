"""The compiled kernel finds what the rules, one by one, say as regular expressions."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aligntax_kernels import secrets
from aligntax_kernels.secrets.anchors import members, prefixes
from aligntax_kernels.secrets.rules import RULES
from aligntax_kernels.secrets.shapes import TOUCHING, Assignment, Block, Token

from .made_up import BASE64, FOUND, drawn, pem
from .near_misses import texts

many = settings(deadline=None, max_examples=600)
several = settings(deadline=None, max_examples=150)


def agree(text, types=None):
    assert secrets.find(text, types, backend="cpu") == secrets.find(text, types, backend="reference")


@many
@given(texts)
@example("7\n1097162414418:AA" + "aB3-" * 8 + "x")
def test_texts_made_of_rules(text):
    agree(text)


@several
@given(texts, st.sets(st.sampled_from(secrets.TYPES)))
def test_some_types_only(text, types):
    agree(text, types)


@several
@given(texts, st.lists(st.tuples(st.integers(0, 2_000), st.binary(min_size=1, max_size=3)), max_size=4))
def test_bytes_with_anything_in_between(text, disturbances):
    data = bytearray(text.encode())
    for at, more in disturbances:
        data[at : at + len(more) - 1] = more
    agree(bytes(data))


@several
@given(st.text(max_size=300))
def test_any_text(text):
    agree(text)


@several
@given(st.lists(st.sampled_from([case.text for case in FOUND]), max_size=4).map("".join), st.integers(0, 40))
def test_secrets_one_after_the_other(text, cut):
    agree(text[cut:])


def written(rule, prefix):
    """A secret with this very prefix, and a name and a sign before it if that is how it shows."""
    literal = "".join(chr(min(element)) for element in prefix.elements)
    if isinstance(rule, Assignment):
        return literal + "=" + drawn(BASE64, 40)
    if isinstance(rule, Block):
        return pem(rule.kinds[0])
    lead = drawn("123456789", rule.lead.most) if rule.lead else ""
    parts = [
        drawn([chr(byte) for byte in members(part.alphabet) if chr(byte) not in "$%"], max(part.least, 3))
        for part in rule.parts
    ]
    return lead + literal + rule.separator.join(parts) + ("@" if rule.end == "at" else "")


PREFIXES = [
    pytest.param(rule, prefix, id=f"{rule.type} {number}")
    for rule in RULES
    for number, prefix in enumerate(prefixes(rule))
]


@pytest.mark.parametrize(("rule", "prefix"), PREFIXES)
def test_every_prefix_is_noticed_at_every_position_behind_every_byte(rule, prefix):
    # The scan looks at every other position, and what comes before decides where the first of them is.
    secret = written(rule, prefix).encode()
    needs_boundary = isinstance(rule, Token) and rule.boundary
    lead = members(rule.lead.alphabet) if isinstance(rule, Token) and rule.lead else frozenset()
    assert [hit.type for hit in secrets.find(secret, [rule.type])] == [rule.type]
    for byte in range(256):
        for padding in (b"", b" "):
            expected = byte not in lead and not (needs_boundary and byte in members(TOUCHING))
            assert bool(secrets.find(padding + bytes([byte]) + secret, [rule.type])) is expected
