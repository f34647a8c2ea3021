"""Texts made to be hard to fold, against `unicodedata`, the reference and the promises of the map and the boundary."""

import itertools
from dataclasses import replace
from unicodedata import combining, normalize

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntax_kernels import fold
from aligntax_kernels.compilation import direct
from aligntax_kernels.fold import Folding, clusters, scan, tables
from aligntax_kernels.fold.chain import LONGEST_GAP, MOST_MARKS
from aligntax_kernels.fold.invisible import INVISIBLE

MARKS = "\u0300\u0301\u0308\u0316\u0323\u0327\u0342\u0344\u0345\u0483\u05b0\u05bc\u093c\u094d\u0dca\u0f71\u0f73\u3099"
JAMO = "\u1100\u1112\u1161\u1175\u11a7\u11a8\u11c2\uac00\uac01\ud7a3"
MEETING = "\u0cc6\u0cc2\u0cd5\u0dd9\u0dcf\u09c7\u09be\u1025\u102e\U00011131\U00011127\U0001109a\U000110ba"
LETTERS = (
    "aeiouqsAEIQ14 .\n\u00e9\u00c7\u1e69\u00df\u0130\u03b1\u03b9\u03c2\u03bd\u03a5\u1fb4\u0390\u0438\u0439\u0410\u05d1"
)
WIDE = "\uff21\ufb03\ufdfa\uff9e\u32ff\u03f2\u00b5\u1e9e\u13a0\uab70\U0001d400\U0001f170\U0001f468\u4e2d\u2019"
HIDDEN = "\u00ad\u034f\u115f\u1160\u200b\u200d\ufeff\ufe0f\U000e0041\u3164"

NFKC = Folding(case=False, confusables=False, invisible=False)
CASE = Folding(compatibility=False, confusables=False, invisible=False)
CASELESS = Folding(confusables=False, invisible=False)

