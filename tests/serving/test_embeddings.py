"""Embeddings: what is embedded is guarded, and no guard of answers stands in the way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types import CreateEmbeddingResponse
from tests.serving.calling import Caller, body, saying, start
from tests.serving.stages import REDACT, ask, outcome

from aligntax import Profiler
from aligntax.guards import PII, Blocklist
from aligntax.serving.asgi import TaxMiddleware
from aligntax.trace import Outcome

EMBEDDINGS = "/v1/embeddings"

EMBEDDED = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
    "model": "tiny",
    "usage": {"prompt_tokens": 1, "total_tokens": 1},
}


@pytest.mark.parametrize("given", ["jo@example.com", ["jo@example.com", "fine"]])
async def test_what_is_embedded_is_redacted(profiler: Profiler, given: Any) -> None:
    asked = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        asked.append(json.loads((await receive())["body"]))
        await send(start())
        await send(body(json.dumps(EMBEDDED).encode()))

    caller = await ask(profiler, application, PII(), {"model": "tiny", "input": given}, EMBEDDINGS)
    assert asked[0]["input"] == ("[email]" if isinstance(given, str) else ["[email]", "fine"])
    assert CreateEmbeddingResponse.model_validate(caller.document).data[0].embedding == [0.5]


@pytest.mark.parametrize("on_block", ["answer", "error"])
async def test_a_blocked_embedding_is_an_error(profiler: Profiler, on_block: str) -> None:
    caller = await ask(
        profiler,
        saying(),
        Blocklist(["forbidden"], on_hit="block"),
        {"input": "forbidden"},
        EMBEDDINGS,
        on_block=on_block,
    )
    assert (caller.status, caller.document["error"]["code"]) == (400, "content_filter")
    assert outcome(profiler) is Outcome.BLOCKED_INPUT


async def test_no_guard_of_answers_stands_in_the_way_of_embeddings(profiler: Profiler) -> None:
    middleware = TaxMiddleware(
        saying(start("application/octet-stream"), body(b"\x00\x01")), profiler=profiler, guards=[PII(), REDACT[0]][1:]
    )
    caller = await Caller({"input": "hello"}, EMBEDDINGS).call(middleware)
    assert caller.body == b"\x00\x01"
    both = TaxMiddleware(
        saying(start("application/octet-stream"), body(b"\x00\x01")),
        profiler=profiler,
        model="other",
        guards=[PII(name="in"), PII(name="out", stage="output")],
    )
    caller = await Caller({"input": "hello"}, EMBEDDINGS).call(both)
    assert caller.body == b"\x00\x01"
