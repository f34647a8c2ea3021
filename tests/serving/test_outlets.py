"""What goes out when a server ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.serving.calling import Caller, body, saying, start
from tests.serving.upstream import asking, chat_answer

from aligntax import Profiler
from aligntax.serving.asgi import TaxMiddleware

SAYING = saying(start(), body(json.dumps(chat_answer("fine")).encode()))


@pytest.mark.parametrize("own", [False, True], ids=["a profiler given", "a profiler of its own"])
async def test_requests_that_have_just_ended_are_traced(profiler: Profiler, own: bool, tmp_path: Path) -> None:
    traces = tmp_path / "traces.jsonl"
    given = None if own else profiler
    middleware = TaxMiddleware(SAYING, profiler=given, traces_file=str(traces), traces_share=1.0)
    for _ in range(3):
        await Caller(asking("hello")).call(middleware)
    middleware.close()
    assert len(traces.read_text(encoding="utf-8").splitlines()) == 3
