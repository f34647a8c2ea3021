"""Which engine is chosen and why, and what each does with a text made against it."""

import logging

import pytest

from aligntax_kernels import literals
from aligntax_kernels.compilation import direct
from aligntax_kernels.literals import automaton, chains, search, sieve


def test_the_choice_is_given_a_reason_and_logged(caplog):
    with caplog.at_level(logging.DEBUG, logger="aligntax_kernels"):
        words = literals.compile(["qzxjwv", "vwxzkq"])
    assert words.reason == "sieve: 2 patterns of 6 bytes or more, one look at 3 bytes every 4"
    assert words.reason in caplog.text
    assert "qzxjwv" not in caplog.text


REASONS = [
    ([], "automaton: there is no pattern"),
    (["x", "qzxjwv"], "automaton: a pattern of one byte leaves no gram"),
    ([f"the {number:05}" for number in range(20_000)], "automaton: a sieve would take"),
    (["zq" * size for size in range(2, 60)], "automaton: 58 patterns share their rarest gram"),
]


@pytest.mark.parametrize(("patterns", "reason"), REASONS)
def test_where_the_sieve_does_not_pay_the_automaton_is_taken(patterns, reason):
    assert literals.compile(patterns).reason.startswith(reason[:40])


def test_a_flood_makes_the_sieve_give_up_and_the_answer_is_the_same(compiled):
    patterns = ["z" * 15 + letter + "z" * 15 for letter in "qxj"]
    words = compiled(patterns)
    near_misses = ("z" * 6 + "q" + "z" * 6 + "-") * (10 if compiled.engine == "reference" else 2_000)
    text = near_misses + patterns[1] + "-" + near_misses
    if compiled.engine == "sieve":
        assert words.reason.startswith("sieve")
        header = int(words._searcher._plan.header.ctypes.data)
        assert direct(sieve.sieve)(header, 0, 0, 0, near_misses.encode()) == sieve.FLOODED
        assert direct(sieve.sieve)(header, 0, 0, 0, near_misses[:140].encode()) == sieve.NOTHING
        assert words._searcher.probe(near_misses.encode()) == sieve.NOTHING
    place = len(near_misses)
    assert words.find(text) == [(place, place + 31, 1)]
    assert words.first(text) == (place, place + 31, 1)
    assert words.contains(text)
    assert not words.contains(near_misses)


def test_a_hit_across_two_batches_before_a_flood(compiled):
    """The automaton takes over from the beginning: the sieve has seen the hit from its second half only."""
    patterns = ["z" * 15 + letter + "z" * 15 for letter in "qxj"]
    words = compiled(patterns)
    around, flood = (100, 10) if compiled.engine == "reference" else (8_192, 4_000)
    for place in range(around - 32, around + 2, 1 if compiled.engine != "reference" else 11):
        text = "." * place + patterns[1] + "." + ("z" * 6 + "q" + "z" * 6 + "-") * flood
        assert words.find(text) == [(place, place + 31, 1)], place


def test_hits_at_every_place(compiled):
    words = compiled(["aaaa", "aaaaaa"], match="overlapping")
    size = 300 if compiled.engine == "reference" else 20_000
    hits = words.find("a" * size)
    assert len(hits) == 2 * size - 8
    assert hits[:2] == [(0, 4, 0), (0, 6, 1)]
    assert hits[-1] == (size - 4, size, 0)
    apart = compiled(["aaaa", "aaaaaa"]).find("a" * size)
    assert apart[0] == (0, 6, 1)
    assert sum(end - start for start, end, _ in apart) >= size - 3


def test_ten_megabytes_on_one_line():
    words = literals.compile(["needle", "haystack"])
    text = "x" * 10_000_000 + "needle"
    assert words.find(text) == [(10_000_000, 10_000_006, 0)]
    assert words.first(text) == (10_000_000, 10_000_006, 0)


def test_sparse_and_dense_stretches_alternate(compiled):
    """The automaton's block grows over quiet text, and shrinks where something ends."""
    words = compiled(["abcd"])
    size = 10 if compiled.engine == "reference" else 3_000
    text = ("." * size + "abcd" * 5) * 4 + "abc" + "." * size
    expected = [place for place in range(len(text)) if text.startswith("abcd", place)]
    assert [start for start, _, _ in words.find(text)] == expected


def test_warm_compiles_everything():
    assert literals.warm() > 0
    assert [len(function.overloads) for function in (sieve.sieve, chains.gather, automaton.walk, automaton.step)] == [
        1
    ] * 4
    assert len(search.probe.overloads) == 1
