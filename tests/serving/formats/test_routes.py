"""Which requests ask a model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntax.serving.formats import route_of


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v1/chat/completions", "chat"),
        ("/chat/completions", "chat"),
        ("/openai/deployments/gpt/chat/completions/", "chat"),
        ("/v1/completions", "completions"),
        ("/v1/responses", "responses"),
        ("/v1/embeddings/", "embeddings"),
        ("//v1//chat//completions", "chat"),
        ("/v1/chat/./completions", "chat"),
        ("/v1/chat/x/../completions", "chat"),
        ("/v1/Chat/COMPLETIONS", "chat"),
        ("/v1;a=b/chat/completions;x", "chat"),
        ("v1/completions", "completions"),
        ("/v1/mycompletions", None),
        ("/v1/completions/x", None),
        ("/v1/responses/resp_1", None),
        ("/v1/models", None),
        ("/", None),
        ("", None),
    ],
)
def test_paths_of_openai_are_recognised_under_any_prefix(path: str, kind: str | None) -> None:
    route = route_of("POST", path, {})
    assert (route and route.kind) == kind


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS", "DELETE", ""])
def test_only_post_asks_a_model(method: str) -> None:
    assert route_of(method, "/v1/chat/completions", {"/v1/chat/completions": "chat"}) is None


def test_configured_paths_go_first() -> None:
    extra = {"/generate": "completions", "/v1/responses": "chat", "/v1/completions/": "responses"}
    kinds = {
        path: route.kind for path in (*extra, "/generate/", "//generate") if (route := route_of("POST", path, extra))
    }
    assert kinds == {**extra, "/generate/": "completions", "//generate": "completions"}
    assert route_of("POST", "/v1/generate", extra) is None


@given(st.text(), st.text())
def test_any_path_has_a_route_or_none(method: str, path: str) -> None:
    assert method == "POST" or route_of(method, path, {}) is None
    route_of("POST", path, {})
