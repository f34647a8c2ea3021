"""Random patterns in random texts: both engines, the reference, and the oracles of others say the same."""

import random

import ahocorasick
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aligntax_kernels import literals
from aligntax_kernels.fold import Folding

ALPHABETS = ["ab", "abc", "abAB ", "aбБ ßs_", "ab\x00\u200b", "aA -é", "a\u0301e\u00e9😀", "aа4@l1"]
FOLDINGS = [None, Folding(), Folding(leet=True), Folding(compatibility=False, confusables=False, leet=True)]
EXAMPLES = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@st.composite
def sets_and_texts(draw, alphabets=ALPHABETS, foldings=FOLDINGS):
    alphabet = draw(st.sampled_from(alphabets))
    least = draw(st.sampled_from([1, 2, 3, 4, 5, 8]))
    patterns = draw(st.lists(st.text(alphabet, min_size=least, max_size=least + 7), max_size=12))
    pieces = st.one_of(st.text(alphabet, max_size=20), st.sampled_from(patterns) if patterns else st.just(""))
    # Short texts go to the automaton, whatever the engine.
    text = draw(st.sampled_from(["", "." * 300])) + "".join(draw(st.lists(pieces, max_size=8)))
    return patterns, text, draw(st.sampled_from(foldings))


def removed_by_folding(patterns, folding):
    return folding is not None and any(set(pattern) <= {"\u200b"} for pattern in patterns)


@EXAMPLES
@given(
    sets_and_texts(),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["leftmost_longest", "overlapping"]),
    st.lists(st.integers(0, 400), max_size=12),
)
def test_all_engines_agree(on_every_engine, streamed, drawn, caseless, whole_words, match, cuts):
    patterns, text, folding = drawn
    if removed_by_folding(patterns, folding) or (whole_words and folding is not None and folding.leet):
        return
    sets = on_every_engine(patterns, caseless=caseless, whole_words=whole_words, match=match, fold=folding)
    for given_text in (text, text.encode()):
        expected = sets["reference"].find(given_text)
        first = sets["reference"].first(given_text)
        places = sorted({cut for cut in cuts if cut < len(given_text)})
        for name, words in sets.items():
            assert words.find(given_text) == expected, name
            assert words.contains(given_text) is bool(expected), name
            assert words.first(given_text) == first, name
            if match == "leftmost_longest":
                mark = "[]" if isinstance(given_text, str) else b"[]"
                if given_text:
                    assert streamed(words, given_text, places, "[]") == words.redact(given_text, mark), name


@EXAMPLES
@given(st.lists(st.binary(min_size=1, max_size=6), max_size=10), st.binary(max_size=80), st.booleans())
def test_any_bytes(on_every_engine, patterns, text, caseless):
    text = bytes(300 if caseless else 0) + (text.join(patterns) if patterns else text)
    sets = on_every_engine(patterns, caseless=caseless, match="overlapping")
    fold = bytes.lower if caseless else bytes
    expected = sorted(
        (start, start + len(pattern), index)
        for index, pattern in enumerate(patterns)
        for start in range(len(text) - len(pattern) + 1)
        if fold(text[start : start + len(pattern)]) == fold(pattern)
    )
    for name, words in sets.items():
        assert words.find(text) == expected, name


PIECES = [
    *(piece.encode() for piece in ("cat", "c", " ", "-", "é", "日")),
    b"\x80",
    b"\xc3",
    b"\xe6\x97",
    b"\xf0\x9f",
]


@EXAMPLES
@given(
    st.sampled_from([["cat", "cat cat"], [b"cat", b"\x80", b"\x80\x80c", b"\x97cat"]]),
    st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join),
    st.sampled_from([b"", b"." * 300]),
    st.lists(st.integers(1, 40), max_size=8),
)
def test_whole_words_in_any_bytes(on_every_engine, streamed, patterns, text, before, cuts):
    """What is no UTF-8 belongs to no word, and hides no character beside it; in streams neither."""
    sets = on_every_engine(patterns, whole_words=True)
    expected = sets["reference"].find(before + text)
    for name, words in sets.items():
        assert words.find(before + text) == expected, name
        if text:
            places = sorted({cut for cut in cuts if cut < len(text)})
            assert streamed(words, text, places, "#") == words.redact(text, b"#"), name


