"""Files that GuideLLM and AIPerf wrote; where they are from is said in `data/README.md`."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aligntax.experiment.load import Slo
from aligntax.experiment.load.foreign import foreign_load, read_foreign
from aligntax.experiment.load.foreign.record import Unscheduled

DATA = Path(__file__).parent / "data"
DURATION = "guidellm-0.8.1-duration.json"
GUIDELLM, OLD, UNSCHEDULED = "guidellm-0.8.1.json", "guidellm-0.5.4.json", "guidellm-0.8.1-unscheduled.json"
AIPERF, RECORDS = "profile_export_aiperf.json", "profile_export.jsonl"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with all of them, as their programs wrote them."""
    for packed in DATA.glob("*.gz"):
        (tmp_path / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
    return tmp_path


def changed(path: Path, change: Callable[[Any], Any]) -> Path:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    return path


def test_guidellm_is_read(files: Path) -> None:
    (run,) = read_foreign(files / GUIDELLM)
    assert (run.program, run.kind, run.rate, run.label) == ("guidellm 0.8.1", "poisson", 20.0, "poisson 20/s")
    assert Counter(call.outcome for call in run.calls) == {"allowed": 9, "error": 3}
    assert {call.error for call in run.calls} == {None, "status 400"}
    assert [call.intended_ns for call in run.calls] == sorted(call.intended_ns for call in run.calls)
    # What it computed itself is what comes out of its times.
    written = json.loads((files / GUIDELLM).read_text())["benchmarks"][0]["requests"]["successful"]
    ours = sorted(call.scheduled_ns / 1e9 for call in run.calls if call.outcome == "allowed")
    assert ours == pytest.approx(sorted(each["request_scheduled_latency"] for each in written), abs=1e-6)
    delays = sorted(call.dispatch_ns / 1e9 for call in run.calls if call.outcome == "allowed")
    assert delays == pytest.approx(sorted(each["request_dispatch_delay"] for each in written), abs=1e-6)
    chunks = sorted((call.first_ns - call.started_ns) / 1e6 for call in run.calls if call.first_ns is not None)
    assert chunks == pytest.approx(sorted(each["time_to_first_token_ms"] for each in written), abs=1e-3)


def test_the_per_token_figures_of_guidellm_are_told_apart(files: Path) -> None:
    arm = foreign_load({"raw": files / GUIDELLM})["arms"]["raw"]
    written = json.loads((files / GUIDELLM).read_text())["benchmarks"][0]["requests"]["successful"]
    without = np.mean([each["inter_token_latency_ms"] for each in written]) / 1e3
    assert arm["latency"]["time_per_output_token"]["mean"] == pytest.approx(without, rel=1e-3)
    with_first = np.mean([each["time_per_output_token_ms"] for each in written]) / 1e3
    assert arm["latency"]["time_per_output_token_with_first"]["mean"] == pytest.approx(with_first, rel=1e-3)
    assert "the first token, and so the prompt, is in it" in " ".join(arm["formulas"].values())


def test_a_file_with_two_rates_has_two_runs(files: Path) -> None:
    runs = read_foreign(files / OLD)
    assert [(run.program, run.rate, len(run.calls)) for run in runs] == [
        ("guidellm 0.5.4", 20.0, 8),
        ("guidellm 0.5.4", 40.0, 8),
    ]
    with pytest.raises(ValueError, match=r"2 runs; name one as .*#N, with N of 1: poisson 20/s, 2: poisson 40/s"):
        foreign_load({"raw": files / OLD})
    with pytest.raises(ValueError, match="2 runs"):
        foreign_load({"raw": f"{files / OLD}#3"})
    assert foreign_load({"raw": f"{files / OLD}#2"})["arms"]["raw"]["rate"] == 40.0


def test_workers_that_draw_the_same_gaps_are_said(files: Path) -> None:
    assert any("draw the same gaps" in warning for warning in read_foreign(files / OLD)[0].warnings)
    assert not any("gaps" in warning for warning in read_foreign(files / GUIDELLM)[0].warnings)


def test_a_run_that_kept_no_schedule_is_refused(files: Path) -> None:
    with pytest.raises(Unscheduled, match="12 of 12 requests were due long before the run"):
        read_foreign(files / UNSCHEDULED)


def test_statuses_with_which_guards_refuse_are_blocks(files: Path) -> None:
    assert any("status 400" in warning for warning in read_foreign(files / GUIDELLM)[0].warnings)
    (run,) = read_foreign(files / GUIDELLM, blocked_statuses=[400])
    assert Counter(call.outcome for call in run.calls) == {"allowed": 9, "blocked": 3}
    assert run.warnings == []


@pytest.mark.parametrize("name", [AIPERF, RECORDS, "."])
def test_aiperf_is_read_by_either_of_its_files_or_their_folder(files: Path, name: str) -> None:
    (run,) = read_foreign(files / name)
    assert (run.program, run.kind, run.rate) == ("aiperf 0.13.0", "poisson", 20.0)
    # It keeps the body of an error, which says that it was a refusal.
    assert Counter(call.outcome for call in run.calls) == {"allowed": 9, "blocked": 3}
    summary = json.loads((files / AIPERF).read_text())
    service = [call.service_ns / 1e6 for call in run.calls if call.outcome == "allowed"]
    assert np.mean(service) == pytest.approx(summary["request_latency"]["avg"], rel=1e-6)
    assert np.quantile(service, 0.9) == pytest.approx(summary["request_latency"]["p90"], rel=1e-6)
    first = [(call.first_ns - call.started_ns) / 1e6 for call in run.calls if call.first_ns is not None]
    assert np.mean(first) == pytest.approx(summary["time_to_first_token"]["avg"], rel=1e-6)
    assert {call.chunks for call in run.calls if call.outcome == "allowed"} == {6}
    assert {call.output_tokens for call in run.calls if call.outcome == "allowed"} == {6}  # the server's count
    late = [call.dispatch_ns / 1e6 for call in run.calls]
    assert np.mean(late) == pytest.approx(summary["credit_to_start_latency"]["avg"], rel=1e-3)
    assert run.summaries["inter_token_latency"]["mean"] == pytest.approx(summary["inter_token_latency"]["avg"] / 1e3)


def test_a_summary_alone_is_marked_as_such(files: Path) -> None:
    (files / RECORDS).unlink()
    found = foreign_load({"raw": files / AIPERF, "guarded": files / AIPERF})
    arm = found["arms"]["raw"]
    assert arm["summary"] is True
    assert arm["latency"]["service"]["p99"]["low"] is None
    assert arm["latency"]["service"]["p99"]["value"] > arm["latency"]["service"]["p50"]["value"] > 0.01
    assert arm["outcomes"] == {"allowed": 9, "error": 3}
    assert any("no intervals" in warning for warning in found["warnings"])
    assert "tax" not in found


def test_requests_alone_are_read_too(files: Path) -> None:
    (files / AIPERF).unlink()
    (run,) = read_foreign(files / RECORDS)
    assert (run.program, run.rate, len(run.calls)) == ("aiperf (version unknown)", None, 12)
    assert run.seconds > 0


def test_guidellm_without_requests_is_a_summary(files: Path) -> None:
    path = changed(files / GUIDELLM, lambda document: document["benchmarks"][0]["requests"].clear())
    found = foreign_load({"raw": path})
    arm = found["arms"]["raw"]
    assert arm["summary"] is True
    assert arm["latency"]["scheduled"]["p50"]["value"] > 0.01
    assert arm["latency"]["first_chunk_service"]["mean"] > 0.01
    assert arm["outcomes"] == {"allowed": 9, "error": 3}


def test_a_run_that_ended_with_its_time_keeps_its_requests(files: Path) -> None:
    """GuideLLM lists what was in flight at the end, and leaves it out of its totals."""
    written = json.loads((files / DURATION).read_text())["benchmarks"][0]
    assert written["metrics"]["request_totals"]["incomplete"] == 0
    assert len(written["requests"]["incomplete"]) == 1
    (run,) = read_foreign(files / DURATION)
    assert Counter(call.outcome for call in run.calls) == {"allowed": 21, "error": 6, "cancelled": 1}
    arm = foreign_load({"raw": files / DURATION})["arms"]["raw"]
    assert "summary" not in arm
    assert arm["latency"]["scheduled"]["p50"]["low"] is not None
    assert arm["throughput"] == pytest.approx(written["metrics"]["requests_per_second"]["successful"]["mean"])


def test_a_file_with_a_sample_of_its_requests_is_a_summary(files: Path) -> None:
    path = changed(files / DURATION, lambda document: document["benchmarks"][0]["requests"]["successful"].pop())
    assert read_foreign(path)[0].calls is None


def test_two_files_are_compared_unpaired(files: Path) -> None:
    found = foreign_load({"raw": files / GUIDELLM, "guarded": files / AIPERF}, Slo(seconds=1.0))
    json.dumps(found, allow_nan=False)
    assert found["engine"] == "aiperf 0.13.0 and guidellm 0.8.1"
    tax = found["tax"]["service"]
    assert tax["paired"] is False
    assert tax["n"] == 9
    assert tax["seconds"]["low"] < tax["seconds"]["value"] < tax["seconds"]["high"]
    assert found["arms"]["raw"]["within_slo"]["value"] == 0.75  # the answers with status 400 are errors there
    assert found["arms"]["guarded"]["within_slo"]["value"] == 1.0
    assert {arm["program"] for arm in found["arms"].values()} == {"guidellm 0.8.1", "aiperf 0.13.0"}


@pytest.mark.parametrize("name", [GUIDELLM, DURATION, f"{OLD}#1", f"{OLD}#2", AIPERF])
def test_the_throughput_is_what_the_formula_of_its_program_says(files: Path, name: str) -> None:
    arm = foreign_load({"raw": f"{files / name}"})["arms"]["raw"]
    assert arm["throughput"] == pytest.approx(arm["outcomes"]["allowed"] / arm["seconds"])
    if name == GUIDELLM:
        written = json.loads((files / name).read_text())["benchmarks"][0]["metrics"]["requests_per_second"]
        assert arm["throughput"] == pytest.approx(written["successful"]["mean"])


def test_a_text_in_a_request_may_hold_line_ends_of_unicode(files: Path) -> None:
    path = files / RECORDS
    first, *rest = path.read_text().splitlines()
    request = json.loads(first) | {"note": "one\u2028two\u0085three"}
    path.write_text("\n".join([json.dumps(request, ensure_ascii=False), *rest]) + "\n", encoding="utf-8")
    assert len(read_foreign(path)[0].calls) == 12


def test_arms_that_were_asked_differently_are_said(files: Path) -> None:
    found = foreign_load({"raw": files / GUIDELLM, "guarded": f"{files / OLD}#2"})
    assert any("not asked alike" in warning for warning in found["warnings"])


def test_no_text_of_a_file_gets_out(files: Path) -> None:
    for name in (GUIDELLM, AIPERF):
        said = json.dumps(foreign_load({"raw": files / name}))
        assert "fox" not in said
        assert "word0" not in said
        assert "127.0.0.1" not in said


def _set(*names: Any, to: Any) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        for name in names[:-1]:
            document = document[name]
        document[names[-1]] = to

    return change


TIMINGS = ("benchmarks", 0, "requests", "successful", 0, "info", "timings")


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (GUIDELLM, _set("benchmarks", to=[]), "no benchmark"),
        (GUIDELLM, _set("benchmarks", 0, "duration", to=None), "not completed"),
        (GUIDELLM, _set("benchmarks", 0, "duration", to="long"), "should be a number"),
        (GUIDELLM, _set(*TIMINGS, "request_start", to=True), "should be a number"),
        (GUIDELLM, _set("benchmarks", 0, "requests", "errored", to=3), "requests.errored is no list"),
        (GUIDELLM, _set("metadata", to={}), "neither GuideLLM's nor AIPerf's"),
        (AIPERF, _set("benchmark_duration", "unit", to="fortnights"), "unit 'fortnights'"),
        (AIPERF, _set("benchmark_duration", "avg", to=0), "not completed"),
        (AIPERF, _set("input_config", "phases", to=3), "input_config.phases is no list"),
        (AIPERF, _set("inter_token_latency", "p50", to=[1]), "should be a number"),
    ],
)
def test_what_is_not_as_it_should_be_is_refused(
    files: Path, name: str, change: Callable[[Any], None], message: str
) -> None:
    path = changed(files / name, change)
    with pytest.raises(ValueError, match=message) as refused:
        read_foreign(path)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("gone.json", None, "cannot be read"),
        ("gone.jsonl", None, "cannot be read"),
        ("a.json", "", "no JSON"),
        ("a.json", '{"metadata": ', "cut off"),
        ("a.json", "[1]", "neither"),
        ("a.json", '{"aiperf_version": NaN}', "NaN"),
        ("a.json", '{"aiperf_version": "1"}', "not completed"),
        ("a.jsonl", '{"metadata": {"benchmark_phase"', "line 1 is no JSON"),
        ("a.jsonl", '{"text": "secret"}', "line 1 is no request of AIPerf's"),
        ("a.jsonl", "", "no request in it"),
        ("a.jsonl", '{"metadata": {"benchmark_phase": "profiling"}, "metrics": {}}', "request_start_ns"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path: Path, name: str, text: str | None, message: str) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValueError, match=message) as refused:
        read_foreign(path)
    assert "secret" not in str(refused.value)


def test_nothing_to_read_is_refused() -> None:
    with pytest.raises(ValueError, match="raw=FILE"):
        foreign_load({})
