"""The middleware around an application that answers what it is told to."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from tests.serving.upstream import (
    Upstream,
    asking,
    chat_answer,
    chat_chunk,
    chat_stream,
    client_of,
    content_of,
    frames,
)

from aligntax import Profiler, Verdict
from aligntax.guards import PII, Blocklist, FunctionGuard, Judgement
from aligntax.serving.asgi import TaxMiddleware
from aligntax.trace import Outcome

CHAT = "/v1/chat/completions"


def outcomes(profiler: Profiler) -> list[Outcome]:
    profiler.drain()
    return [trace.outcome for trace in profiler.traces()]


def layers(profiler: Profiler) -> list[list[str]]:
    """Return the layers of each request, in the order of their first runs."""
    return [
        list(dict.fromkeys(span.layer.name for span in sorted(trace.spans, key=lambda span: span.start_ns)))
        for trace in profiler.traces()
    ]


def verdicts(profiler: Profiler, name: str) -> list[Verdict | None]:
    return [span.verdict for trace in profiler.traces() for span in trace.spans if span.layer.name == name]


# -- without guards --------------------------------------------------------------------------------------------------


async def test_without_guards_nothing_is_changed_and_the_application_is_the_model(
    upstream: Upstream, profiler: Profiler
) -> None:
    async with client_of(TaxMiddleware(upstream.application, profiler=profiler, model="tiny")) as client:
        answer = await client.post(CHAT, json=asking("hello"))
        streamed = await client.post(CHAT, json=asking("hello", stream=True))
        other = await client.post("/other", json={"messages": []})
    assert answer.json() == upstream.answer
    assert streamed.content == b"".join(upstream.stream)
    assert other.status_code == 200
    assert outcomes(profiler) == [Outcome.ALLOWED, Outcome.ALLOWED]
    assert layers(profiler) == [["tiny"], ["tiny"]]
    trace = profiler.traces()[0]
    assert trace.model == "tiny"
    assert trace.start_ns <= trace.spans[0].start_ns <= trace.spans[0].end_ns <= trace.end_ns


async def test_a_model_that_the_application_marks_is_the_only_one(upstream: Upstream, profiler: Profiler) -> None:
    model = profiler.model(lambda text: text.upper(), name="net")
    check = profiler.guard(lambda text: text, name="own-check")

    async def application(scope: Any, receive: Any, send: Any) -> None:
        check(model("x"))
        await upstream.application(scope, receive, send)

    async with client_of(TaxMiddleware(application, profiler=profiler)) as client:
        await client.post(CHAT, json=asking("hello"))
    assert outcomes(profiler) == [Outcome.ALLOWED]
    assert layers(profiler) == [["net", "own-check"]]
    assert all(span.parent is None for span in profiler.traces()[0].spans)


async def test_guards_of_the_application_are_part_of_the_model_that_it_does_not_mark(
    upstream: Upstream, profiler: Profiler
) -> None:
    check = profiler.guard(lambda text: text, name="own-check")

    async def application(scope: Any, receive: Any, send: Any) -> None:
        check("x")
        await upstream.application(scope, receive, send)

    async with client_of(TaxMiddleware(application, profiler=profiler)) as client:
        await client.post(CHAT, json=asking("hello"))
    profiler.drain()
    (trace,) = profiler.traces()
    by_name = {span.layer.name: span for span in trace.spans}
    assert by_name["own-check"].parent == trace.spans.index(by_name["app"])


@pytest.mark.parametrize(
    ("status", "counted"), [(200, [Outcome.ALLOWED]), (401, []), (422, []), (503, [Outcome.ERROR])]
)
@pytest.mark.parametrize("guards", [[], [PII()]], ids=["watched", "guarded"])
async def test_rejected_requests_are_no_model_requests(
    upstream: Upstream, profiler: Profiler, status: int, counted: list[Outcome], guards: list[Any]
) -> None:
    upstream.status = status
    async with client_of(TaxMiddleware(upstream.application, profiler=profiler, guards=guards)) as client:
        answer = await client.post(CHAT, json=asking("hello"))
    assert (answer.status_code, answer.json()) == (status, upstream.answer)
    assert outcomes(profiler) == counted
    assert not profiler.in_progress() or not any(profiler.in_progress().values())


async def test_an_application_that_raises_is_an_error_and_raises(profiler: Profiler) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        raise LookupError("broken")

    for guards in ([], [PII(name="again")]):
        async with client_of(TaxMiddleware(application, profiler=profiler, guards=guards)) as client:
            with pytest.raises(LookupError):
                await client.post(CHAT, json=asking("hello"))
    assert outcomes(profiler) == [Outcome.ERROR, Outcome.ERROR]


# -- guards on prompts -----------------------------------------------------------------------------------------------


async def test_an_input_guard_changes_what_the_application_is_asked(upstream: Upstream, profiler: Profiler) -> None:
    async with client_of(TaxMiddleware(upstream.application, profiler=profiler, guards=[PII()])) as client:
        answer = await client.post(CHAT, json=asking("write to jo@example.com, schön"))
    assert upstream.asked[0]["messages"][0]["content"] == "write to [email], schön"
    assert answer.json() == upstream.answer
    assert outcomes(profiler) == [Outcome.MODIFIED]
    assert layers(profiler) == [["pii", "app"]]


async def test_a_blocked_prompt_never_reaches_the_application(upstream: Upstream, profiler: Profiler) -> None:
    guard = Blocklist(["forbidden"], on_hit="block")
    async with client_of(TaxMiddleware(upstream.application, profiler=profiler, guards=[guard])) as client:
        answer = await client.post(CHAT, json=asking("a forbidden word"))
        streamed = await client.post(CHAT, json=asking("a forbidden word", stream=True))
    assert upstream.asked == []
    assert answer.status_code == 200
    assert answer.json()["choices"][0]["finish_reason"] == "content_filter"
    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert streamed.content.endswith(b"data: [DONE]\n\n")
    assert outcomes(profiler) == [Outcome.BLOCKED_INPUT] * 2


async def test_a_block_can_be_an_error(upstream: Upstream, profiler: Profiler) -> None:
    guard = Blocklist(["forbidden"], on_hit="block")
    middleware = TaxMiddleware(
        upstream.application, profiler=profiler, guards=[guard], on_block="error", block_message="Not here."
    )
    async with client_of(middleware) as client:
        answer = await client.post(CHAT, json=asking("a forbidden word"))
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "Not here."
    assert answer.json()["error"]["code"] == "content_filter"


@pytest.mark.parametrize("order", ["series", "parallel"])
async def test_several_guards_all_change_a_prompt(upstream: Upstream, profiler: Profiler, order: str) -> None:
    guards = [
        PII(),
        Blocklist(["secretproject"], on_hit="redact", replacement="[x]"),
        FunctionGuard(str.title, name="title"),
    ]
    middleware = TaxMiddleware(upstream.application, profiler=profiler, guards=guards, order={"input": order})
    async with client_of(middleware) as client:
        await client.post(CHAT, json=asking("jo@example.com on secretproject"))
    assert upstream.asked[0]["messages"][0]["content"] == "[Email] On [X]"


async def test_a_parallel_guard_that_blocks_cancels_the_model(upstream: Upstream, profiler: Profiler) -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def ask(text: str) -> Judgement:
        await begun.wait()
        return Judgement(Verdict.BLOCK, "")

    class Slow:
        name, stage, on_error = "slow", "parallel", "closed"

        async def __call__(self, text: str) -> Judgement:
            return await ask(text)

    async with client_of(TaxMiddleware(application, profiler=profiler, guards=[Slow()])) as client:
        answer = await client.post(CHAT, json=asking("hello"))
    assert answer.json()["choices"][0]["finish_reason"] == "content_filter"
    assert cancelled.is_set()
    assert outcomes(profiler) == [Outcome.BLOCKED_INPUT]
    assert profiler.ledger.discarded_ns.sum() > 0


async def test_nothing_is_sent_before_the_parallel_guards_have_decided(profiler: Profiler) -> None:
    answering = asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        answering.set()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        for piece in chat_stream("fine"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})

    class Slow:
        name, stage, on_error = "slow", "parallel", "closed"

        async def __call__(self, text: str) -> Judgement:
            await answering.wait()
            for _ in range(20):  # the application waits meanwhile, with what it has to send
                await asyncio.sleep(0)
            return Judgement(Verdict.BLOCK, "")

    async with client_of(TaxMiddleware(application, profiler=profiler, guards=[Slow()])) as client:
        answer = await client.post(CHAT, json=asking("hello", stream=True))
    assert b"fine" not in answer.content
    assert b"content_filter" in answer.content
    assert outcomes(profiler) == [Outcome.BLOCKED_INPUT]


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", {}, 400, "invalid_json"),
        (b"[1]", {}, 400, "invalid_json"),
        (b'{"messages": [], "messages": [{"role": "user", "content": "twice"}]}', {}, 400, "invalid_json"),
        (b"[" * 100_000, {}, 400, "invalid_json"),
        (b"\xff{}", {}, 400, "invalid_json"),
        (b"{}", {"content-encoding": "gzip"}, 415, "unsupported_encoding"),
        (json.dumps(asking("x" * 3000)).encode(), {}, 413, "body_too_large"),
        (b'{"prompt": [1, 2, 3]}', {}, 400, "unreadable_prompt"),
    ],
)
async def test_what_guards_cannot_read_is_refused(
    upstream: Upstream, profiler: Profiler, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    middleware = TaxMiddleware(upstream.application, profiler=profiler, guards=[PII()], max_body_bytes=2000)
    path = "/v1/completions" if code == "unreadable_prompt" else CHAT
    if code == "invalid_json" and len(body) > 2000:
        body = body[:2000]
    async with client_of(middleware) as client:
        answer = await client.post(path, content=body, headers={"content-type": "application/json", **headers})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert upstream.asked == []
    assert outcomes(profiler) == []


# -- guards that fail ------------------------------------------------------------------------------------------------


def failing(text: str) -> str:
    raise LookupError(f"about {text}")


@pytest.mark.parametrize("thread", [False, True])
async def test_a_guard_that_fails_closed_refuses_without_quoting(
    upstream: Upstream, profiler: Profiler, thread: bool
) -> None:
    from aligntax.serving.settings import GuardSettings

    guard = GuardSettings(FunctionGuard(failing, name="fails"), thread=thread)
    async with client_of(TaxMiddleware(upstream.application, profiler=profiler, guards=[guard])) as client:
        answer = await client.post(CHAT, json=asking("private matter"))
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "guard_error"
    assert "private" not in answer.text
    assert upstream.asked == []
    assert outcomes(profiler) == [Outcome.ERROR]
    assert verdicts(profiler, "fails") == [Verdict.ERROR]


async def test_a_guard_that_fails_open_lets_pass(upstream: Upstream, profiler: Profiler) -> None:
    guard = FunctionGuard(failing, name="fails", on_error="open")
    async with client_of(TaxMiddleware(upstream.application, profiler=profiler, guards=[guard])) as client:
        answer = await client.post(CHAT, json=asking("hello"))
    assert answer.json() == upstream.answer
    assert verdicts(profiler, "fails") == [Verdict.ERROR]


@pytest.mark.parametrize(("policy", "status"), [("closed", 504), ("open", 200)])
async def test_a_guard_that_hangs_times_out(upstream: Upstream, profiler: Profiler, policy: Any, status: int) -> None:
    released = asyncio.get_running_loop().create_future()

    def hang(text: str) -> str:
        while not released.done():
            time.sleep(0.001)
        return text

    from aligntax.serving.settings import GuardSettings

    guard = GuardSettings(FunctionGuard(hang, name="hangs", on_error=policy), timeout_seconds=0.05)
    async with client_of(TaxMiddleware(upstream.application, profiler=profiler, guards=[guard])) as client:
        answer = await client.post(CHAT, json=asking("hello"))
        released.set_result(None)
    assert answer.status_code == status
    profiler.drain()
    assert verdicts(profiler, "hangs") == [Verdict.TIMEOUT]


@pytest.mark.parametrize("nonsense", [None, 7, "text", Verdict.ALLOW, (1, 2)])
async def test_a_guard_that_returns_nonsense_fails(upstream: Upstream, profiler: Profiler, nonsense: Any) -> None:
    class Odd:
        name, stage = "odd", "input"

        def __call__(self, text: str) -> Any:
            return nonsense

    async with client_of(TaxMiddleware(upstream.application, profiler=profiler, guards=[Odd()])) as client:
        answer = await client.post(CHAT, json=asking("hello"))
    assert answer.status_code == 500
    assert upstream.asked == []


# -- guards on answers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["output", "stream"])
async def test_an_answer_is_redacted_whole_and_streamed(upstream: Upstream, profiler: Profiler, stage: Any) -> None:
    upstream.answer = chat_answer("write to jo@example.com")
    upstream.stream = chat_stream("write to j", "o@exam", "ple.com", ".")
    guards = [PII(stage=stage)]
    async with client_of(TaxMiddleware(upstream.application, profiler=profiler, guards=guards)) as client:
        answer = await client.post(CHAT, json=asking("hello"))
        streamed = await client.post(CHAT, json=asking("hello", stream=True))
    assert answer.json()["choices"][0]["message"]["content"] == "write to [email]"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert content_of(streamed.content) == "write to [email]."
    assert streamed.content.endswith(b"data: [DONE]\n\n")
    assert outcomes(profiler) == [Outcome.MODIFIED] * 2


async def test_events_in_which_nothing_changes_stay_what_they_are(upstream: Upstream, profiler: Profiler) -> None:
    usage = {"id": "x", "choices": [], "usage": {"total_tokens": 3}}
    upstream.stream = [b": ping\n\n", *frames(usage), b'data:  {"odd":  1}\r\n\r\n']
    async with client_of(
        TaxMiddleware(upstream.application, profiler=profiler, guards=[PII(stage="stream")])
    ) as client:
        streamed = await client.post(CHAT, json=asking("hello", stream=True))
    assert streamed.content == b"".join(upstream.stream)


@pytest.mark.parametrize("cut", range(1, 60, 7))
async def test_a_stream_may_be_cut_anywhere(upstream: Upstream, profiler: Profiler, cut: int) -> None:
    whole = b"".join(chat_stream("write to j", "o@exam", "ple.com", ". Bye"))
    upstream.stream = [whole[at : at + cut] for at in range(0, len(whole), cut)]
    async with client_of(
        TaxMiddleware(upstream.application, profiler=profiler, guards=[PII(stage="stream")])
    ) as client:
        streamed = await client.post(CHAT, json=asking("hello", stream=True))
    assert content_of(streamed.content) == "write to [email]. Bye"


async def test_a_stream_without_an_end_still_gives_what_was_held(upstream: Upstream, profiler: Profiler) -> None:
    upstream.stream = frames(chat_chunk({"content": "write to jo@example.com"}), done=False)
    async with client_of(
        TaxMiddleware(upstream.application, profiler=profiler, guards=[PII(stage="stream")])
    ) as client:
        streamed = await client.post(CHAT, json=asking("hello", stream=True))
    assert content_of(streamed.content) == "write to [email]"


async def test_a_block_in_mid_stream_ends_the_answer_and_the_application(
    upstream: Upstream, profiler: Profiler
) -> None:
    upstream.stream = chat_stream("good ", "forbidden ", *["more "] * 50)
    guard = Blocklist(["forbidden"], on_hit="block", stage="stream")
    async with client_of(TaxMiddleware(upstream.application, profiler=profiler, guards=[guard])) as client:
        streamed = await client.post(CHAT, json=asking("hello", stream=True))
    assert "forbidden" not in content_of(streamed.content)
    assert "more" not in content_of(streamed.content)
    assert b'"content_filter"' in streamed.content
    assert streamed.content.endswith(b"data: [DONE]\n\n")
    assert upstream.sent < 10
    assert outcomes(profiler) == [Outcome.BLOCKED_OUTPUT]


@pytest.mark.parametrize("stage", ["output", "stream"])
@pytest.mark.parametrize("body", [b"data: {broken\n\n", b"data: [1]\n\n", b"data: " + b"x" * 5000])
async def test_a_stream_that_guards_cannot_read_goes_nowhere(
    upstream: Upstream, profiler: Profiler, stage: Any, body: bytes
) -> None:
    upstream.stream = [*chat_stream("fine")[:2], body, *chat_stream("after")]
    middleware = TaxMiddleware(upstream.application, profiler=profiler, guards=[PII(stage=stage)], max_event_bytes=2048)
    async with client_of(middleware) as client:
        streamed = await client.post(CHAT, json=asking("hello", stream=True))
    assert b"after" not in streamed.content
    assert b"broken" not in streamed.content
    assert b"unreadable_answer" in streamed.content
    assert outcomes(profiler) == [Outcome.ERROR]


@pytest.mark.parametrize("stage", ["output", "stream"])
async def test_an_answer_that_is_too_large_goes_nowhere(upstream: Upstream, profiler: Profiler, stage: Any) -> None:
    upstream.answer = chat_answer("word " * 1000)
    middleware = TaxMiddleware(
        upstream.application, profiler=profiler, guards=[PII(stage=stage)], max_answer_bytes=1000
    )
    async with client_of(middleware) as client:
        answer = await client.post(CHAT, json=asking("hello"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "unreadable_answer")


async def test_streaming_is_measured_before_and_after_the_guards(upstream: Upstream, profiler: Profiler) -> None:
    upstream.stream = chat_stream("write to j", "o@exam", "ple.com", ". Bye")
    guards = [PII(stage="stream")]
    middleware = TaxMiddleware(upstream.application, profiler=profiler, guards=guards, model="tiny")
    async with client_of(middleware) as client:
        await client.post(CHAT, json=asking("hello", stream=True))
    profiler.drain()
    ledger = profiler.ledger
    row = ledger.model_row("tiny")
    assert ledger.upstream_first[row].sum() == 1
    assert ledger.first[row].sum() == 1
    assert ledger.upstream_gaps[row].sum() == 3
    assert 1 <= ledger.gaps[row].sum() <= 4
    assert ledger.holds.sum() == 4
    assert ledger.first_ns[row] >= ledger.upstream_first_ns[row]


# -- configuration ---------------------------------------------------------------------------------------------------


async def test_a_file_configures_it(
    upstream: Upstream, profiler: Profiler, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "aligntax.toml"
    path.write_text(
        '[serving]\nmodel = "tiny"\nroutes = { "/other" = "chat" }\n\n'
        '[[guards]]\nuse = "blocklist"\npatterns = ["forbiddenword"]\non_hit = "block"\ntimeout_seconds = 2\n'
    )
    monkeypatch.setenv("ALIGNTAX_CONFIG", str(path))
    async with client_of(TaxMiddleware(upstream.application, profiler=profiler)) as client:
        answer = await client.post("/other", json=asking("a forbiddenword"))
    assert answer.json()["choices"][0]["finish_reason"] == "content_filter"


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ('[serving]\nmodell = "x"\n', "modell"),
        ("[serving]\nmax_body_bytes = 0\n", "max_body_bytes"),
        ('[serving]\nmax_body_bytes = "8"\n', "max_body_bytes"),
        ('[serving]\non_block = "shout"\n', "on_block"),
        ('[serving]\nroutes = { generate = "chat" }\n', "generate"),
        ('[serving]\norder = { stream = "parallel" }\n', "stream"),
        ('[[guards]]\nuse = "pii"\ntimeout_seconds = -1\n', "timeout_seconds"),
        ('[[guards]]\nuse = "pii"\ntimeout_seconds = "soon"\n', "timeout_seconds"),
        ('[[guards]]\nuse = "pii"\n[[guards]]\nuse = "pii"\n', "'pii'"),
        ('[[guards]]\nuse = "nothing"\n', "nothing"),
        ('[[guards]]\nuse = "token_ban"\nsequences = [[1]]\nvocab_size = 5\n', "decode"),
        ("other = 1\n", "other"),
    ],
)
def test_bad_configuration_is_named(content: str, named: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "aligntax.toml"
    path.write_text(content)
    monkeypatch.setenv("ALIGNTAX_CONFIG", str(path))
    with pytest.raises(ValueError, match=named) as caught:
        TaxMiddleware(lambda scope, receive, send: None)  # type: ignore[arg-type,return-value]
    assert str(path) in str(caught.value)


async def test_that_the_application_counts_as_the_model_is_said_once(
    upstream: Upstream, profiler: Profiler, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="aligntax"):
        async with client_of(TaxMiddleware(upstream.application, profiler=profiler, model="tiny")) as client:
            for _ in range(3):
                await client.post(CHAT, json=asking("hello"))
    assert [record.getMessage() for record in caplog.records if record.name == "aligntax"] == [
        "no model call is marked in a request: all that the application does counts as model 'tiny'"
    ]


def test_the_environment_names_folder_and_server(
    upstream: Upstream, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALIGNTAX_SERVER", "blue")
    assert TaxMiddleware(upstream.application).settings.server is None  # of no use without a folder
    monkeypatch.setenv("ALIGNTAX_LEDGER_DIR", str(tmp_path / "ledger"))
    blue = TaxMiddleware(upstream.application)
    assert blue.profiler.worker is not None
    monkeypatch.setenv("ALIGNTAX_SERVER", "green")
    with pytest.raises(ValueError, match="blue"):
        TaxMiddleware(upstream.application)
    blue.close()