@pytest.mark.parametrize("count", [10, 1_000, 20_000])
@pytest.mark.parametrize("letters", ["abcd", "abcdefghijklmnopqrstuvwxyz"])
def test_large_sets_against_pyahocorasick(compiled, count, letters):
    if compiled.engine == "reference":
        count = min(count, 1_000)
    random_ = random.Random(count)
    patterns = ["".join(random_.choices(letters, k=random_.randint(5, 12))) for _ in range(count)]
    text = "".join(random_.choices(letters, k=30_000)) + " ".join(random_.sample(patterns, min(count, 200)))
    oracle = ahocorasick.Automaton()
    for pattern in patterns:
        oracle.add_word(pattern, pattern)
    oracle.make_automaton()
    expected = sorted({(end + 1 - len(pattern), end + 1) for end, pattern in oracle.iter(text)})
    words = compiled(patterns, match="overlapping")
    hits = words.find(text)
    assert sorted({(start, end) for start, end, _ in hits}) == expected
    assert all(text[start:end] == patterns[index] for start, end, index in hits)
    assert len(hits) >= min(count, 200)


def test_a_pattern_is_found_at_every_place_of_a_long_text(compiled):
    """The vectors, blocks, batches and chains all have ends, and a hit may lie across any of them."""
    for pattern in ("qj", "qxjz", "qxjzqxjz", "q" + "xj" * 40 + "z"):
        words = compiled([pattern, "zzzzzzzzzzzz"])
        text = "e" * 9_000
        if compiled.engine == "reference":
            text = text[:200]
        for place in {*range(0, len(text) - len(pattern), 97), *range(140), *range(8_100, 8_300), *range(2_000, 2_100)}:
            if place + len(pattern) <= len(text):
                held = text[:place] + pattern + text[place + len(pattern) :]
                assert words.find(held) == [(place, place + len(pattern), 0)], place
                assert words.first(held) == (place, place + len(pattern), 0), place


@pytest.mark.parametrize("gap", range(5))
def test_the_first_whole_word_is_not_what_only_looks_like_one_where_the_text_is_cut(compiled, gap):
    """`first` looks at a part of the text, and what stands before that part decides about the hits at its beginning."""
    words = compiled(["cat", "a cat"], whole_words=True)
    for count in (10, 100, 3_000):
        if compiled.engine == "reference" and count > 100:
            continue
        text = "xcat " * count + "." * gap + "cat cat"
        place = 5 * count + gap
        assert words.first(text) == words.find(text)[0] == (place, place + 3, 0)


def test_a_hit_may_lie_across_two_blocks_or_end_behind_what_is_looked_at_for_the_first(compiled):
    words = compiled(["qxjz", "qxjz" + "e" * 200], whole_words=True)
    size = 300 if compiled.engine == "reference" else 34_000
    for place in {*range(20, 60), *range(16_100, 16_460, 3), *range(32_300, 32_600, 3)}:
        if place + 204 < size:
            text = "." * place + "qxjz" + "e" * 200
            text += "." * (size - len(text))
            assert words.first(text) == (place, place + 204, 1), place
            assert words.find(text) == [(place, place + 204, 1)], place


def test_threads_share_a_set(compiled):
    from concurrent.futures import ThreadPoolExecutor

    words = compiled(["abcd", "bcde", "xyzx"])
    texts = [("-" * size + "abcde") * 3 for size in range(60)]
    expected = [words.find(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            assert list(pool.map(words.find, texts)) == expected


def test_pickles_carry_the_patterns_and_no_addresses():
    import pickle

    words = literals.compile(["abcd", "Привет"], whole_words=True, fold=Folding())
    copy = pickle.loads(pickle.dumps(words))  # noqa: S301 (made in the line itself)
    assert copy.patterns == words.patterns
    assert copy.find("abcd, привет") == words.find("abcd, привет") == [(0, 4, 0), (6, 12, 1)]
