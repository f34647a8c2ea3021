"""The compiled version against the reference, on texts made of what the grammar is about."""

import random
import threading

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aligntax_kernels import pii

VALUES = [
    "john.doe@example.com", "a@b.com@c.com", "müller@exämple.de", "icon@2x.png", "x@xn--p1ai.xn--p1ai", "user@host",
    "(415) 555-2671", "415-555-2671x12", "+44 (0)20 7946 0958", "030 123456", "0049 30 123456", "011 44 20 7946 0958",
    "06 12 34 56 78", "(11) 96123-4567", "11 2345-6789", "8 (800) 123-45-67", "0171/1234567", "030\u2013123456",
    "+49\u00a030\u00a0123456", "415\u2011555\u20112671", "(030) 123456 (12)", "1-800-555-1234", "08-40 95 37",
    "tel 612 345 678", "Call. Now tel. no. 612 345 678", "order! Then at 030 123456", "order 030 123456", "4155552671",
    "01.02.2024 1234567", "012.345.678-90", "電話：84-2962-8313", "2024-01-15 10:30:45.123",
    "4111 1111 1111 1111", "3782 822463 10005", "378282246310005", "123-45-6789", "ssn 123456789", "ssn. X 123 45 6789",
    "GB82 WEST 1234 5698 7654 32", "de89370400440532013000",
    "10.0.0.1", "2001:db8::1", "::ffff:1.2.3.4", "fe80::1%eth0", "a[1::2]", "dead::beef", "00:1a:2b:ff:fe:3c:4d:5e",
    "version 1.2.3.4", "Version 2 is out. from 1.2.3.4", "upgrade from 7.0.1.2", "Chrome/120.0.0.0",
]  # fmt: skip
PIECES = [
    *"0123456789-./():@+x#,_%' \n", "ext. ", "tel ", "order ", ". A", "version ", "電話", "::", "00", "+49", "é", "漢",
    "\u00a0", "\u2013", "\u202f", "word", "A", "..", "((", "12345678901234567890",
]  # fmt: skip


@st.composite
def mutated(draw):
    """A value with some of its characters replaced, left out or joined by others."""
    value = list(draw(st.sampled_from(VALUES)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(0, len(value) - 1)))
        action = draw(st.sampled_from(["insert", "delete", "replace"]))
        if action == "insert":
            value.insert(at, draw(st.sampled_from(PIECES)))
        elif value:
            value[at : at + 1] = [] if action == "delete" else [draw(st.sampled_from(PIECES))]
    return "".join(value)


separators = st.sampled_from([" ", ", ", "", "-", ": ", " and then there was a lot of text behind it "])
texts = st.lists(st.tuples(mutated(), separators), min_size=1, max_size=4).map(
    lambda parts: "".join(part for pair in parts for part in pair)
)
kinds = st.just(pii.TYPES) | st.lists(st.sampled_from(pii.TYPES), unique=True)
minimums = st.sampled_from([0.0, 0.3, 0.5, 0.5, 0.75, 1.0])


@given(texts, kinds, minimums)
@settings(max_examples=1500, deadline=None)
@example("(9(30) 123456 (12)", pii.TYPES, 0.0)
@example("123-+4915-67", pii.TYPES, 0.5)
@example("0.0.2024 1234567", pii.TYPES, 0.3)
@example("(00) 123456 12", pii.TYPES, 0.0)
@example("41/5\u2011555\u201126/71", pii.TYPES, 0.3)
def test_both_find_the_same(text, types, minimum):
    expected = pii.find(text, types, minimum=minimum, backend="reference")
    assert pii.find(text, types, minimum=minimum, backend="cpu") == expected


@given(texts, st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=3)), max_size=3))
@settings(max_examples=500, deadline=None)
def test_both_find_the_same_in_bytes_that_are_not_text(text, damage):
    data = bytearray(text.encode())
    for at, replacement in damage:
        data[at : at + len(replacement)] = replacement
    assert pii.find(bytes(data), backend="cpu") == pii.find(bytes(data), backend="reference")


@given(st.text(max_size=60) | st.text("0123456789 -.()+@:a/x", max_size=60), minimums)
@settings(max_examples=1000, deadline=None)
def test_both_find_the_same_in_any_text(text, minimum):
    expected = pii.find(text, minimum=minimum, backend="reference")
    assert pii.find(text, minimum=minimum, backend="cpu") == expected


def test_a_long_text_is_searched_to_its_end(found):
    filler = "Nothing to see in here, but 12 words and 3 numbers. " * 6_000
    text = f"{filler}a@b.com {filler}(415) 555-2671 {filler}10.0.0.1"
    assert found(text) == [("email", "a@b.com"), ("phone", "(415) 555-2671"), ("ip", "10.0.0.1")]


@pytest.mark.parametrize("shift", range(-24, 8))
def test_a_hit_across_the_place_where_the_search_pauses_is_found(shift, found):
    # The search goes through slices of this many bytes; the hit begins around the end of the first.
    filler = "x" * (2**17 + shift - 1) + " "
    for value in ("+44 20 7946 0958", "GB82 WEST 1234 5698 7654 32", "fe80::1:2", "john@example.com"):
        assert [text for _, text in found(filler + value)] == [value]


def test_threads_do_not_disturb_each_other():
    draw = random.Random(7)
    texts = [" ".join(draw.choices(VALUES, k=8)) for _ in range(200)]
    expected = [pii.find(text) for text in texts]
    results = {}
    barrier = threading.Barrier(4)

    def search(number):
        barrier.wait()
        results[number] = [[pii.find(text) for text in texts] == expected for _ in range(5)]

    threads = [threading.Thread(target=search, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: [True] * 5 for number in range(4)}
