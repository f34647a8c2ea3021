"""TokenBans refuse what cannot be banned, and calls that do not fit, and say what to do."""

import numpy as np
import pytest
import torch

from aligntax_kernels.tokens import TokenBans

from .banned import BACKENDS

REFUSED = [
    ("no sequence", [3], 5, TypeError, r"sequences\[0\]: got 3; pass a sequence of token ids"),
    ("no integers", [[1.5]], 5, TypeError, r"sequences\[0\]: got \[1.5\]"),
    ("text", ["ab"], 5, TypeError, r"sequences\[0\]: got 'ab'"),
    ("an empty sequence", [[1], []], 5, ValueError, r"sequences\[1\] is empty.*leave it out"),
    ("outside the vocabulary", [[1, 5]], 5, ValueError, r"sequences\[0\] has the token 5, outside.* of 5; leave"),
    ("negative", [[-1]], 5, ValueError, r"sequences\[0\] has the token -1, outside"),
    ("no vocabulary", [], 0, ValueError, "vocab_size is 0; pass the number of tokens"),
    ("too large a vocabulary", [], 2**31, ValueError, "vocab_size is 2147483648"),
    ("half a vocabulary", [], 1.5, TypeError, "vocab_size: got a float"),
]


@pytest.mark.parametrize(
    ("sequences", "size", "error", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_what_cannot_be_banned_is_refused_with_the_mend(sequences, size, error, message):
    with pytest.raises(error, match=message):
        TokenBans(sequences, size)


def test_an_unknown_backend_is_named_where_the_bans_are_made():
    with pytest.raises(ValueError, match="backend 'gpu' is unknown here; use one of 'auto', 'reference', 'cpu'"):
        TokenBans([[1]], 2, backend="gpu")


LOGITS, STATE, READ = np.zeros((2, 4), np.float32), np.zeros(2, np.int32), np.zeros(2, np.int64)
SHARED_STATE = torch.zeros(1, dtype=torch.int32).expand(2).numpy()


def frozen(array):
    array = array.copy()
    array.flags.writeable = False
    return array


BAD_CALLS = [
    ("float64", (LOGITS.astype(float), STATE, READ), TypeError, "logits are float64"),
    ("three axes", (LOGITS[None], STATE, READ), ValueError, r"shape \(1, 2, 4\); expected \(rows, vocabulary\)"),
    ("narrow", (LOGITS[:, :3].copy(), STATE, READ), ValueError, "3 columns, fewer than the vocabulary of 4; make"),
    ("columns apart", (np.zeros((2, 8), np.float32)[:, ::2], STATE, READ), ValueError, "adjacent"),
    ("read-only", (frozen(LOGITS), STATE, READ), ValueError, "read-only"),
    ("int64 state", (LOGITS, READ, READ), TypeError, r"state is of int64; make it with start\(\)"),
    ("a state too few", (LOGITS, STATE[:1], READ), ValueError, r"state has shape \(1,\); expected \(2,\)"),
    ("state of two axes", (LOGITS, STATE[None], READ), ValueError, r"state has shape \(1, 2\)"),
    ("read-only state", (LOGITS, frozen(STATE), READ), ValueError, "state is read-only"),
    ("no state", (LOGITS, [0, 0], READ), TypeError, "state: got a list"),
    (
        "a foreign state",
        (LOGITS, np.array([0, 3], np.int32), READ),
        ValueError,
        r"state\[1\] is 3, and these bans have 3",
    ),
    ("a negative state", (LOGITS, np.array([-1, 0], np.int32), READ), ValueError, r"state\[0\] is -1"),
    ("float tokens", (LOGITS, STATE, READ.astype(float)), TypeError, "tokens are float64; pass token ids"),
    ("a token too few", (LOGITS, STATE, READ[:1]), ValueError, r"tokens have shape \(1,\); expected \(2,\)"),
    ("tokens of three axes", (LOGITS, STATE, READ[None, None]), ValueError, r"tokens have shape \(1, 1, 2\)"),
    ("a list of tokens", (LOGITS, STATE, [0, 0]), TypeError, "tokens: got a list"),
    ("one state for all rows", (LOGITS, SHARED_STATE, READ), ValueError, "state is one number for all rows.*copy"),
    ("None for logits", (None, STATE, READ), TypeError, "logits: got None; pass a numpy array"),
    ("None for the state", (LOGITS, None, READ), TypeError, r"state: got None; make it with start\(\)"),
    ("None for tokens", (LOGITS, STATE, None), TypeError, "tokens: got None; pass"),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("arguments", "error", "message"), [case[1:] for case in BAD_CALLS], ids=[case[0] for case in BAD_CALLS]
)
def test_a_bad_call_is_refused_with_the_mend_and_does_nothing(arguments, error, message, backend):
    bans = TokenBans([[1, 2, 3], [0]], 4, backend=backend)
    before = [np.copy(argument) for argument in arguments]
    with pytest.raises(error, match=message):
        bans.step(*arguments)
    for argument, kept in zip(arguments, before, strict=True):
        assert np.array_equal(argument, kept)


@pytest.mark.parametrize("backend", BACKENDS)
def test_drafts_that_do_not_fit_are_refused(backend):
    bans = TokenBans([[1, 2]], 4, backend=backend)
    drafts = np.zeros((2, 3), np.int64)
    with pytest.raises(ValueError, match=r"\(2, 3, 4\) for drafts of shape \(2, 3\); expected 4 places a row"):
        bans.draft(np.zeros((2, 3, 4), np.float32), bans.start(2), drafts)
    with pytest.raises(ValueError, match=r"expected \(rows, drafts \+ 1, vocabulary\)"):
        bans.draft(np.zeros((2, 4), np.float32), bans.start(2), drafts)


DRAFTED, DRAFTS = np.zeros((2, 3, 4), np.float32), np.zeros((2, 2), np.int64)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("method", "arguments", "name"),
    [
        ("advance", (None, READ), "state"),
        ("advance", (STATE, None), "tokens"),
        ("apply", (None, STATE), "logits"),
        ("apply", (LOGITS, None), "state"),
        ("apply_after", (None, READ), "logits"),
        ("apply_after", (LOGITS, None), "tokens"),
        ("draft", (None, STATE, DRAFTS), "logits"),
        ("draft", (DRAFTED, None, DRAFTS), "state"),
        ("draft", (DRAFTED, STATE, None), "drafts"),
    ],
)
def test_a_state_that_was_not_found_does_not_let_everything_through(method, arguments, name, backend):
    bans = TokenBans([[1, 2], [0]], 4, backend=backend)
    with pytest.raises(TypeError, match=f"{name}: got None"):
        getattr(bans, method)(*arguments)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"rows": -1}, ValueError, "rows=-1 is negative"),
        ({"rows": 1, "drafts": -2}, ValueError, "drafts=-2 is negative"),
        ({"rows": 1.5}, TypeError, "rows: got a float; pass how many"),
        ({"rows": 1, "drafts": "2"}, TypeError, "drafts: got a str; pass how many"),
    ],
)
def test_what_is_no_number_of_rows_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        TokenBans([[1]], 2).start(**options)
