"""The guarded pipeline: what one request passes on its way from prompt to answer.

    prompt -> personal data out -> blocked phrase? -+-> attack? (beside the model) ---+-> phrases out -> answer
                                                    +-> forward, mask, sample; again -+

Nothing is released before the classifier has spoken. It is waited for after the first token, so that it costs the
request only what it takes longer than that.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from itertools import chain
from typing import Self

import torch
from torch import Tensor

from aligntax.demo.classifier import attack_classifier
from aligntax.demo.decoder import Decoder, DecoderConfig, KeyValueCache, sample
from aligntax.demo.kernel_guards import kernel_guards
from aligntax.demo.layers import Guards, Layers, text_of, verdict_of
from aligntax.demo.phrases import allowed_tokens
from aligntax.demo.plain_guards import plain_guards
from aligntax.demo.prompts import shipped_prompts
from aligntax.demo.tokenizer import START, WordTokenizer
from aligntax.profiler import Profiler
from aligntax.request import Request
from aligntax.trace import Verdict

ANSWER_TOKENS = 8


class Pipeline:
    """A language model behind the built-in guards.

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
        self._allowed = allowed_tokens(self._tokenizer.words, config.vocabulary)
        self._layers = Layers(kernel_guards(attack_classifier(seed), self._allowed), decoder)
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="aligntax-demo-classifier")
        self._profiler: Profiler | None = None

    def behind_plain_guards(self) -> Pipeline:
        """Return the same model behind the plain guards; see `behind`.

        The classifier is the same, too: it needs neither `re` nor kernels.
        """
        return self.behind(plain_guards(self.guards.classify, self._allowed))

    def behind(self, guards: Guards) -> Self:
        """Return the same model behind other guards: the same weights, and the same answers to the same prompts.

        Closing either of the two closes both.

        Raises:
            RuntimeError: if this pipeline is measured already.
        """
        self._require_unmeasured()
        other = copy(self)
        # A copy of the module shares its weights, and can be timed on its own.
        other._layers = Layers(guards, copy(self._layers.decoder))
        other._random = torch.Generator().set_state(self._random.get_state())
        return other

    @property
    def guards(self) -> Guards:
        """What stands around the model."""
        return self._layers.guards

    def measure(self, profiler: Profiler) -> None:
        """Have every request timed from now on.

        Raises:
            RuntimeError: if they are timed already.
        """
        self._require_unmeasured()
        self._layers = self._layers.timed(profiler)
        self._profiler = profiler

    def answer(self, prompt: str) -> str:
        """Return the whole answer to `prompt`, as one request; empty if a guard blocked it."""
        request: AbstractContextManager[object] = self._profiler.request() if self._profiler else nullcontext()
        with request:
            return "".join(self.stream(prompt))

    def request(self, prompt: str) -> Request:
        """Return the request in which `prompt` was answered: what its guards cost, and how it ended.

        Raises:
            RuntimeError: if this pipeline is not measured.
        """
        if self._profiler is None:
            raise RuntimeError("this pipeline is not measured; call measure(profiler) before")
        with self._profiler.request() as request:
            for _ in self.stream(prompt):
                pass
        return request

    def stream(self, prompt: str) -> Iterator[str]:
        """Yield the answer to `prompt` piece by piece, once no guard objects to the prompt; nothing if one does."""
        guards = self._layers.guards
        prompt = text_of(guards.redact(prompt))
        if verdict_of(guards.check(prompt)) is Verdict.BLOCK:
            return
        classify = self._profiler.bind(guards.classify) if self._profiler else guards.classify
        chunks = self._decode(prompt)
        objection = self._pool.submit(classify, prompt)
        first = next(chunks)
        if verdict_of(objection.result()) is Verdict.BLOCK:
            return
        released = guards.filter()
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

    def _require_unmeasured(self) -> None:
        if self._profiler is not None:
            raise RuntimeError("this pipeline is measured already; build another one for another profiler")

    def _decode(self, prompt: str) -> Iterator[str]:
        """Return an iterator over the text of each generated token; of a long prompt, the model reads the end."""
        room = self._config.context - self._answer_tokens
        following = torch.tensor([START, *self._tokenizer.encode(prompt)][-room:])
        cache = KeyValueCache(self._config)

        # Apart, so that all of the above has been done when the model and the classifier start side by side.
        def generate(following: Tensor) -> Iterator[str]:
            for _ in range(self._answer_tokens):
                logits = self._layers.decoder(following, cache)
                self._layers.guards.mask(logits)
                token = sample(logits, self._random)
                yield self._tokenizer.decode([token])
                following = torch.tensor([token])

        return generate(following)
