"""The JSON document behind the page: its truth, its bounds, and how rarely it is made."""

from __future__ import annotations

import gzip
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

import aligntax
from aligntax import Profiler
from aligntax.exporters.live.document import FRESH_SECONDS, MAX_LOAD, LiveDocument
from aligntax.ledger import View
from aligntax.ledger_fields import PARTS
from aligntax.summary import Report
from aligntax.testing import FakeClock, taking

SECOND = 1_000_000_000


def parse(text: bytes | None) -> dict[str, Any]:
    assert text is not None
    found: dict[str, Any] = json.loads(text)
    return found


def clock_of(profiler: Profiler) -> FakeClock:
    clock = profiler.recorder.clock
    assert isinstance(clock, FakeClock)
    return clock


def test_it_says_what_the_report_says(busy: Profiler) -> None:
    expected = busy.report()
    tag, text = LiveDocument(busy).read()
    found = parse(text)
    assert found["schema"] == "aligntax.live/1"
    assert found["version"] == aligntax.__version__
    assert found["report"] == json.loads(json.dumps(expected.to_dict()))
    assert found["headline"] == expected.headline
    assert found["now_seconds"] == clock_of(busy)() / SECOND
    assert found["source"] == {"id": tag.strip('"').split("-")[0], "process": os.getpid(), "shared": False}
    assert [request["outcome"] for request in found["requests"]] == [trace.outcome for trace in busy.traces()]
    ended = [request["tax_seconds"] for request in found["requests"] if request["outcome"] in {"allowed", "modified"}]
    assert sum(ended) == pytest.approx(expected.to_dict()["request"]["tax_seconds"]["sum"])
    assert found["history"] == {"window_seconds": 600, "guards": [], "points": []}
    assert set(found) == {
        *("schema", "version", "source", "now_seconds", "headline", "report"),
        *("calls_in_progress", "history", "requests"),
    }


def test_compressed_it_is_the_same(busy: Profiler) -> None:
    document = LiveDocument(busy)
    tag, text = document.read()
    same_tag, compressed = document.read(gzip=True)
    assert same_tag == tag
    assert compressed is not None
    assert gzip.decompress(compressed) == text


def test_calls_in_progress(profiler: Profiler) -> None:
    document = LiveDocument(profiler)
    with profiler.request(), profiler.layer("slow"):
        clock_of(profiler).advance(SECOND)
        assert parse(document.read()[1])["calls_in_progress"] == {"slow": 1}
    clock_of(profiler).advance(SECOND)
    assert parse(document.read()[1])["calls_in_progress"] == {}


def test_a_reader_that_knows_it_all_gets_nothing(busy: Profiler) -> None:
    document = LiveDocument(busy)
    tag, text = document.read()
    for _ in range(5):
        clock_of(busy).advance(2 * SECOND)
        assert document.read(tag) == (tag, None)
    # The next reader, who knows nothing, is not given the time of the first one.
    _, fresh = document.read()
    assert parse(fresh)["now_seconds"] == parse(text)["now_seconds"] + 10
    with busy.request():
        clock_of(busy).advance(2 * SECOND)
    new_tag, news = document.read(tag)
    assert new_tag != tag
    assert parse(news)["report"]["requests"] == parse(text)["report"]["requests"] + 1
    points = parse(news)["history"]["points"]
    assert [(point["requests"], point["end_seconds"] - point["start_seconds"]) for point in points] == [(0, 10), (1, 2)]


def test_it_is_made_at_most_twice_a_second(profiler: Profiler) -> None:
    clock = clock_of(profiler)
    document = LiveDocument(profiler)
    first = document.read()
    with profiler.request():
        clock.advance(round(FRESH_SECONDS * SECOND) - 1)
    assert document.read() == first
    clock.advance(1)
    assert parse(document.read()[1])["report"]["requests"] == 1


def test_its_cost_is_booked_and_bounded() -> None:
    clock = FakeClock()

    def slow() -> int:
        clock.advance(10_000_000)
        return clock()

    profiler = Profiler(clock=slow, drain_seconds=0)
    document = LiveDocument(profiler)
    document.read()
    booked_ns = int(profiler.ledger.instrument_ns[PARTS.index("scrape")])
    assert booked_ns >= 20_000_000
    looked_ns = 0
    start_ns = clock()
    for _ in range(300):
        document.read()
        looked_ns = int(profiler.ledger.instrument_ns[PARTS.index("scrape")]) - booked_ns
    assert 0 < looked_ns <= 2 * MAX_LOAD * (clock() - start_ns)


def test_readers_at_the_same_time_share_one(busy: Profiler, monkeypatch: pytest.MonkeyPatch) -> None:
    document = LiveDocument(busy)
    made = []
    report = busy.report

    def count(view: View) -> Report:
        made.append(view)
        return report(view)

    monkeypatch.setattr(busy, "report", count)
    found: list[tuple[str, bytes | None]] = []
    threads = [threading.Thread(target=lambda: found.append(document.read())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len(found) == 8
    assert len(set(found)) == 1


def test_it_stays_small(profiler: Profiler) -> None:
    clock = clock_of(profiler)
    guards = [profiler.guard(taking(clock, 1_000), name=f"guard {place} {'x' * 100}") for place in range(100)]
    document = LiveDocument(profiler)
    for _ in range(70):
        with profiler.request():
            for _ in range(3):
                for guard in guards:
                    guard("text")
        clock.advance(2 * SECOND)
        _, text = document.read()
    found = parse(text)
    assert len(found["requests"]) == 64
    assert found["requests"][0]["spans_left_out"] == 252
    assert len(text or b"") < 2_000_000
    _, compressed = document.read(gzip=True)
    assert len(compressed or b"") < 200_000


def test_of_several_workers_it_knows_all_numbers_and_its_own_requests(tmp_path: Path) -> None:
    with Profiler(ledger_dir=tmp_path, drain_seconds=0) as profiler:
        with profiler.request():
            pass
        found = parse(LiveDocument(profiler).read()[1])
        assert found["source"]["shared"] is True
        assert found["report"]["requests"] == 1
        assert len(found["requests"]) == 1


def test_names_are_data(profiler: Profiler) -> None:
    clock = clock_of(profiler)
    guard = profiler.guard(taking(clock, 1_000), name='</script><img src=x> "\\')
    with profiler.request(model="<b>&"):
        guard("text")
    found = parse(LiveDocument(profiler).read()[1])
    assert found["report"]["layers"][0]["layer"] == '</script><img src=x> "\\'
    assert found["requests"][0]["model"] == "<b>&"
