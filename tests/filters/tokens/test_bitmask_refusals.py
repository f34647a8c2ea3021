"""apply_bitmask refuses logits and bitmasks that do not fit, says what to do, and changes nothing."""

import numpy as np
import pytest
import torch

from aligntax_kernels import tokens

from .masks import BACKENDS


def read_only_ones():
    frozen = np.ones((2, 40), np.float32)
    frozen.flags.writeable = False
    return frozen


WORDS = np.zeros((2, 2), np.int32)
REJECTED = [
    ("float64", np.ones((2, 40)), WORDS, TypeError, r"float64; convert them with .astype\(np.float32\)"),
    ("swapped bytes", np.ones((2, 40), ">f4"), WORDS, TypeError, ">f4; convert"),
    ("half, swapped bytes", np.ones((2, 40), ">f2"), WORDS, TypeError, ">f2; convert"),
    ("torch float64", torch.ones(2, 40).double(), WORDS, TypeError, "float64; convert"),
    ("torch integers", torch.ones(2, 40).int(), WORDS, TypeError, "int32; convert"),
    ("a subclass of tensors", torch.nn.Parameter(torch.ones(2, 40)), WORDS, TypeError, r"logits\.detach\(\)"),
    (
        "bfloat16 that requires grad",
        torch.ones(2, 40).bfloat16().requires_grad_(),
        WORDS,
        TypeError,
        r"logits\.detach\(\)",
    ),
    ("bfloat16 elsewhere", torch.ones(2, 40, device="meta").bfloat16(), WORDS, TypeError, r"on meta.*\.cpu\(\)"),
    ("bfloat16 sparse", torch.ones(2, 40).bfloat16().to_sparse(), WORDS, TypeError, "bfloat16.*dense copy"),
    ("bfloat16 columns apart", torch.ones(2, 80).bfloat16()[:, ::2], WORDS, ValueError, "adjacent, 2 bytes apart"),
    ("negated view", torch._neg_view(torch.ones(2, 40)), torch.from_numpy(WORDS), TypeError, "dense copy"),
    ("torch requires grad", torch.ones(2, 40, requires_grad=True), WORDS, TypeError, r"logits\.detach\(\)"),
    ("torch elsewhere", torch.ones(2, 40, device="meta"), WORDS, TypeError, r"on meta.*\.cpu\(\)"),
    ("torch sparse", torch.ones(2, 40).to_sparse(), WORDS, TypeError, "dense copy"),
    ("list", [[1.0] * 40] * 2, WORDS, TypeError, "logits: got a list; pass a numpy array"),
    ("no logits", None, WORDS, TypeError, "logits: got a NoneType"),
    ("bitmask list", np.ones((2, 40), np.float32), [[0, 0]] * 2, TypeError, "bitmask: got a list"),
    ("uint32 words", np.ones((2, 40), np.float32), WORDS.view(np.uint32), TypeError, r"uint32.*\.view\(np\.int32\)"),
    ("int64 words", np.ones((2, 40), np.float32), WORDS.astype(np.int64), TypeError, "int64; pack 32 tokens"),
    ("boolean mask", np.ones((2, 40), np.float32), np.ones((2, 40), bool), TypeError, "words are bool; pack"),
    ("numpy scalar", np.float32(1), WORDS, TypeError, "got a float32"),
    ("zero axes", np.ones((), np.float32), WORDS, ValueError, r"shape \(\); expected \(rows, vocabulary\)"),
    ("three axes", np.ones((2, 1, 40), np.float32), WORDS, ValueError, r"shape \(2, 1, 40\); expected"),
    ("too few words", np.ones((2, 65), np.float32), WORDS, ValueError, r"\(2, 2\) does not fit .*\(2, 65\).*\(2, 3\)"),
    ("too many words", np.ones((2, 32), np.float32), WORDS, ValueError, r"\(2, 2\) does not fit .*\(2, 32\).*\(2, 1\)"),
    (
        "too few rows",
        np.ones((3, 40), np.float32),
        WORDS,
        ValueError,
        r"\(2, 2\) does not fit .*\(3, 40\).*one row of 2",
    ),
    ("no mask rows", np.ones((3, 40), np.float32), WORDS[:0], ValueError, r"\(0, 2\) does not fit"),
    ("mask rows for one", np.ones(40, np.float32), WORDS, ValueError, r"\(2, 2\) does not fit .*\(40,\)"),
    ("mask of no axis", np.ones(40, np.float32), np.zeros((), np.int32), ValueError, r"\(\) does not fit"),
    ("mask of three axes", np.ones((2, 40), np.float32), WORDS[None], ValueError, r"\(1, 2, 2\) does not fit"),
    ("read-only", read_only_ones(), WORDS, ValueError, "read-only"),
    ("columns apart", np.ones((2, 80), np.float32)[:, ::2], WORDS, ValueError, "must be adjacent"),
    ("transposed", np.ones((40, 2), np.float32).T, WORDS, ValueError, "must be adjacent"),
    ("one row apart", np.ones(80, np.float32)[::2], WORDS[0], ValueError, "must be adjacent"),
    ("overlapping rows", torch.ones(1, 40).expand(2, 40), WORDS, ValueError, "rows overlap in memory"),
    (
        "unaligned",
        np.frombuffer(bytearray(2 * 40 * 4 + 1), np.float32, offset=1).reshape(2, 40),
        WORDS,
        ValueError,
        "not aligned to 4 bytes",
    ),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("logits", "bitmask", "error", "message"), [case[1:] for case in REJECTED], ids=[case[0] for case in REJECTED]
)
def test_what_cannot_be_masked_is_refused_with_the_mend(logits, bitmask, error, message, backend):
    with pytest.raises(error, match=message):
        tokens.apply_bitmask(logits, bitmask, backend=backend)


def test_refused_logits_are_left_as_they_were():
    logits = np.ones((2, 80), np.float32)
    with pytest.raises(ValueError, match="adjacent"):
        tokens.apply_bitmask(logits[:, ::2], WORDS)
    assert (logits == 1).all()


def test_an_unknown_backend_is_named():
    with pytest.raises(
        ValueError, match="backend 'gpu' is unknown here; use one of 'auto', 'reference', 'cpu', 'cuda'"
    ):
        tokens.apply_bitmask(np.ones(32, np.float32), np.zeros(1, np.int32), backend="gpu")
