"""Guards on logits: banned tokens, and how sure the model is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from aligntax import Verdict
from aligntax.guards import EntropyGate, Judgement, TokenBan

SIZE = 70
ALLOWED = Judgement(Verdict.ALLOW, "")
KINDS = ["numpy float32", "numpy float16", "torch float32", "torch float16", "torch bfloat16"]


def zeros(kind: str, rows: int = 1, flat: bool = False) -> Any:
    library, _, name = kind.partition(" ")
    shape = (SIZE,) if flat else (rows, SIZE)
    return np.zeros(shape, name) if library == "numpy" else torch.zeros(shape, dtype=getattr(torch, name))


def banned(logits: Any) -> list[list[int]]:
    """Return the banned tokens of each row, and check that all other logits are as they were."""
    values = np.atleast_2d(logits if isinstance(logits, np.ndarray) else logits.float().numpy())
    assert set(np.unique(values)) <= {0.0, -np.inf}
    return [np.flatnonzero(row == -np.inf).tolist() for row in values]


def mask(*allowed: int) -> Any:
    bits = np.zeros(96, bool)
    bits[list(allowed)] = True
    return np.packbits(bits, bitorder="little").view(np.int32)


# -- token bans ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_single_tokens_are_banned_everywhere(kind: str) -> None:
    guard = TokenBan([[0], [69], [7]], SIZE)
    for rows in (1, 3):
        logits = zeros(kind, rows)
        assert guard(logits) == ALLOWED
        assert banned(logits) == [[0, 7, 69]] * rows
    flat = zeros(kind, flat=True)
    guard(flat)
    assert banned(flat) == [[0, 7, 69]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [1, 3])
def test_a_bitmask_is_applied_to_every_row(kind: str, rows: int) -> None:
    guard = TokenBan(bitmask=mask(3, 64, 80))
    for _ in range(2):  # the first call makes the tensor that the second one uses
        logits = zeros(kind, rows)
        assert guard(logits) == ALLOWED
        assert banned(logits) == [[token for token in range(SIZE) if token not in (3, 64)]] * rows


def test_the_mask_is_the_guards_own() -> None:
    words = mask(3)
    guard = TokenBan(bitmask=words)
    words[:] = -1
    logits = zeros("torch float32")
    guard(logits)
    assert len(banned(logits)[0]) == SIZE - 1


@pytest.mark.parametrize("kind", ["numpy float32", "torch float32"])
def test_sequences_are_banned_after_what_a_row_has_read(kind: str) -> None:
    guard = TokenBan([[1, 2, 3], [9]], SIZE)
    read = np.array([[5, 1, 2], [1, 1, 1]])
    tokens: Any = read if kind.startswith("numpy") else torch.from_numpy(read)
    logits = zeros(kind, 2)
    guard(logits, tokens)
    assert banned(logits) == [[3, 9], [9]]

    state = guard.start(2)
    for column in range(3):
        logits = zeros(kind, 2)
        assert guard(logits, tokens[:, column], state) == ALLOWED
    assert banned(logits) == [[3, 9], [9]]
    logits = zeros(kind, 2)
    guard(logits, state=state)
    assert banned(logits) == [[3, 9], [9]]


def test_strings_are_banned_however_they_are_cut() -> None:
    spelled = [b"a", b"b", b"ab", b"ba", b"c", None]
    guard = TokenBan(strings=["abc"], tokenizer=spelled)
    logits = np.zeros((2, 6), np.float32)
    guard(logits, np.array([[0, 1], [4, 2]]))
    assert banned(logits) == [[4], [4]]


def test_a_tokenizer_is_asked_for_its_tokens() -> None:
    import tokenizers

    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")]))
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    logits = np.zeros((1, 3), np.float32)
    TokenBan(strings=["bb"], tokenizer=tokenizer)(logits, np.array([[2]]))
    assert logits.tolist() == [[0.0, -np.inf, 0.0]]


def test_bans_that_depend_on_what_was_read_are_never_skipped() -> None:
    logits = zeros("torch float32")
    with pytest.raises(ValueError, match="tokens and state are missing"):
        TokenBan([[1, 2]], SIZE)(logits)
    assert banned(logits) == [[]]
    said = TokenBan([[1, 2]], SIZE, on_error="open")(logits)
    assert said == Judgement(Verdict.ERROR, "", 0, ("ValueError",))


def test_a_bitmask_needs_no_state() -> None:
    with pytest.raises(TypeError, match="a bitmask needs no state"):
        TokenBan(bitmask=mask(1)).start(1)


@pytest.mark.parametrize("guard", [TokenBan([[1]], SIZE), TokenBan(bitmask=mask(1)), EntropyGate(1.0)])
@pytest.mark.parametrize("logits", [None, [0.0], zeros("torch float32").to(torch.int64)])
def test_what_are_no_logits_is_refused(guard: Any, logits: Any) -> None:
    with pytest.raises(TypeError, match="logits"):
        guard(logits)


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({}, ValueError, "pass one of sequences, strings and bitmask"),
        ({"sequences": [[1]], "bitmask": mask(1)}, ValueError, "pass one of"),
        ({"sequences": [[1]]}, ValueError, "vocab_size is for sequences, which need it; pass both or neither"),
        ({"strings": ["a"]}, ValueError, "tokenizer is for strings, which need it; pass both or neither"),
        ({"bitmask": mask(1), "vocab_size": 4}, ValueError, "vocab_size is for sequences"),
        ({"bitmask": mask(1), "tokenizer": [b"a"]}, ValueError, "tokenizer is for strings"),
        ({"sequences": [[1]], "vocab_size": 4, "tokenizer": [b"a"]}, ValueError, "tokenizer is for strings"),
        ({"sequences": [], "vocab_size": 4}, ValueError, "sequences: there is none, so that nothing would be banned"),
        ({"sequences": 3, "vocab_size": 4}, TypeError, "sequences: got one int; pass a list"),
        ({"strings": (), "tokenizer": [b"a"]}, ValueError, "strings: there is none"),
        ({"strings": "abc", "tokenizer": [b"a", b"b"]}, TypeError, "strings: got one str; pass a list"),
        ({"sequences": [[1], []], "vocab_size": 4}, ValueError, r"sequences\[1\] is empty"),
        ({"sequences": [[4]], "vocab_size": 4}, ValueError, r"sequences\[0\] has the token 4"),
        ({"bitmask": [1.0]}, TypeError, r"bitmask: got float64 of shape \(1,\)"),
        ({"bitmask": mask(1)[None]}, TypeError, r"bitmask: got int32 of shape \(1, 3\)"),
        ({"bitmask": mask(1), "stage": "output"}, ValueError, r"stage='output' is unknown here; use 'decode'"),
    ],
)
def test_bans_that_say_nothing_or_too_much_are_refused(
    settings: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        TokenBan(**settings)


# -- entropy ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_that_is_less_sure_than_it_may_be_is_blocked(kind: str) -> None:
    gate = EntropyGate(1.0)
    said = gate(zeros(kind))
    assert (said.verdict, said.text, said.hits, said.labels) == (Verdict.BLOCK, "", 1, ("above",))
    assert said.score == pytest.approx(np.log(SIZE), rel=1e-6)
    sure = zeros(kind)
    sure[0, 3] = 20
    said = gate(sure)
    assert (said.verdict, said.hits, said.labels) == (Verdict.ALLOW, 0, ())
    assert said.score == pytest.approx(0.0, abs=1e-5)


def test_a_model_that_is_surer_than_it_may_be_is_blocked_too() -> None:
    logits = np.zeros((3, SIZE), np.float32)
    logits[0, 3] = 20
    assert EntropyGate(below=0.5)(logits)[:4] == (Verdict.BLOCK, "", 1, ("below",))
    said = EntropyGate(4.0, below=0.5)(logits)
    assert said[:4] == (Verdict.BLOCK, "", 3, ("above", "below"))
    assert said.score == pytest.approx(2 / 3 * np.log(SIZE), rel=1e-5)


def test_a_bound_is_not_beyond_itself() -> None:
    logits = np.zeros((1, 1), np.float32)
    assert EntropyGate(0.0, below=0.0)(logits).verdict is Verdict.ALLOW


def test_no_rows_have_no_entropy() -> None:
    assert EntropyGate(1.0)(np.zeros((0, SIZE), np.float32)) == ALLOWED


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_logits_that_are_no_distribution_are_an_error_and_never_allowed(value: float) -> None:
    logits = np.full((1, SIZE), value, np.float32)
    with pytest.raises(ValueError, match="no distribution"):
        EntropyGate(1.0)(logits)
    assert EntropyGate(1.0, on_error="open")(logits) == Judgement(Verdict.ERROR, "", 0, ("ValueError",))


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({}, ValueError, "above and below are missing"),
        ({"above": -1.0}, ValueError, "above=-1.0: entropy is never negative"),
        ({"below": float("nan")}, ValueError, "below=nan"),
        ({"above": "high"}, TypeError, "above: got 'high'; pass a number of nats"),
        ({"above": 1.0, "on_hit": "redact"}, ValueError, "on_hit='redact'"),
        ({"above": 1.0, "stage": "input"}, ValueError, "stage='input'"),
    ],
)
def test_a_gate_without_a_sensible_bound_is_refused(
    settings: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        EntropyGate(**settings)
