"""TokenBans.from_bytes: bans that hold in every tokenization, against brute force on small vocabularies."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntax_kernels.tokens import TokenBans

BACKENDS = ("reference", "cpu", "auto")


def completes(strings, text, added):
    """Whether a byte of `added`, said after `text`, is the last of a banned string."""
    return any((text + added[:end]).endswith(string) for string in strings for end in range(1, len(added) + 1))


def banned_of(row):
    return np.isneginf(np.asarray(row)).tolist()


@st.composite
def strings_and_tokens(draw):
    alphabet = st.sampled_from([b"a", b"b", b"\x00", b"\xff", b"\xfe"])
    text = st.lists(alphabet, max_size=6).map(b"".join)
    table = draw(st.lists(st.one_of(st.none(), text), min_size=1, max_size=40))
    strings = draw(st.lists(text.filter(bool), max_size=6))
    read = draw(st.lists(st.lists(st.integers(-1, len(table)), min_size=5, max_size=5), min_size=1, max_size=3))
    return strings, table, read


@settings(max_examples=400, deadline=None)
@given(strings_and_tokens())
def test_every_backend_bans_exactly_what_completes_a_string(arguments):
    strings, table, read = arguments
    spelled = [given or b"" for given in table]
    texts = [b"".join(spelled[token] for token in row if 0 <= token < len(table)) for row in read]
    expected = [[completes(strings, text, added) for added in spelled] for text in texts]
    for backend in BACKENDS:
        bans = TokenBans.from_bytes(strings, table, backend=backend)
        logits = np.zeros((len(read), len(table)), np.float32)
        bans.apply_after(logits, np.array(read, np.int32))
        assert [banned_of(row) for row in logits] == expected
        state = bans.start(len(read))
        bans.advance(state, np.array(read)[:, :-1])
        stepped = np.zeros_like(logits)
        bans.step(stepped, state, np.array(read)[:, -1])
        assert np.array_equal(stepped, logits)


def test_what_is_left_to_say_is_every_text_without_a_banned_string():
    """All that four tokens can say, with the bans and by filtering afterwards."""
    table = [b"a", b"b", b"ab", b"ba", b"abb", None]
    strings = [b"abba", b"bb"]
    bans = TokenBans.from_bytes(strings, table)
    said = set()

    def say(path, state):
        if len(path) == 4:
            said.add(path)
            return
        logits = np.zeros((1, len(table)), np.float32)
        bans.apply(logits, state)
        for token in np.flatnonzero(np.isfinite(logits[0])).tolist():
            following = state.copy()
            bans.advance(following, np.array([token]))
            say((*path, token), following)

    say((), bans.start(1))
    expected = {
        path
        for path in itertools.product(range(len(table)), repeat=4)
        if not any(string in b"".join(table[token] or b"" for token in path) for string in strings)
    }
    assert said == expected
    assert len(said) > 50


@pytest.mark.parametrize("backend", BACKENDS)
def test_another_tokenization_does_not_leak(backend):
    table = [b" bad", b" b", b"ad", b"a", b"d", b" good", b"add"]
    by_tokens, by_bytes = (
        TokenBans([[0]], len(table), backend=backend),
        TokenBans.from_bytes([" bad"], table, backend=backend),
    )
    logits = np.zeros((1, len(table)), np.float32)
    by_tokens.apply_after(logits, np.array([[1]]))
    assert banned_of(logits[0]) == [True, False, False, False, False, False, False]
    logits[:] = 0
    by_bytes.apply_after(logits, np.array([[1]]))
    assert banned_of(logits[0]) == [True, False, True, False, False, False, True]
    logits[:] = 0
    by_bytes.apply_after(logits, np.array([[1, 3]]))
    assert banned_of(logits[0]) == [True, False, False, False, True, False, False]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_token_without_text_neither_matters_nor_is_banned(backend):
    bans = TokenBans.from_bytes([b"ab"], [b"a", b"b", None, b""], backend=backend)
    logits = np.zeros((1, 4), np.float16)
    bans.apply_after(logits, np.array([[0, 2, 3, 2, -1, 7]]))
    assert banned_of(logits[0]) == [False, True, False, False]


@pytest.mark.parametrize("strings", [["é"], ["é".encode()], ["é", b"\xc3\xa9"]])
def test_a_str_stands_for_its_utf_8_and_a_character_may_be_cut(strings):
    bans = TokenBans.from_bytes(strings, [b"\xc3", b"\xa9", "é".encode(), b"e"])
    logits = np.zeros((2, 4), np.float32)
    bans.apply_after(logits, np.array([[0], [3]]))
    assert [banned_of(row) for row in logits] == [[False, True, True, False], [False, False, True, False]]


def test_a_large_random_vocabulary_as_by_brute_force():
    rng = np.random.default_rng(9)
    letters = np.frombuffer(b"etaoin s", np.uint8)
    table = [rng.choice(letters, rng.integers(1, 7)).tobytes() for _ in range(4_000)]
    strings = [rng.choice(letters, rng.integers(3, 10)).tobytes() for _ in range(60)]
    bans = TokenBans.from_bytes(strings, table)
    read = rng.integers(0, len(table), (4, 8))
    logits = torch.zeros(4, len(table))
    bans.apply_after(logits, torch.from_numpy(read))
    for row, text in zip(logits, (b"".join(table[token] for token in row) for row in read), strict=True):
        assert banned_of(row) == [completes(strings, text[-9:], added) for added in table]


REFUSED = [
    ("an empty string", [b"a", b""], [b"a"], ValueError, r"strings\[1\] is empty.*leave it out"),
    ("one text", "bad", [b"a"], TypeError, "strings: got a str, each part of which would be banned; pass a list"),
    ("one byte string", b"bad", [b"a"], TypeError, "strings: got a bytes, each part"),
    ("a number", [1], [b"a"], TypeError, r"strings\[0\]: got a int; pass bytes or str"),
    ("a token of text", [b"a"], ["a"], TypeError, r"token_bytes\[0\]: got a str; pass bytes, or None"),
    ("no tokens", [b"a"], [], ValueError, "vocab_size is 0"),
]


@pytest.mark.parametrize(
    ("strings", "table", "error", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_what_cannot_be_banned_is_refused_with_the_mend(strings, table, error, message):
    with pytest.raises(error, match=message):
        TokenBans.from_bytes(strings, table)
