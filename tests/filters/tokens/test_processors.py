"""The logits processors against transformers' own, bit for bit, alone and inside `generate`."""

import subprocess
import sys

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntax_kernels.tokens import TokenBans
from aligntax_kernels.tokens.transformers import (
    BansLogitsProcessor,
    NoBadWordsLogitsProcessor,
    SuppressTokensLogitsProcessor,
)

DTYPES = (torch.float32, torch.float16, torch.bfloat16)
VOCABULARY = 12


def bits(scores):
    return scores.view(torch.int32 if scores.dtype is torch.float32 else torch.int16)


@st.composite
def read_and_scores(draw):
    rows, length = draw(st.integers(1, 4)), draw(st.integers(1, 7))
    token = st.integers(0, VOCABULARY - 1)
    read = draw(st.lists(st.lists(token, min_size=length, max_size=length), min_size=rows, max_size=rows))
    score = st.one_of(st.sampled_from([0.0, -0.0, float("-inf"), 1e-7]), st.floats(-9, 9, width=16))
    scores = draw(st.lists(st.lists(score, min_size=VOCABULARY, max_size=VOCABULARY), min_size=rows, max_size=rows))
    return torch.tensor(read), torch.tensor(scores).to(draw(st.sampled_from(DTYPES)))


bad_words = st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=4), min_size=1, max_size=9)
# An end of the sequence that no list of bad words consists of, so that something is left to ban.
ends = st.one_of(st.none(), st.integers(0, 9), st.lists(st.integers(0, 9), min_size=1, max_size=2))


@settings(max_examples=300, deadline=None)
@given(read_and_scores(), bad_words, ends, st.booleans())
def test_bad_words_are_banned_as_transformers_bans_them(arguments, sequences, eos, eos_as_tensor):
    read, scores = arguments
    sequences = [*sequences, [10, 11]]
    if eos_as_tensor and eos is not None:
        eos = torch.tensor(eos if isinstance(eos, list) else [eos])
    expected = transformers.NoBadWordsLogitsProcessor(sequences, eos)(read, scores)
    before = scores.clone()
    found = NoBadWordsLogitsProcessor(sequences, eos)(read, scores)
    assert torch.equal(bits(found), bits(expected))
    assert torch.equal(bits(scores), bits(before))
    in_place = NoBadWordsLogitsProcessor(sequences, eos, in_place=True)(read, scores)
    assert in_place is scores
    # The one difference: theirs makes 0.0 of an allowed -0.0.
    assert torch.equal(bits(scores + 0.0), bits(expected))
    assert torch.equal(bits(scores)[~torch.isneginf(scores)], bits(before)[~torch.isneginf(scores)])


@settings(max_examples=100, deadline=None)
@given(read_and_scores(), st.lists(st.integers(0, VOCABULARY - 1), max_size=VOCABULARY))
def test_tokens_are_suppressed_as_transformers_suppresses_them(arguments, suppressed):
    read, scores = arguments
    expected = transformers.SuppressTokensLogitsProcessor(suppressed)(read, scores)
    before = scores.clone()
    found = SuppressTokensLogitsProcessor(suppressed)(read, scores)
    assert torch.equal(bits(found), bits(expected))
    assert torch.equal(bits(scores), bits(before))
    assert SuppressTokensLogitsProcessor(suppressed, in_place=True)(read, scores) is scores
    assert torch.equal(bits(scores), bits(expected))


@pytest.mark.parametrize("in_place", [False, True])
def test_a_banned_score_that_is_no_number_is_banned_where_theirs_can_be_sampled(in_place):
    scores = torch.tensor([[float("nan"), float("inf"), 0.0]])
    read = torch.tensor([[2]])
    assert torch.isnan(transformers.NoBadWordsLogitsProcessor([[0], [1]])(read, scores)[0, :2]).all()
    banned = NoBadWordsLogitsProcessor([[0], [1]], in_place=in_place)(read, scores)
    assert torch.isneginf(banned[0, :2]).all()
    assert banned[0, 2] == 0


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(5)
    config = transformers.GPT2Config(
        vocab_size=VOCABULARY, n_positions=64, n_embd=16, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0
    )
    return transformers.GPT2LMHeadModel(config).eval()


