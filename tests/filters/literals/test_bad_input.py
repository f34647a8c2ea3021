"""What the literal search refuses, and what it says of it."""

import pytest

from aligntax_kernels import literals
from aligntax_kernels.fold import Folding

SETS = [
    ("abc", {}, TypeError, r"got one str; pass a list of them, or \[pattern\]"),
    (b"abc", {}, TypeError, "got one bytes"),
    (["abc", 5], {}, TypeError, r"patterns\[1\] is a int; pass str or bytes"),
    ([None], {}, TypeError, r"patterns\[0\] is a NoneType"),
    (None, {}, TypeError, "patterns: got one NoneType; pass a list of them"),
    (["abc"], {"caseless": "no"}, TypeError, "caseless: got 'no'; pass True or False"),
    (["abc"], {"whole_words": 1}, TypeError, "whole_words: got 1; pass True or False"),
    (["abc"], {"fold": True}, TypeError, "fold: got a bool; pass a Folding, or None"),
    (["abc", b"abc"], {}, TypeError, r"patterns\[1\] is bytes and patterns\[0\] str; pass one kind"),
    (["abc", ""], {}, ValueError, r"patterns\[1\] is empty"),
    (["\u200b"], {"fold": Folding()}, ValueError, r"patterns\[0\] consists of characters that folding removes"),
    (
        ["abc"],
        {"fold": Folding(leet=True), "whole_words": True},
        ValueError,
        "whole_words cannot be had with fold.leet",
    ),
    ([b"abc"], {"fold": Folding()}, ValueError, "fold needs patterns of str"),
    (["abc"], {"match": "first"}, ValueError, "match='first' is unknown; use 'leftmost_longest' or 'overlapping'"),
    (["abc"], {"backend": "cuda"}, ValueError, "backend 'cuda' is unknown here; use one of 'auto', 'reference', 'cpu'"),
]


@pytest.mark.parametrize(("patterns", "options", "error", "message"), SETS)
def test_sets(patterns, options, error, message):
    with pytest.raises(error, match=message):
        literals.compile(patterns, **options)


USES = [
    (lambda words: words.find(5), TypeError, "text: got a int; pass str or bytes"),
    (lambda words: words.find(["abc"]), TypeError, "text: got a list"),
    (lambda words: words.contains(None), TypeError, "text: got a NoneType"),
    (lambda words: words.first(bytearray(b"abc")), TypeError, "text: got a bytearray"),
    (lambda words: words.redact("abc", b"#"), TypeError, "replacement: got a bytes; pass str, as the text is"),
    (lambda words: words.redact(b"abc", "#"), TypeError, "replacement: got a str; pass bytes, as the text is"),
    (lambda words: words.redact(5), TypeError, "text: got a int"),
    (lambda words: words.find_batch("abc"), TypeError, "texts: got one str; pass a list of them, or use find"),
    (lambda words: words.find_batch(None), TypeError, "texts: got one NoneType; pass a list of them"),
    (lambda words: words.find_batch(["abc", b"abc"]), TypeError, "pass str only, or bytes only"),
    (lambda words: words.find_batch([b"abc", "abc"]), TypeError, "pass str only, or bytes only"),
]


@pytest.mark.parametrize(("use", "error", "message"), USES)
def test_texts(compiled, use, error, message):
    with pytest.raises(error, match=message):
        use(compiled(["abc"]))


@pytest.mark.parametrize("use", ["find", "contains", "first", "redact"])
def test_patterns_of_bytes_search_bytes_only(compiled, use):
    with pytest.raises(TypeError, match="text: got a str; these patterns are bytes, so pass bytes"):
        getattr(compiled([b"abc"]), use)("abc")


class Named(str):
    __slots__ = ()


class Raw(bytes):
    __slots__ = ()


def test_patterns_of_a_derived_type_are_what_they_derive_from():
    assert literals.compile([Named("ab"), "cd"]).find("CD AB") == [(0, 2, 1), (3, 5, 0)]
    assert literals.compile([Raw(b"\xe9b"), b"cd"]).patterns == literals.compile([b"\xe9b", b"cd"]).patterns
    with pytest.raises(ValueError, match="fold needs patterns of str"):
        literals.compile([Raw(b"ab")], fold=Folding())


def test_an_automaton_beyond_the_bound_is_refused_before_it_is_built(monkeypatch):
    from aligntax_kernels.literals import automaton_tables

    monkeypatch.setattr(automaton_tables, "MAX_TABLE_BYTES", 10_000)
    with pytest.raises(ValueError, match=r"500 patterns of 2,000 bytes may need an automaton .* split them into sets"):
        literals.compile([f"{number:04}" for number in range(500)])
