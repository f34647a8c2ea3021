"""The last requests as plain data."""

from __future__ import annotations

import pytest

from aligntax import Layer, Span, Trace, Verdict
from aligntax.attribution import Attribution, attribute
from aligntax.exporters.live import recent
from aligntax.exporters.live.recent import MAX_REQUESTS, MAX_SPANS, RecentRequests
from aligntax.trace import Outcome

PII, MODEL, TONE = Layer("pii"), Layer("gpt2", "model"), Layer("tone", stage="output")


def trace(start_ns: int, *spans: Span, end_ns: int | None = None) -> Trace:
    return Trace(start_ns, start_ns + 10_000 if end_ns is None else end_ns, spans, model="gpt2", trace_id="a b")


def test_a_request_with_its_spans_and_shares() -> None:
    one = trace(
        1_000,
        Span(MODEL, 3_000, 8_000, None),
        Span(PII, 4_000, 5_000, Verdict.MODIFY, parent=0),
        Span(TONE, 8_000, 10_500, Verdict.ERROR, error_type="Broken"),
    )
    (found,) = RecentRequests().render([one])
    shares = {name: part.share_ns for name, part in attribute(one).layers.items()}
    assert found["tax_seconds"] == pytest.approx(attribute(one).tax_ns / 1e9)
    assert found["raw_seconds"] + found["tax_seconds"] == pytest.approx(found["duration_seconds"])
    assert found["shares_seconds"] == pytest.approx({"pii": shares["pii"] / 1e9, "tone": shares["tone"] / 1e9})
    assert (found["outcome"], found["model"], found["trace_id"]) == (Outcome.ALLOWED, "gpt2", "a b")
    assert (found["end_seconds"], found["duration_seconds"]) == (1.1e-5, 1e-5)
    assert [span["layer"] for span in found["spans"]] == ["gpt2", "pii", "tone"]
    assert [span["depth"] for span in found["spans"]] == [0, 1, 0]
    assert [span["start_seconds"] for span in found["spans"]] == [2e-6, 3e-6, 7e-6]
    assert [span["verdict"] for span in found["spans"]] == [None, "modify", "error"]
    assert [span["error_type"] for span in found["spans"]] == [None, None, "Broken"]
    assert "gpu_seconds" not in found["spans"][0]


def test_gpu_time_that_comes_in_later_is_shown() -> None:
    requests = RecentRequests()
    span = Span(MODEL, 2_000, 3_000)
    assert "gpu_seconds" not in requests.render([trace(1_000, span)])[0]["spans"][0]
    span = span._replace(gpu_start_ns=2_500, gpu_end_ns=6_500, gpu_device="cuda:0")
    assert requests.render([trace(1_000, span)])[0]["spans"][0]["gpu_seconds"] == 4e-6


def test_the_bounds() -> None:
    spans = [Span(PII, 1_000 + place, 1_001 + 2 * place) for place in range(MAX_SPANS + 30)]
    found = RecentRequests().render([trace(1_000 + place, *spans) for place in range(MAX_REQUESTS + 9)])
    assert [request["id"] for request in found] == [f"{1_000 + place}.0" for place in range(9, MAX_REQUESTS + 9)]
    for request in found:
        assert request["spans_left_out"] == 30
        lengths = [span["duration_seconds"] for span in request["spans"]]
        assert lengths == pytest.approx([(1 + place) / 1e9 for place in range(30, MAX_SPANS + 30)])


def test_each_request_is_attributed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    attributed = []

    def count(trace: Trace) -> Attribution:
        attributed.append(trace)
        return attribute(trace)

    monkeypatch.setattr(recent, "attribute", count)
    requests = RecentRequests()
    traces = [trace(start_ns, Span(PII, start_ns, start_ns + 5)) for start_ns in range(20)]
    first = requests.render(traces[:15])
    second = requests.render(traces[5:])
    assert attributed == traces
    assert second[:10] == first[5:]


def test_requests_that_start_together_are_told_apart() -> None:
    found = RecentRequests().render([trace(7, end_ns=9), trace(7, end_ns=9), trace(8)])
    assert [request["id"] for request in found] == ["7.0", "7.1", "8.0"]


def test_a_trace_that_cannot_be_attributed_is_left_out() -> None:
    broken = trace(5, Span(PII, 5, 6), Span(Layer("pii", stage="output"), 6, 7))
    assert [request["id"] for request in RecentRequests().render([broken, trace(8)])] == ["8.0"]
