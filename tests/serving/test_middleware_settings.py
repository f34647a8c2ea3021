"""How the middleware is configured, and what it says of that."""

from __future__ import annotations

from typing import Any

import pytest
from tests.serving.calling import CHAT
from tests.serving.upstream import (
    Upstream,
    asking,
    client_of,
)

from aligntax import Profiler
from aligntax.serving.asgi import TaxMiddleware


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
