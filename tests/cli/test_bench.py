"""`aligntax bench`: every kind of target is measured, printed and written."""

from __future__ import annotations

import gzip
import io
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests.experiment.load.chat_server import Behaviour, serving

from aligntax.commands import bench_load
from aligntax.commands.measuring import Shown, shown
from aligntax.experiment.paired import MAX_PAIRS, Columns, Design, _told

from .benching import DEADLINE_SECONDS, PIPELINE, QUICK, TARGETS, written

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def upstream() -> Iterator[tuple[str, Behaviour]]:
    behaviour = Behaviour(first_seconds=0.003, gap_seconds=0.001)
    with serving(behaviour) as url:
        yield url, behaviour


@pytest.fixture
def brief_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cuts loads down to a second or two."""
    plan_of = bench_load._plan

    def brief(*arguments: Any) -> Any:
        plan = plan_of(*arguments)
        search = None if plan.search is None else replace(plan.search, budget_seconds=1.0, tolerance=0.5)
        return replace(plan, windows=1, warm_up_seconds=0.1, search=search)

    monkeypatch.setattr(bench_load, "_plan", brief)


def test_a_pipeline_is_measured_printed_and_written(run: Run, tmp_path: Path) -> None:
    json_file, html_file = tmp_path / "result.json", tmp_path / "report.html"
    result = run("bench", PIPELINE, *QUICK, "--each", "--json", json_file, "--html", html_file)
    assert result.code == 0, result.err
    assert not result.err
    for text in ("Alignment tax: +", "8 pairs", "first", "second", f"Result: {json_file}", f"Report: {html_file}"):
        assert text in result.out
    data = written(json_file)
    assert data["target"]["name"] == PIPELINE
    assert data["design"]["pairs"] == 8
    assert [arm["name"] for arm in data["arms"]][3:] == ["only:first", "only:second", "without:first", "without:second"]
    assert "cold_start" not in data
    assert "load" not in data
    page = html_file.read_text(encoding="utf-8")
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert PIPELINE in page
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "result.json"]


@pytest.mark.parametrize("name", ["without_request", "later", "pieces"])
def test_pipelines_of_any_shape(run: Run, tmp_path: Path, name: str) -> None:
    path = tmp_path / "result.json"
    result = run("bench", f"tests.experiment.pipelines:{name}", *QUICK, "--json", path)
    assert result.code == 0, result.err
    data = written(path)
    assert data["target"]["guards"] == ["first", "second"]
    assert ("first_chunk_seconds" in data["tax"]) is (name == "pieces")


@pytest.mark.usefixtures("tiny")
def test_the_demo(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "aligntax.demo.target", raising=False)
    path, questions = tmp_path / "result.json", tmp_path / "prompts.jsonl"
    questions.write_text('{"prompt": "Which train is first?"}\n"And which is last?"\n')
    result = run("bench", "demo", *QUICK, "--prompts", questions, "--json", path)
    assert result.code == 0, result.err
    data = written(path)
    assert data["design"]["prompts"]["count"] == 2
    assert set(data["target"]["guards"]) == {"pii", "blocklist", "classifier", "token_mask", "filter"}


def test_a_configuration_is_measured_in_front_of_a_server(
    run: Run, tmp_path: Path, config: Path, questions: Path, upstream: tuple[str, Behaviour]
) -> None:
    path, (url, behaviour) = tmp_path / "result.json", upstream
    behaviour.bodies.clear()
    options = ("--upstream", url, "--model", "tiny", "--max-tokens", "5", "--prompts", questions, "--json", path)
    result = run("bench", config, *QUICK, *options)
    assert result.code == 0, result.err
    assert not result.err
    data = written(path)
    assert data["target"]["kind"] == "proxy"
    assert data["target"]["name"] == f"guards.toml in front of {url}"
    assert data["outcomes"]["guarded"] == {"allowed": 6, "blocked_input": 2}
    assert {(body["model"], body["max_tokens"], body["stream"]) for body in behaviour.bodies} == {("tiny", 5, True)}


@pytest.mark.usefixtures("brief_load")
def test_two_urls_are_measured_and_put_under_load(
    run: Run, tmp_path: Path, questions: Path, upstream: tuple[str, Behaviour]
) -> None:
    path, (url, behaviour) = tmp_path / "result.json", upstream
    behaviour.bodies.clear()
    load = ("--load", "constant:40", "--load-seconds", "0.5", "--slo", "e2e=2s,ttft=1s")
    result = run("bench", url, url, *QUICK, "--no-stream", "--prompts", questions, *load, "--json", path)
    assert result.code == 0, result.err
    data = written(path)
    assert data["target"]["kind"] == "urls"
    assert data["tax"]["n"] == 8
    assert {arm["within_slo"]["value"] for arm in data["load"]["arms"].values()} == {1.0}
    assert {body["stream"] for body in behaviour.bodies} == {False}


@pytest.mark.usefixtures("brief_load")
@pytest.mark.parametrize("name", ["pipeline", "later"])
def test_a_pipeline_under_load_and_its_highest_rate(run: Run, tmp_path: Path, name: str) -> None:
    path = tmp_path / "result.json"
    load = ("--load", "poisson:40", "--load-seconds", "0.5", "--objective", "p50<=200ms")
    result = run("bench", f"tests.experiment.pipelines:{name}", *QUICK, *load, "--json", path)
    assert result.code == 0, result.err
    found = written(path)["load"]
    assert found["arrivals"]["kind"] == "poisson"
    assert set(found["arms"]) == {"raw", "guarded"}
    assert found["throughput_tax"]["objective"] == "p50<=200ms"
    assert found["arms"]["raw"]["outcomes"] == {"allowed": found["arms"]["raw"]["n"]}


def test_a_target_that_prints_much_starts_cold_as_well(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    process = subprocess.run(
        [sys.executable, "-m", "aligntax", "bench", f"{TARGETS}:chatty", *QUICK[1:], "--json", str(path)],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-500:]
    data = written(path)
    assert data["cold_start"]["runs"] == 3
    assert data["cold_start"]["guarded"]["first_call_seconds"]["value"] > 0.002
    assert data["cold_start"]["guards"]["guard"]["value"] > 0.001
    assert data["warnings"] == []


def test_threads_of_a_target_are_its_own_affair(run: Run) -> None:
    result = run("bench", f"{TARGETS}:threaded", *QUICK)
    assert result.code == 0, result.err


def test_a_load_that_another_program_made_is_read(run: Run, tmp_path: Path) -> None:
    made = tmp_path / "guidellm.json"
    packed = Path(__file__).parents[1] / "experiment" / "load" / "data" / "guidellm-0.8.1.json.gz"
    made.write_bytes(gzip.decompress(packed.read_bytes()))
    path = tmp_path / "result.json"
    arms = ("--load-results", f"raw={made}", "--load-results", f"guarded={made}")
    result = run("bench", PIPELINE, *QUICK, *arms, "--json", path)
    assert result.code == 0, result.err
    assert "guidellm" in written(path)["load"]["engine"]
    assert "Under load: " in result.out
    assert "Measured by guidellm 0.8.1." in result.out


def test_files_of_a_load_are_looked_at_before_anything_is_measured(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tmp_path / "other.json"
    made.write_text("{}")
    monkeypatch.setattr("aligntax.experiment.bench.bench", None)  # would end in a traceback
    result = run("bench", PIPELINE, *QUICK, "--load-results", f"raw={made}")
    assert result.code == 3
    assert "is JSON, but neither GuideLLM's nor AIPerf's" in result.err
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    urls = ("http://127.0.0.1:9", "http://127.0.0.1:9")
    result = run("bench", *urls, *QUICK, "--load", "poisson:20", "--load-engine", "guidellm")
    assert result.code == 3
    assert "GuideLLM is not installed" in result.err


def test_ctrl_c_in_a_load_of_guidellms_ends_it_and_keeps_what_was_measured(
    run: Run, upstream: tuple[str, Behaviour], questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "guidellm"
    program.write_text(f"#!{sys.executable}\nimport time; time.sleep(60)\n")
    program.chmod(0o700)
    monkeypatch.setattr("aligntax.experiment.load.guidellm_engine.find_guidellm", lambda: str(program))
    show = Shown.__call__

    def stopping(self: Shown, stage: str, done: float, detail: str) -> bool:
        self.stopped = self.stopped or stage == "load by GuideLLM"
        return show(self, stage, done, detail)

    monkeypatch.setattr(Shown, "__call__", stopping)
    path, url = tmp_path / "result.json", upstream[0]
    load = ("--load", "poisson:20", "--load-engine", "guidellm")
    result = run("bench", url, url, *QUICK, *load, "--prompts", questions, "--json", path)
    assert result.code == 130
    data = written(path)
    assert data["design"]["pairs"] > 0
    assert "load" not in data


def test_the_page_shows_the_trend_of_earlier_results(run: Run, tmp_path: Path) -> None:
    history, page = tmp_path / "history", tmp_path / "report.html"
    history.mkdir()
    for number in range(3):
        assert run("bench", PIPELINE, *QUICK, "--json", history / f"{number}.json").code == 0
    result = run("bench", PIPELINE, *QUICK, "--history", history, "--html", page)
    assert result.code == 0, result.err
    assert "Does it decline?" in page.read_text(encoding="utf-8")
    assert "History:" not in result.out


@pytest.mark.parametrize("name", ["history", "yet to come"])
def test_a_history_without_an_earlier_result_is_told_of(run: Run, tmp_path: Path, name: str) -> None:
    """The first run of all has none; a folder that is misspelt has none either."""
    (tmp_path / "history").mkdir()
    result = run("bench", PIPELINE, *QUICK, "--history", tmp_path / name, "--html", tmp_path / "report.html")
    assert result.code == 0, result.err
    said = result.out.splitlines()[-1]
    assert said == f"History: no earlier result of this target in {tmp_path / name}, so no trend is shown"


def test_the_files_are_written_also_if_nobody_reads_the_tables(tmp_path: Path) -> None:
    json_file, html_file = tmp_path / "result.json", tmp_path / "report.html"
    with Path("/dev/full").open("w") as full:
        files = ("--json", str(json_file), "--html", str(html_file))
        process = subprocess.run(
            [sys.executable, "-m", "aligntax", "bench", PIPELINE, *QUICK, *files],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
    assert process.returncode != 0
    assert written(json_file)["design"]["pairs"] == 8
    assert html_file.stat().st_size > 10_000


def test_the_time_left_is_shown_also_in_a_narrow_terminal() -> None:
    """The longest that is told of a measurement leaves room for it in 80 columns."""
    columns = Columns(["raw", "guarded"], prompt=[0] * MAX_PAIRS, seconds=6.0)
    told = _told(columns, Design(budget_seconds=10.0), 9.9999)
    written_to = io.StringIO()
    with shown(Console(file=written_to, force_terminal=True, width=80, color_system=None)) as progress:
        for _ in range(3):
            assert progress(*told)
    (last,) = re.findall(r"measuring .*?10,000 pairs.*?\)", written_to.getvalue())[-1:]
    assert re.fullmatch(
        r"measuring ━+ +(\d|-):(\d|-){2}:(\d|-){2} 10,000 pairs, tax to ±999\.99% \(wanted: ±1\.00%\)", last
    )
