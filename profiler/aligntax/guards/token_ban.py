"""Tokens, and sequences of them, that a model must not say."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aligntax.guards.arguments import listed
from aligntax.guards.guard import Guard, OnError
from aligntax.guards.judgement import Judgement
from aligntax.trace import Stage, Verdict
from aligntax_kernels import tokens
from aligntax_kernels.tokens import TokenBans, apply_bitmask, token_bytes

__all__ = ["TokenBan"]

_ALLOWED = Judgement(Verdict.ALLOW, "")


class TokenBan(Guard):
    """Sets the logits of what must not be said next to minus infinity, in place.

        bitmask: logits[row, token] = -inf where the token's bit is not set
        sequences, strings: where the token would complete one of them after what the row has read

    The verdict is always `allow`: a token that was never chosen changes no text. Compiled when it is made.

    Args:
        sequences: token ids, each sequence with one at least; with `vocab_size`.
        vocab_size: how many tokens the model has.
        strings: texts to ban in every tokenization; with `tokenizer`.
        tokenizer: a `tokenizers.Tokenizer`, a fast tokenizer of transformers, or a list: for each token the bytes that
            it adds to a text, None for none.
        bitmask: int32 words, (ceil(vocabulary / 32),); bit set = allowed, the lowest bit first, as xgrammar's. Instead
            of the others.
        cuda: whether to compile for the current CUDA device as well.
        name, stage, on_error: see `Guard`. Under `open`, logits may have been changed in part.

    Raises:
        TypeError, ValueError: for arguments that it cannot have, or that do not go together.
    """

    stages = ("decode",)

    def __init__(
        self,
        sequences: Iterable[Sequence[int]] | None = None,
        vocab_size: int | None = None,
        *,
        strings: Iterable[str | bytes] | None = None,
        tokenizer: Any = None,
        bitmask: NDArray[np.int32] | None = None,
        cuda: bool = False,
        name: str = "token_ban",
        stage: Stage = "decode",
        on_error: OnError = "closed",
    ) -> None:
        super().__init__(name, stage, on_error)
        if sum(given is not None for given in (sequences, strings, bitmask)) != 1:
            raise ValueError("pass one of sequences, strings and bitmask: what is banned")
        if (vocab_size is None) is not (sequences is None):
            raise ValueError("vocab_size is for sequences, which need it; pass both or neither")
        if (tokenizer is None) is not (strings is None):
            raise ValueError("tokenizer is for strings, which need it; pass both or neither")
        self._bans: TokenBans | None = None
        if sequences is not None and vocab_size is not None:
            self._bans = TokenBans(_some("sequences", sequences), vocab_size)
        elif strings is not None:
            table = tokenizer if isinstance(tokenizer, (list, tuple)) else token_bytes(tokenizer)
            self._bans = TokenBans.from_bytes(_some("strings", strings), table)
        self._ban: Callable[[Any, Any, Any], None] = _Mask(bitmask) if self._bans is None else partial(_ban, self._bans)
        tokens.warm(cuda=cuda)

    def start(self, rows: int, **settings: Any) -> Any:
        """Return the state of rows that have read nothing, as `TokenBans.start` does and with its settings.

        Raises:
            TypeError: if there is only a bitmask, which needs no state.
        """
        if self._bans is None:
            raise TypeError("a bitmask needs no state; call the guard with the logits alone")
        return self._bans.start(rows, **settings)

    def bypass(self, logits: Any, *_: Any, **__: Any) -> Judgement:  # noqa: ARG002 (called like the guard)
        """Leave logits as they are: what experiments call instead of the guard, to tell what it costs."""
        return _ALLOWED

    def __call__(self, logits: Any, tokens: Any = None, state: Any = None) -> Judgement:
        """Ban what must not follow in each row; in place.

        Args:
            logits: float32, float16 or bfloat16, (rows, vocabulary) or (vocabulary,); a numpy array or a torch tensor.
            tokens: int32 or int64. With a state what each row reads now, (rows,) or (rows, length); without one all
                that it has read, (rows, length).
            state: of `start`; is moved on by the tokens.

        Raises:
            TypeError, ValueError: as `aligntax_kernels.tokens` raises them; and where bans of more than one token are
                applied without knowing what a row has read. Only under the policy `closed`.
        """
        try:
            self._ban(logits, tokens, state)
        except Exception as error:
            return self._failed(error, "")
        return _ALLOWED


class _Mask:
    """Applies one row of a bitmask, which it keeps on every device on which there have been logits."""

    def __init__(self, bitmask: Any) -> None:
        self._words = np.array(bitmask)
        if self._words.dtype != np.int32 or self._words.ndim != 1:
            raise TypeError(
                f"bitmask: got {self._words.dtype} of shape {self._words.shape}; pass one row of int32 words"
            )
        self._words = self._words[np.newaxis]  # as the kernel likes it best
        self._here: Any = None
        self._elsewhere: dict[Any, Any] = {}

    def __call__(self, logits: Any, read: Any, state: Any) -> None:  # noqa: ARG002 (bans are called alike)
        mask = self._words
        if type(logits) is not np.ndarray:
            is_here = self._here is not None and getattr(logits, "is_cpu", False)
            mask = self._here if is_here else self._beside(logits)
        apply_bitmask(logits, mask)

    def _beside(self, logits: Any) -> Any:
        """Return the mask on the device of a tensor."""
        torch: Any = sys.modules.get("torch")
        if torch is None or not isinstance(logits, torch.Tensor):
            return self._words  # the kernel says what is wrong with the logits
        if self._here is None:
            self._here = torch.from_numpy(self._words)
        if logits.is_cpu:
            return self._here
        if logits.device not in self._elsewhere:
            self._elsewhere[logits.device] = self._here.to(logits.device)
        return self._elsewhere[logits.device]


def _some(argument: str, values: Iterable[Any]) -> list[Any]:
    given = listed(argument, values)
    if not given:
        raise ValueError(f"{argument}: there is none, so that nothing would be banned; leave the guard out")
    return given


def _ban(bans: TokenBans, logits: Any, read: Any, state: Any) -> None:
    """Apply bans after what each row has read, as far as the caller says."""
    if logits is None:  # to the kernel that means to read the tokens, and to ban nothing
        raise TypeError("logits: got a NoneType; pass a numpy array or a torch tensor")
    if state is not None:
        if read is None:
            bans.apply(logits, state)
        else:
            bans.step(logits, state, read)
    elif read is not None:
        bans.apply_after(logits, read)
    elif bans.longest > 1:
        raise ValueError("tokens and state are missing: these bans depend on what each row has read; pass one")
    else:
        bans.apply_after(logits, _nothing_read(logits))


def _nothing_read(logits: Any) -> Any:
    rows = len(logits) if getattr(logits, "ndim", 1) > 1 else 1
    if hasattr(logits, "new_empty"):
        return logits.new_empty((rows, 0), dtype=sys.modules["torch"].int64)
    return np.empty((rows, 0), np.int64)