foldings = st.builds(Folding, *[st.booleans()] * 5)
hard_texts = st.one_of(
    st.text(st.sampled_from(MARKS + JAMO + MEETING + LETTERS + WIDE + HIDDEN), max_size=40),
    st.text(st.sampled_from(MARKS + "aq\u03b1\u200d"), max_size=29),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
)
# Up to three marks for each of these characters, and a piece of a long run.
long_runs = st.builds(
    str.__add__,
    st.text(st.sampled_from(MARKS + "a\u200d"), min_size=MOST_MARKS - 4, max_size=MOST_MARKS + 40),
    hard_texts,
)
broken_bytes = st.sampled_from(
    [
        b"\x80",
        b"\xc3",
        b"\xcc",
        b"\xc0\xaf",
        b"\xe2\x80",
        b"\xed\xa0\x80",
        b"\xf0\x9f\x92",
        b"\xf5\x80\x80\x80",
        b"\xff",
    ]
)
wide_gaps = st.sampled_from([b"\xe2\x80\x8b" * (LONGEST_GAP // 3 + extra) for extra in (0, 1)])
byte_texts = st.lists(st.one_of(hard_texts.map(str.encode), long_runs.map(str.encode), broken_bytes, wide_gaps)).map(
    b"".join
)


def stream_safe(text):
    """Whether no more than 30 marks follow each other in the decomposed text, ours or that of UAX 15."""
    decomposed = normalize("NFKD", "".join(character for character in text if character not in INVISIBLE))
    runs = itertools.groupby(decomposed, lambda character: combining(character) != 0)
    return all(len(list(run)) <= MOST_MARKS for marks, run in runs if marks)


def caseless(text):
    while True:
        before, text = text, normalize("NFKD", normalize("NFKD", text).casefold())
        if text == before:
            return normalize("NFC", text)


def same(ours, reference):
    return (ours.data, ours.starts.tolist(), ours.ends.tolist()) == (
        reference.data,
        reference.starts.tolist(),
        reference.ends.tolist(),
    )


@settings(max_examples=300, deadline=None)
@given(hard_texts.filter(stream_safe))
def test_compatibility_alone_is_nfkc(text):
    assert fold.fold_text(text, NFKC) == normalize("NFKC", text)


@settings(max_examples=300, deadline=None)
@given(hard_texts)
def test_case_alone_is_casefold(text):
    assert fold.fold_text(text, CASE) == text.casefold()


@settings(max_examples=300, deadline=None)
@given(hard_texts.filter(stream_safe))
def test_both_are_the_caseless_form(text):
    assert fold.fold_text(text, CASELESS) == caseless(text)


@settings(max_examples=400, deadline=None)
@given(byte_texts, foldings)
def test_every_backend_makes_the_same_of_it(data, folding):
    expected = fold.fold(data, folding, backend="reference")
    assert same(fold.fold(data, folding), expected)
    assert fold.fold_bytes(data, folding) == expected.data
    assert fold.fold_bytes(data, folding, backend="reference") == expected.data
    assert fold.is_plain(data, folding) == fold.is_plain(data, folding, backend="reference")
    assert fold.boundary(data, folding) == fold.boundary(data, folding, backend="reference")


@settings(max_examples=200, deadline=None)
@given(byte_texts, foldings, st.booleans())
def test_running_out_of_room_anywhere_changes_nothing(data, folding, mapped):
    """The kernel is given 8 bytes more each time it asks, and nothing behind its buffer is touched."""
    expected = fold.fold(data, folding)
    table, guard = tables.tables(folding), 64
    capacity, at, written, done = (clusters.CLUSTER_BYTES + 7) & -8, 0, 0, 0
    starts = ends = np.empty(0, np.int64)
    text = b""
    while not done:
        words = (2 * capacity if mapped else 0) + capacity // 8 + clusters.SCRATCH_WORDS
        buffer = np.full(words + guard, -1)
        if mapped:
            buffer[: len(starts)], buffer[capacity : capacity + len(ends)] = starts, ends
        out = buffer[2 * capacity if mapped else 0 :].view(np.uint8)
        out[: len(text)] = np.frombuffer(text, np.uint8)
        at, written, done = direct(scan.fold)(data, table.address, buffer, capacity, at, written, mapped)
        assert (buffer[words:] == -1).all()
        text = out[:written].tobytes()
        if mapped:
            starts, ends = buffer[:written], buffer[capacity : capacity + written]
        capacity += 8
    assert text == expected.data
    if mapped:
        assert (starts.tolist(), ends.tolist()) == (expected.starts.tolist(), expected.ends.tolist())


@settings(max_examples=300, deadline=None)
@given(st.one_of(hard_texts, long_runs), foldings)
def test_folding_again_changes_nothing(text, folding):
    once = fold.fold_bytes(text.encode(), folding)
    assert fold.fold_bytes(once, folding) == once
    assert fold.fold_text(text, folding) == once.decode()


@settings(max_examples=300, deadline=None)
@given(hard_texts.filter(stream_safe), foldings)
def test_the_normal_form_of_a_text_makes_no_difference(text, folding):
    folding = replace(folding, compatibility=True)
    assert fold.fold_text(normalize("NFC", text), folding) == fold.fold_text(text, folding)
    assert fold.fold_text(normalize("NFD", text), folding) == fold.fold_text(text, folding)


@settings(max_examples=300, deadline=None)
@given(byte_texts, foldings)
def test_the_map_leads_from_each_byte_to_what_it_came_from(data, folding):
    folded, starts, ends = fold.fold(data, folding)
    assert len(folded) == len(starts) == len(ends)
    assert (starts < ends).all()
    assert (starts[1:] >= starts[:-1]).all()
    assert (ends[1:] >= ends[:-1]).all()
    assert len(folded) == 0 or (starts[0] >= 0 and ends[-1] <= len(data))


@settings(max_examples=300, deadline=None)
@given(hard_texts, foldings, st.data())
def test_what_a_hit_came_from_folds_to_the_hit(text, folding, data):
    """Cut out at the boundaries of the folded text, where nothing around it has a part in it."""
    original = text.encode()
    begin = fold.boundary(original, folding)
    pieces = [original[:begin], original[begin:]]
    folded, starts, ends = fold.fold(original, folding)
    for piece, offset in zip(pieces, (0, begin), strict=True):
        hit = fold.fold(piece, folding)
        at = len(fold.fold_bytes(original[:offset], folding))
        until = at + len(hit.data)
        assert folded[at:until] == hit.data
        if hit.data:
            assert original[starts[at] : ends[until - 1]] in piece
            assert fold.fold_bytes(original[starts[at] : ends[until - 1]], folding) == hit.data


@settings(max_examples=300, deadline=None)
@given(byte_texts, foldings)
def test_a_plain_text_is_its_own_folded_form(data, folding):
    if fold.is_plain(data, folding):
        folded, starts, ends = fold.fold(data, folding)
        assert folded == (data.lower() if folding.case else data)
        for at, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            assert start <= at < end <= start + 4


@settings(max_examples=300, deadline=None)
@given(byte_texts, st.one_of(byte_texts, long_runs.map(str.encode)), foldings)
def test_what_is_folded_up_to_a_boundary_never_changes(data, more, folding):
    cut = fold.boundary(data, folding)
    whole = fold.fold(data + more, folding)
    before, after = fold.fold(data[:cut], folding), fold.fold(data[cut:] + more, folding)
    assert before.data + after.data == whole.data
    assert [*before.starts, *(after.starts + cut)] == whole.starts.tolist()
    assert [*before.ends, *(after.ends + cut)] == whole.ends.tolist()


@settings(max_examples=100, deadline=None)
@given(byte_texts, foldings, st.lists(st.integers(1, 9), min_size=1, max_size=20))
def test_a_stream_folds_to_what_the_whole_does(data, folding, sizes):
    folded, held, at = b"", b"", 0
    for size in itertools.cycle(sizes):
        if at >= len(data):
            break
        held += data[at : at + size]
        at += size
        cut = fold.boundary(held, folding)
        folded += fold.fold_bytes(held[:cut], folding)
        held = held[cut:]
    assert folded + fold.fold_bytes(held, folding) == fold.fold_bytes(data, folding)
