"""Banned token sequences: one integer of state for each row decides what it must not say next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aligntax_kernels.arrays import Tensor
from aligntax_kernels.backends import Backend, implementation
from aligntax_kernels.devices import OFFERED, backend_for
from aligntax_kernels.tokens.arguments import missing, row_count, states_array, tokens_array
from aligntax_kernels.tokens.logits import logits_array, require_writable
from aligntax_kernels.tokens.rules import Rules, States, rules_of_strings, rules_of_tokens, vocabulary

__all__ = ["TokenBans"]

_PACKAGE = "aligntax_kernels.tokens"

Array = NDArray[Any] | Tensor


class TokenBans:
    """Bans sequences of tokens while a model generates, in time that grows with what a row must not say next.

        for row in rows:
            for sequence in sequences:
                if read[row][-len(sequence) + 1 :] == sequence[:-1]: logits[row, sequence[-1]] = -inf

    What a row has read is kept as its state, one int32: 0 at first, then what `advance` or `step` makes of it. States
    may be copied and reordered as requests and beams are. Allowed logits keep their bits exactly, and a token that is
    not in any sequence costs one look at a table. Source of the automaton: Aho and Corasick, Communications of the
    ACM 18 (1975).

    A ban of token ids holds for one way to spell a text only: a model that may not say `" bad"` as one token may still
    say `" b", "ad"`. `TokenBans.from_bytes` bans a text in every tokenization.

    Nothing here is changed by its use, so that threads may share the object; a state is one thread's at a time. On a
    CUDA device the states of a batch are a `States`, as `start` returns it, and every call here is one launch.

    Attributes:
        vocab_size: how many tokens there are. Logits may be wider, as models pad them: what is added is not banned.
        longest: tokens (bytes, where strings are banned) of the longest banned sequence; 0 if nothing is banned.
    """

    vocab_size: int
    longest: int

    def __init__(self, sequences: Iterable[Sequence[int]], vocab_size: int, *, backend: Backend = "auto") -> None:
        """Compile the bans.

        Args:
            sequences: token ids, each sequence with one at least; a single token is banned everywhere, and so can
                token 0 be. Sequences may overlap, hold each other, and be given twice.
            vocab_size: tokens of the model, 1 to 2**31 - 1.
            backend: `"cpu"` is compiled by numba, `"cuda"` too and queued on torch's current stream, `"reference"` is
                the oracle in plain Python; `"auto"` takes for each call what suits the device of its logits.

        Raises:
            TypeError: where something is no integer, or no sequence.
            ValueError: for an empty sequence, a token outside the vocabulary, or an unknown backend.
        """
        size = vocabulary(vocab_size)
        self._take(rules_of_tokens(sequences, size), size, backend)

    @classmethod
    def from_bytes(
        cls, strings: Iterable[bytes | str], token_bytes: Sequence[bytes | None], *, backend: Backend = "auto"
    ) -> TokenBans:
        """Ban texts in every tokenization: each token of which a byte would complete one of the strings.

            for row in rows:
                for token in vocabulary:
                    for end in range(1, len(token_bytes[token]) + 1):
                        if (read[row] + token_bytes[token][:end]).endswith(strings): logits[row, token] = -inf

        So no string ever comes to stand in the bytes of what is said, wherever the tokens are cut. What a decoder does
        to bytes afterwards (such as dropping a space at the beginning) is not seen, nor are other spellings of a text:
        ban each.

        Args:
            strings: what to ban, each with one byte at least; a str stands for its UTF-8.
            token_bytes: for each token what it adds to the text; None for one that adds nothing, such as the end of
                the sequence, which is never banned and leaves the state as it is.
            backend: as for `TokenBans`.

        Raises:
            TypeError: for strings that are neither bytes nor str, and tokens that are neither bytes nor None.
            ValueError: for an empty string, or no tokens, or an unknown backend.
        """
        size = vocabulary(len(token_bytes))
        bans = cls.__new__(cls)
        bans._take(rules_of_strings(strings, token_bytes), size, backend)
        return bans

    def _take(self, rules: Rules, vocab_size: int, backend: Backend) -> None:
        if backend not in ("auto", "cuda"):
            implementation(_PACKAGE, backend, OFFERED)  # refuses here, not in the middle of a request
        self.vocab_size, self.longest = vocab_size, rules.automaton.longest
        self._rules, self._backend = rules, backend

    def start(self, rows: int, *, device: Any = None, drafts: int = 0) -> Any:
        """Return the states of rows that have read nothing.

        Args:
            rows: how many, at least 0.
            device: where the logits will be, as torch names it; None for the CPU, or with `backend="cuda"` for the
                current CUDA device.
            drafts: on a CUDA device, how many tokens `draft` will be given for a row at the most.

        Returns:
            int32 zeros, (rows,): a numpy array, or on a CUDA device a `States`.

        Raises:
            TypeError: where `rows` or `drafts` is no integer.
            ValueError: where one is negative.
            ImportError: for a CUDA device where none can be used; names the install command.
        """
        rows, drafts = row_count("rows", rows), row_count("drafts", drafts)
        if self._backend != "cuda" and (device is None or str(device).partition(":")[0] == "cpu"):
            return np.zeros(rows, np.int32)
        return implementation(_PACKAGE, "cuda", OFFERED).start(self._rules, rows, device, drafts)

    def advance(self, state: Any, tokens: Array) -> None:
        """Let each row read tokens, such as its prompt or the draft tokens that were accepted; in place.

        Args:
            state: int32, (rows,), a numpy array or a tensor on the CPU; on a CUDA device a `States`.
            tokens: int32 or int64, (rows,) or (rows, length), in the order in which they were said. A negative one is
                none: it fills rows up to the longest, before or after what is read.

        Raises:
            TypeError: for another dtype, or memory that cannot be used in place.
            ValueError: where the shapes do not fit, or a state is none of this object's.
        """
        if state is None or tokens is None:
            raise missing(state=state, tokens=tokens)
        self._walk(None, state, tokens)

    def apply(self, logits: Array, state: Any) -> None:
        """Ban what must not follow in each row; in place.

        Args:
            logits: float32, float16 or bfloat16, (rows, vocabulary) with the values of a row adjacent, or
                (vocabulary,) for one row.
            state: as for `advance`.

        Raises:
            TypeError: as `advance`.
            ValueError: as `advance`, and for logits narrower than the vocabulary, read-only or overlapping.
        """
        if logits is None or state is None:
            raise missing(logits=logits, state=state)
        self._walk(logits, state, None)

    def step(self, logits: Array, state: Any, tokens: Array) -> None:
        """Let each row read tokens, and ban what must not follow them: `advance` and `apply` in one call; in place.

        Args:
            logits: as for `apply`.
            state: as for `advance`.
            tokens: as for `advance`; one for each row, as a rule.

        Raises:
            TypeError: as `advance`.
            ValueError: as `apply`.
        """
        if logits is None or state is None or tokens is None:
            raise missing(logits=logits, state=state, tokens=tokens)
        self._walk(logits, state, tokens)

    def apply_after(self, logits: Array, tokens: Array) -> None:
        """Ban what must not follow, without a state: it is found anew from the last tokens that could matter.

        For callers whose rows are reordered out of sight, as in a beam search; costs `longest` - 1 looks at a table.

        Args:
            logits: as for `apply`.
            tokens: int32 or int64, (rows, length): all that each row has read. A negative one is none.

        Raises:
            TypeError: as `advance`.
            ValueError: as `apply`.
        """
        if logits is None or tokens is None:
            raise missing(logits=logits, tokens=tokens)
        self._walk(logits, None, tokens)

    def draft(self, logits: Array, state: Any, drafts: Array) -> Any:
        """Ban what must not follow at every place of a draft, for speculative decoding; `state` stays as it is.

        A draft token that is banned where it stands has the probability 0 there, so that it is not accepted.

        Args:
            logits: as for `apply`, but (rows, length + 1, vocabulary): those of the token that comes first, and after
                each draft token.
            state: as for `advance`.
            drafts: int32 or int64, (rows, length). A negative one is none: it fills rows up to the longest.

        Returns:
            int32, (rows, length + 1): the state at each place. After `accepted` draft tokens and one more `token`, go
            on with `state[:] = states[range(rows), accepted]; bans.advance(state, token)`. On a CUDA device a tensor
            that the next call overwrites; go on with `advance` by all those tokens.

        Raises:
            TypeError: as `advance`.
            ValueError: as `apply`.
        """
        if logits is None or state is None or drafts is None:
            raise missing(logits=logits, state=state, drafts=drafts)
        return self._walk(logits, state, drafts, is_draft=True)

    def _walk(self, logits: Any, state: Any, tokens: Any, is_draft: bool = False) -> Any:
        backend = self._backend
        if backend == "auto":
            given = state if logits is None else logits
            backend = "cuda" if isinstance(state, States) else backend_for(backend, given)
        chosen = implementation(_PACKAGE, backend, OFFERED)
        if backend == "cuda":
            return chosen.walk(self._rules, self.vocab_size, state, tokens, logits, is_draft)
        rows: Any = None
        values: Any = None
        numbers: Any = None
        read: Any = None
        states: Any = None
        minus_infinity = 0
        if logits is not None:
            given, (_, minus_infinity) = logits_array(logits)
            require_writable(given)
            values = self._places(given, is_draft)
            rows = len(values)
        if state is not None:
            numbers = states_array(state, rows)
            rows = len(numbers)
        if tokens is not None:
            read = tokens_array(tokens, rows)
        if is_draft:
            places = read.shape[1] + 1
            if values.shape[1] != places:
                raise ValueError(
                    f"logits have shape {values.shape} for drafts of shape {read.shape}; expected {places} places a row"
                )
            states = np.empty((rows, places), np.int32)
        bad = chosen.walk(self._rules, numbers, read, values, minus_infinity, states)
        if bad >= 0:
            raise ValueError(
                f"state[{bad}] is {numbers[bad]}, and these bans have {self._rules.automaton.states} states; "
                "begin with start(), and keep the states of different bans apart"
            )
        return states

    def _places(self, values: NDArray[Any], is_draft: bool) -> NDArray[Any]:
        """Return logits as (rows, places, vocabulary)."""
        axes = values.ndim
        if is_draft:
            if axes != 3:
                raise ValueError(f"logits have shape {values.shape}; expected (rows, drafts + 1, vocabulary)")
        elif axes == 2:
            values = values[:, np.newaxis]
        elif axes == 1:
            values = values[np.newaxis, np.newaxis]
        else:
            raise ValueError(f"logits have shape {values.shape}; expected (rows, vocabulary) or (vocabulary,)")
        if values.shape[2] < self.vocab_size:
            raise ValueError(
                f"logits have {values.shape[2]} columns, fewer than the vocabulary of {self.vocab_size}; "
                "make TokenBans with the width of the model's logits"
            )
        return values