BAD_WORDS = [[3], [1, 2], [2, 2], [4, 5, 6], [7, 7], [8, 9], [9, 8, 9], [0]]
WAYS = {
    "greedy": {"do_sample": False},
    "sampling": {"do_sample": True, "top_k": 0, "num_return_sequences": 3},
    "beam search": {"do_sample": False, "num_beams": 4, "num_return_sequences": 2},
    "beam sampling": {"do_sample": True, "num_beams": 3},
}


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_generate_says_the_same_with_either_processor(way, in_place, model):
    prompt = torch.tensor([[1, 7, 4, 5], [2, 8, 9, 8]])
    settings = {"max_new_tokens": 20, "pad_token_id": 0, "attention_mask": torch.ones_like(prompt), **way}
    said = []
    for processor in (
        transformers.NoBadWordsLogitsProcessor(BAD_WORDS, 0),
        NoBadWordsLogitsProcessor(BAD_WORDS, 0, in_place=in_place),
    ):
        torch.manual_seed(11)
        with torch.inference_mode():
            said.append(model.generate(prompt, logits_processor=[processor], **settings))
    assert torch.equal(*said)
    for row in said[1].tolist():
        for place in range(4, len(row)):
            ends = [row[: place + 1][-len(sequence) :] == sequence for sequence in BAD_WORDS if sequence != [0]]
            assert not any(ends)


def test_bans_of_bytes_hold_in_generate(model):
    table = [None, *(bytes([letter]) for letter in b"abcde"), b"ab", b"bc", b"cd", b"abc", b"e a", b"dd"]
    processor = BansLogitsProcessor(TokenBans.from_bytes(["abc", "d"], table))
    prompt = torch.tensor([[1, 2], [5, 6]])
    settings = {"max_new_tokens": 30, "pad_token_id": 0, "attention_mask": torch.ones_like(prompt)}
    torch.manual_seed(2)
    said = model.generate(prompt, logits_processor=[processor], do_sample=True, top_k=0, **settings)
    for row in said.tolist():
        text = b"".join(table[token] or b"" for token in row)
        assert b"abc" not in text
        assert b"d" not in text


def test_scores_of_any_layout_are_copied_and_in_place_refused():
    read, scores = torch.tensor([[1]] * 3), torch.zeros(VOCABULARY, 3).T
    found = NoBadWordsLogitsProcessor([[1, 2]])(read, scores)
    assert torch.isneginf(found[:, 2]).all()
    assert torch.equal(SuppressTokensLogitsProcessor([2])(read, scores), found)
    with pytest.raises(ValueError, match="must be adjacent"):
        NoBadWordsLogitsProcessor([[1, 2]], in_place=True)(read, scores)


def test_scores_without_the_banned_token_are_refused():
    with pytest.raises(ValueError, match="3 columns, fewer than the vocabulary of 6"):
        NoBadWordsLogitsProcessor([[1, 5]])(torch.tensor([[1]]), torch.zeros(1, 3))


@pytest.mark.parametrize(
    ("bans", "supported"),
    [
        (TokenBans([[1]], 4), True),
        (TokenBans([[1, 2]], 4), False),
        (TokenBans.from_bytes(["a"], [b"a", b"ba"]), True),
        (TokenBans.from_bytes(["ab"], [b"a", b"ba"]), False),
    ],
)
def test_continuous_batching_is_for_bans_that_do_not_look_back(bans, supported):
    assert hasattr(transformers.LogitsProcessor, "supports_continuous_batching")
    assert BansLogitsProcessor(bans).supports_continuous_batching is supported


REFUSED = [
    ("nothing", ([],), ValueError, "nothing is left to ban of 0 sequences"),
    ("only the end", ([[3], [4]], [3, 4]), ValueError, "nothing is left to ban of 2 sequences"),
    ("an empty sequence", ([[3], []], 3), ValueError, r"bad_words_ids\[1\] is empty"),
    ("a negative token", ([[-1]],), ValueError, r"bad_words_ids\[0\] has the token -1"),
    ("text", (["ab"],), TypeError, r"bad_words_ids\[0\]: got 'ab'; pass a sequence of token ids"),
    ("no sequence", ([[1], 2],), TypeError, r"bad_words_ids\[1\]: got 2; pass a sequence"),
    ("an end of text", ([[1]], "end"), TypeError, "str"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), [case[1:] for case in REFUSED], ids=[c[0] for c in REFUSED])
def test_what_cannot_be_banned_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        NoBadWordsLogitsProcessor(*arguments)


@pytest.mark.parametrize(
    ("suppressed", "error", "message"),
    [
        ([1, "a"], TypeError, r"suppress_tokens\[1\]: got \['a'\]"),
        ([-1], ValueError, r"suppress_tokens\[0\] has the token -1"),
    ],
)
def test_what_cannot_be_suppressed_is_refused(suppressed, error, message):
    with pytest.raises(error, match=message):
        SuppressTokensLogitsProcessor(suppressed)


def test_without_transformers_the_error_names_the_command():
    code = """
import sys
sys.modules["transformers"] = None
try:
    import aligntax_kernels.tokens.transformers
except ImportError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=True)
    assert "need transformers; install it with: pip install 'aligntax[transformers]'" in result.stdout
