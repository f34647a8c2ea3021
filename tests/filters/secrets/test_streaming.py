"""A text in chunks comes out as the whole does, wherever it is cut, and little of it is held back."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntax_kernels import secrets

from .made_up import ALNUM, FOUND, drawn, pem
from .near_misses import small_texts, texts

several = settings(deadline=None, max_examples=60)
many = settings(deadline=None, max_examples=200)


def streamed(chunks, **options):
    stream = secrets.stream(**options)
    released = [stream.feed(chunk) for chunk in chunks]
    return type(released[0] if released else "")().join([*released, stream.finish()])


def cut_at(text, places):
    places = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[begin:end] for begin, end in pairwise(places)]


@pytest.mark.parametrize("case", FOUND, ids=str)
def test_every_split_of_every_secret(case):
    # What is inside of a long secret makes no difference but for how much of it there is.
    text = case.text if len(case.text) < 600 else case.text[:300] + case.text[-300:]
    whole = secrets.redact(text)
    assert whole != text or len(case.text) >= 600
    for place in range(len(text) + 1):
        assert streamed([text[:place], text[place:]]) == whole


@pytest.mark.parametrize("case", FOUND, ids=str)
def test_every_character_and_every_byte_by_itself(case):
    text = case.text[:2_000]
    assert streamed(text) == secrets.redact(text)
    data = text.encode()
    assert streamed(data[at : at + 1] for at in range(len(data))) == secrets.redact(data)


@several
@given(small_texts)
def test_every_split_of_near_misses(text):
    whole = secrets.redact(text)
    for place in range(len(text) + 1):
        assert streamed([text[:place], text[place:]]) == whole


@many
@given(texts, st.lists(st.integers(0, 20_000), max_size=6))
def test_any_split(text, places):
    assert streamed(cut_at(text, places)) == secrets.redact(text)
    data = text.encode()
    assert streamed(cut_at(data, places)) == secrets.redact(data)


@several
@given(small_texts, st.integers(1, 30))
def test_chunks_of_one_size(text, size):
    assert streamed(text[at : at + size] for at in range(0, len(text), size)) == secrets.redact(text)


@several
@given(small_texts, st.sets(st.sampled_from(secrets.TYPES)), st.lists(st.integers(0, 2_000), max_size=3))
def test_some_types_only(text, types, places):
    assert streamed(cut_at(text, places), types=types) == secrets.redact(text, types)


def held_back(text, size):
    """How many bytes a stream holds after each chunk."""
    stream = secrets.stream(replacement="")
    hits = [hit.end - hit.start for hit in secrets.find(text.encode())]
    fed = released = 0
    for at in range(0, len(text), size):
        fed += len(text[at : at + size].encode())
        released += len(stream.feed(text[at : at + size]).encode())
        yield fed - released - sum(hits[: stream.hits])


@several
@given(texts, st.integers(1, 64))
def test_no_more_is_held_back_than_promised(text, size):
    assert max(held_back(text, size), default=0) <= secrets.Stream.most_held


def test_next_to_nothing_is_held_back_of_prose():
    text = "The quick brown fox jumps over the lazy dog, and nobody minds at all; not even once. " * 20
    held = list(held_back(text, 1))
    assert max(held) <= 3
    assert held.count(0) > len(text) / 2


def test_of_a_secret_all_is_held_back():
    key = "ghp_" + drawn("abcdefgh0123", 36)
    assert list(held_back(key + " ", 1)) == [*range(1, len(key) + 1), 0]


def test_what_has_been_released_is_not_found_again():
    stream = secrets.stream()
    key = "ghp_" + drawn("abcdefgh0123", 36)
    assert stream.feed(f"a {key}, ") == "a [github_token], "
    assert stream.feed(f"b {key} ") == "b [github_token] "
    assert stream.finish() == ""
    assert stream.hits == 2


def test_a_name_is_remembered_for_its_value():
    stream = secrets.stream()
    assert stream.feed("password" + " " * 16 + ":") == "password" + " " * 16 + ":"
    assert stream.feed(" hunter2-" * 1) == " "
    assert stream.feed("hunter3") == ""
    assert stream.finish() == "[assignment]"


@pytest.mark.parametrize("before", range(900, 1_200, 7))
def test_a_name_is_remembered_although_what_came_before_is_forgotten(before):
    blanks = " " * 16
    name = "SECRET_ACCESS_KEY" + "_" + "x" * 19 + '\\"]' + blanks + "===" + blanks + 'b\\"'
    secret = drawn(ALNUM, 40)
    stream = secrets.stream()
    assert stream.feed("-" * before + name) == "-" * before + name
    assert stream.feed(secret + '\\"') == "[aws_secret_key]" + '\\"'


def test_digits_of_one_secret_are_not_the_lead_of_another():
    text = (
        "xox" + "b-123456789012-1234567890123-" + drawn("abcdefgh0123", 16) + "12345678:AA" + drawn("abcdefgh0123", 33)
    )
    whole = secrets.redact(text)
    assert whole.startswith("[slack_token]:AA")
    for place in range(len(text) + 1):
        assert streamed([text[:place], text[place:]]) == whole
    assert streamed(text) == whole


def test_a_private_key_without_an_end_is_held_until_its_bound():
    begin = pem("PRIVATE" + " KEY").splitlines()[0]
    stream = secrets.stream()
    out = [stream.feed(chunk) for chunk in [begin, *["x" * 1_000] * 20]]
    assert out[0] == ""
    assert "".join([*out, stream.finish()]) == "[private_key]" + "x" * (20_000 - 16_384)
    assert out.index("[private_key]" + "".join(out).removeprefix("[private_key]")[: len(out[17]) - 13]) == 17


def test_a_chunk_whose_replacement_fails_can_be_fed_again():
    first, second = (f"npm_{drawn('abcdefgh0123', 36, seed)}" for seed in (1, 2))
    failing = True

    def replacement(kind, secret):
        if failing and secret == second:
            raise LookupError
        return kind

    stream = secrets.stream(replacement=replacement)
    chunk = f"{first} {second} "
    with pytest.raises(LookupError):
        stream.feed(chunk)
    failing = False
    assert stream.feed(chunk) + stream.finish() == "npm_token npm_token "
    assert stream.hits == 2


def test_the_reference_decides_at_the_end():
    stream = secrets.stream(backend="reference")
    key = "npm_" + drawn("abcdefgh0123", 36)
    assert stream.feed(f"a {key} b") == ""
    assert stream.finish() == "a [npm_token] b"


def test_an_empty_stream():
    assert secrets.stream().finish() == ""
    stream = secrets.stream()
    assert stream.feed(b"") == b""
    assert stream.finish() == b""


def test_misuse():
    stream = secrets.stream()
    stream.feed("a")
    with pytest.raises(TypeError, match=r"chunk: got a bytes; pass str as before"):
        stream.feed(b"a")
    with pytest.raises(TypeError, match=r"chunk: got a int; pass str or bytes"):
        secrets.stream().feed(1)
    stream.finish()
    with pytest.raises(RuntimeError, match="has ended"):
        stream.feed("a")
    with pytest.raises(RuntimeError, match="has ended"):
        stream.finish()
