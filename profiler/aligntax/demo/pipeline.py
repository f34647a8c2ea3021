"""The guarded pipeline: what one request passes on its way from prompt to answer.

    prompt -> personal data out -> blocked phrase? -+-> attack? (beside the model) ---+-> phrases out -> answer
                                                    +-> forward, mask, sample; again -+

Nothing is released before the classifier has spoken. It is waited for after the first token, so that it costs the
request only what it takes longer than that.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor

from aligntax.demo.classifier import AttackClassifier
from aligntax.demo.decoder import Decoder, DecoderConfig, KeyValueCache, sample
from aligntax.demo.guards import Chunk, PhraseFilter, check_phrases, redact_personal_data, token_mask
from aligntax.demo.prompts import shipped_prompts
from aligntax.demo.tokenizer import START, WordTokenizer
from aligntax.profiler import Profiler
from aligntax.trace import Verdict

ANSWER_TOKENS = 16


@dataclass(frozen=True, slots=True)
class Layers:
    """What a request passes, in this order: plain callables, timed or not.

    Attributes:
        redact: takes personal data out of the prompt.
        check: blocks a prompt with a blocked phrase in it.
        classify: blocks an attack; runs beside the model.
        decoder: tokens and cache to logits, once for each token.
        mask: bans tokens, in place.
        filter: takes phrases out of the answer's chunks.
    """

    redact: Callable[[str], str]
    check: Callable[[str], Verdict]
    classify: Callable[[str], Verdict]
    decoder: Callable[[Tensor, KeyValueCache], Tensor]
    mask: Callable[[Tensor], None]
    filter: Callable[[], Generator[Chunk, str | None, None]]

    def timed(self, profiler: Profiler) -> Layers:
        """Return the same layers, timed by `profiler`. This is all that a program has to do to be measured."""
        return Layers(
            redact=profiler.guard(self.redact, name="pii", stage="input"),
            check=profiler.guard(self.check, name="blocklist", stage="input"),
            classify=profiler.guard(self.classify, name="classifier", stage="parallel"),
            decoder=profiler.model(self.decoder, name="decoder"),
            mask=profiler.guard(self.mask, name="token_mask", stage="decode"),
            filter=profiler.guard(self.filter, name="filter", stage="stream"),
        )


class Pipeline:
    """A language model behind its guards.

    Args:
        config: the decoder's shape.
        seed: chooses the decoder's weights and the answers.
        threads: how many threads torch computes with, in the whole process.
        answer_tokens: how long an answer is.

    Raises:
        ValueError: if a number is below 1, or the answer does not fit into the context.
    """

    def __init__(
        self,
        config: DecoderConfig | None = None,
        *,
        seed: int = 0,
        threads: int = 1,
        answer_tokens: int = ANSWER_TOKENS,
    ) -> None:
        config = config or DecoderConfig()
        if threads < 1:
            raise ValueError(f"threads={threads} is too small; use at least 1")
        if not 1 <= answer_tokens < config.context:
            raise ValueError(
                f"answer_tokens={answer_tokens} does not fit; use 1 to {config.context - 1}, below config.context"
            )
        torch.set_num_threads(threads)
        decoder = Decoder(config, seed)
        self.parameter_count = decoder.parameter_count
        self._config = config
        self._answer_tokens = answer_tokens
        self._tokenizer = WordTokenizer(shipped_prompts(), config.vocabulary)
        self._random = torch.Generator().manual_seed(seed)
        self._layers = Layers(
            redact=redact_personal_data,
            check=check_phrases,
            classify=AttackClassifier(seed).judge,
            decoder=decoder,
            mask=token_mask(self._tokenizer.words, config.vocabulary),
            filter=PhraseFilter().stream,
        )
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="aligntax-demo-classifier")
        self._profiler: Profiler | None = None

    def measure(self, profiler: Profiler) -> None:
        """Have every request timed from now on.

        Raises:
            RuntimeError: if they are timed already.
        """
        if self._profiler is not None:
            raise RuntimeError("this pipeline is measured already; build another one for another profiler")
        self._layers = self._layers.timed(profiler)
        self._profiler = profiler

    def answer(self, prompt: str) -> str:
        """Return the whole answer to `prompt`, as one request; empty if a guard blocked it."""
        request: AbstractContextManager[object] = self._profiler.request() if self._profiler else nullcontext()
        with request:
            return "".join(self.stream(prompt))

    def stream(self, prompt: str) -> Iterator[str]:
        """Yield the answer to `prompt` piece by piece, once no guard objects to the prompt; nothing if one does."""
        layers = self._layers
        prompt = layers.redact(prompt)
        if layers.check(prompt) is Verdict.BLOCK:
            return
        classify = self._profiler.bind(layers.classify) if self._profiler else layers.classify
        chunks = self._decode(prompt)
        objection = self._pool.submit(classify, prompt)
        first = next(chunks)
        if objection.result() is Verdict.BLOCK:
            return
        released = layers.filter()
        next(released)
        for chunk in chain((first,), chunks):
            yield released.send(chunk).text
        for rest in released:
            yield rest.text

    def close(self) -> None:
        """Stop the classifier's thread."""
        self._pool.shutdown()

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _decode(self, prompt: str) -> Iterator[str]:
        """Return an iterator over the text of each generated token; of a long prompt, the model reads the end."""
        room = self._config.context - self._answer_tokens
        following = torch.tensor([START, *self._tokenizer.encode(prompt)][-room:])
        cache = KeyValueCache(self._config)

        # Apart, so that all of the above has been done when the model and the classifier start side by side.
        def generate(following: Tensor) -> Iterator[str]:
            for _ in range(self._answer_tokens):
                logits = self._layers.decoder(following, cache)
                self._layers.mask(logits)
                token = sample(logits, self._random)
                yield self._tokenizer.decode([token])
                following = torch.tensor([token])

        return generate(following)
