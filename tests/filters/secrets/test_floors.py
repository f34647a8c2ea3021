"""What the floors of entropy cost: how many of a rule's own secrets, drawn at random, fall below them."""

import random
from collections import Counter

import pytest
from scipy.stats import binomtest

from aligntax_kernels import secrets
from aligntax_kernels.secrets import information
from aligntax_kernels.secrets.anchors import members
from aligntax_kernels.secrets.rules import BASE64_FLOOR, HEX_FLOOR, RULES
from aligntax_kernels.secrets.shapes import SAMPLE, Token

from .made_up import ALNUM, BASE32, BASE64, HEX, LOWER

DRAWS = 3_000
LOST = 0.001
"""Of 1,000 random values a floor may lose one."""


def lost(alphabet, length, floor, seed=0):
    generator = random.Random(seed)
    needed = information.needed(floor)[min(length, SAMPLE)]
    values = (bytes(generator.choices(alphabet, k=min(length, SAMPLE))) for _ in range(DRAWS))
    return sum(information.total(value) < needed for value in values)


def is_at_most(count, share):
    return binomtest(count, DRAWS, share, "greater").pvalue > 0.001


TOKENS = [
    pytest.param(rule, id=f"{number} {rule.type}") for number, rule in enumerate(RULES) if isinstance(rule, Token)
]


@pytest.mark.parametrize("rule", TOKENS)
def test_a_token_is_hardly_ever_below_its_floor(rule):
    # The shortest value, of the alphabet that most vendors fill: without what joins words.
    part = max(rule.parts, key=lambda part: part.least)
    alphabet = sorted(members(part.alphabet) & members("[A-Za-z0-9]"))
    assert is_at_most(lost(alphabet, part.least, rule.floor), LOST)


@pytest.mark.parametrize("length", [8, 10, 12, 16, 20, 24, 32, 40, 64, 100])
@pytest.mark.parametrize("alphabet", [ALNUM, BASE64], ids=["alphanumeric", "base64"])
def test_a_random_value_is_hardly_ever_below_the_floor_for_base64(alphabet, length):
    assert is_at_most(lost(alphabet.encode(), length, BASE64_FLOOR), 3 * LOST)


@pytest.mark.parametrize("length", [8, 16, 20, 24, 32, 40, 64])
def test_a_random_value_is_hardly_ever_below_the_floor_for_hexadecimal_digits(length):
    assert is_at_most(lost(HEX.encode(), length, HEX_FLOOR), 6 * LOST)


def test_a_flat_floor_would_lose_most_short_values():
    # What detect-secrets asks for, whatever the length: out of reach below 23 characters.
    assert lost(BASE64.encode(), 20, BASE64_FLOOR._replace(length=2)) == DRAWS
    assert lost(BASE32.encode(), 40, BASE64_FLOOR._replace(length=2)) > DRAWS / 2


@pytest.mark.parametrize("value", ["a" * 40, "ab" * 20, "1" * 40, "passwordpassword", "1234" * 8, "ffff" * 10])
def test_what_repeats_itself_is_below(value):
    sample = value[:SAMPLE].encode()
    floor = HEX_FLOOR if set(value) <= set(HEX) else BASE64_FLOOR
    assert information.total(sample) < information.needed(floor)[len(sample)]


def test_limits_are_those_of_detect_secrets_from_the_lengths_given():
    for floor, length in ((BASE64_FLOOR, 64), (HEX_FLOOR, 32)):
        for size in range(length, SAMPLE + 1):
            assert information.needed(floor)[size] == int(floor.bits * size * information.UNIT) - size
        assert list(information.needed(floor)) == sorted(information.needed(floor))


def test_ties_pass():
    # 16 different digits, twice each: 4 bits exactly.
    sample = (HEX * 2).encode()
    assert information.total(sample) == 4 * 32 * information.UNIT
    assert information.total(sample) >= information.needed(HEX_FLOOR._replace(bits=4.0))[32]


def test_only_the_first_characters_are_judged():
    value = LOWER[:8] * 8 + ALNUM
    assert len(set(Counter(value[:SAMPLE]).values())) == 1
    assert secrets.find(f"token='{value}1'") == []
    assert len(secrets.find(f"token='{ALNUM}{value}1'")) == 1
