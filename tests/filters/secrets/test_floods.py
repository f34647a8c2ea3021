"""Texts made to cost much: time grows as the text does, and what is found is what the rules say."""

import time

import pytest

from aligntax_kernels import secrets

from .made_up import ALNUM, NOT_FOUND, drawn

LABEL = "PRIVATE" + " KEY-----"
FLOODS = {
    "a prefix": "ghp_",
    "a prefix that fails late": "sk-",
    "the beginnings of JWTs": "eyJ",
    "beginnings of JWTs in one run with others": "eyJghp_AIza",
    "names": "password",
    "names with signs": "token=",
    "names with signs and blanks": "secret = ",
    "names with quotes": "api_key='",
    "names and values that are too plain": "token='aaaaaaa1' ",
    "values that only just are no secret": "token='abcdabcdabcdabcd1' ",
    "addresses": "://",
    "addresses with passwords": "://u:pw1@",
    "long parts of JWTs": "eyJ" * 1_360 + "." + "eyJ" * 1_360 + ".x ",
    "long parts of other tokens": "ghs_" * 60 + "." + "eyJ" * 600 + ".x ",
    "digits and colons": "12345678:AA",
    "keys' beginnings": "-----BEGIN ",
    "keys without an end": "-----BEGIN " + LABEL,
    "keys' ends": "-----BEGIN " + LABEL + "-----END ",
    "dashes": "-",
    "one letter": "a",
    "one capital": "A",
    "digits": "0123456789",
    "Discord's beginnings": "MTIzN",
    "short hits": "AKIA" + drawn("ABCDEFGH234567", 16) + " ",
    "long hits": "ghp_" + ALNUM * 3,
    "everything": " ".join(NOT_FOUND.values())[:3_000],
}


def seconds(call):
    took = []
    for _ in range(3):
        start = time.perf_counter()
        call()
        took.append(time.perf_counter() - start)
    return min(took)


@pytest.mark.parametrize("unit", FLOODS.values(), ids=FLOODS.keys())
def test_time_grows_no_faster_than_the_text(unit):
    # Eight times the text: a search that is quadratic would take 64 times as long.
    size = 50_000
    short, long = (unit * (times * size // len(unit)) for times in (1, 8))
    assert seconds(lambda: secrets.find(long)) < 24 * seconds(lambda: secrets.find(short)) + 0.01


@pytest.mark.parametrize("unit", FLOODS.values(), ids=FLOODS.keys())
def test_the_same_as_the_reference(unit):
    text = unit * max(1, 5_000 // len(unit))
    assert secrets.find(text) == secrets.find(text, backend="reference")


@pytest.mark.parametrize("unit", FLOODS.values(), ids=FLOODS.keys())
def test_the_same_in_a_stream(unit):
    text = unit * (30_000 // len(unit))
    stream = secrets.stream()
    out = [stream.feed(text[at : at + 97]) for at in range(0, len(text), 97)]
    assert "".join([*out, stream.finish()]) == secrets.redact(text)


def test_a_line_of_ten_megabytes():
    key = "AIza" + drawn(ALNUM, 35)
    text = f"{'abc_' * 2_500_000}{key} {'abc-' * 2_500_000}"
    ((start, end, kind, _),) = secrets.find(text)
    assert (start, end, kind) == (10_000_000, 10_000_039, "google_api_key")
