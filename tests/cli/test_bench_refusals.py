"""`aligntax bench`: what is wrong with its input or its target is one line, and nothing is overwritten."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .benching import PIPELINE, QUICK, TARGETS, written

Run = Callable[..., Any]


URLS = ("http://127.0.0.1:9", "http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("no.such.module:pipeline",), "'no.such.module:pipeline': there is no module 'no'"),
        (("tests.experiment.pipelines",), "names no object; write it as 'package.module:name'"),
        (("tests.experiment.pipelines:nothing",), "has no 'nothing'"),
        (("tests.experiment.pipelines:unguarded",), "no guard was called"),
        ((f"{TARGETS}:changing",), "is answered differently without them"),
        (("guards.toml",), "guards.toml configures a proxy; say with --upstream URL"),
        (("guards.toml", "--upstream", "ftp://127.0.0.1"), "is no http or https URL"),
        (("missing.toml", "--upstream", "http://127.0.0.1:9"), "missing.toml"),
        ((PIPELINE, "--upstream", "http://127.0.0.1:9"), "--upstream goes with a configuration"),
        (("http://127.0.0.1:9",), "name two URLs"),
        (("http://127.0.0.1:9", PIPELINE), "name two URLs"),
        (("http://127.0.0.1:9", "http://127.0.0.1:9"), "does not answer (no connection)"),
        (("http://127.0.0.1:9", "http://127.0.0.1:9", "--each"), "--each needs guards that can be left out"),
        ((PIPELINE, "other:pipeline"), "'other:pipeline' is one target too many"),
        ((PIPELINE, "--slo", "e2e=2s"), "--slo is about a load; say with --load"),
        ((PIPELINE, "--objective", "p99<=1s"), "--objective is about a load; say with --load"),
        ((PIPELINE, "--load-engine", "guidellm"), "--load-engine is about a load; say with --load"),
        ((PIPELINE, "--load", "sometimes:3"), "sometimes"),
        ((PIPELINE, "--load", "poisson:20", "--objective", "fast"), "fast"),
        ((PIPELINE, "--load-seconds", "5"), "--load-seconds is about a load; say with --load"),
        ((PIPELINE, "--search-seconds", "5"), "--search-seconds is about a load; say with --load"),
        ((PIPELINE, "--load", "poisson:20", "--search-seconds", "5"), "say with --objective 'p99<=500ms' which one"),
        ((PIPELINE, "--load", "poisson:20", "--objective", "p9<=1s", "--search-seconds", "0"), "budget_seconds=0.0"),
        ((PIPELINE, "--load", "poisson:20", "--load-seconds", "0"), "seconds=0.0 must be"),
        ((PIPELINE, "--load", "constant:20", "--load-seconds", "1e6"), "at most 1,000,000 are sent; send fewer"),
        ((PIPELINE, "--load", "poisson:20", "--load-engine", "guidellm"), "sends requests to two URLs"),
        ((*URLS, "--load", "poisson:20", "--load-engine", "guidellm", "--objective", "p9<=1s"), "keeps to one rate"),
        ((PIPELINE, "--load", "poisson:20", "--load-results", "raw=a"), "use one of the two"),
        ((PIPELINE, "--load-results", "raw"), "write raw=FILE or guarded=FILE"),
        ((PIPELINE, "--load-results", "raw=a", "--load-results", "raw=b"), "names an arm twice (raw=a raw=b)"),
        ((PIPELINE, "--load-results", "raw=missing.json"), "missing.json: cannot be read"),
        ((PIPELINE, "--width", "0"), "width=0.0 must be a finite number above 0"),
        ((PIPELINE, "--width", "inf"), "width=inf must be a finite number above 0"),
        ((PIPELINE, "--budget", "inf"), "budget_seconds=inf must be a finite number above 0"),
        ((PIPELINE, "--pairs", "10001"), "max_pairs=10001 must be 1 to 10,000"),
        ((PIPELINE, "--warm-up", "-1"), "--warm-up"),
        ((PIPELINE, "--prompts", "missing.txt"), "missing.txt: cannot be read"),
        ((), "TARGET"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_3_and_nothing_is_overwritten(
    run: Run, tmp_path: Path, config: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    json_file, html_file = tmp_path / "result.json", tmp_path / "report.html"
    for path in (json_file, html_file):
        path.write_text("before")
    before = sorted(tmp_path.iterdir())
    named = [str(config) if each == "guards.toml" else each for each in arguments]
    result = run("bench", *named, "--no-cold", "--json", json_file, "--html", html_file)
    assert result.code == 3
    assert result.err.startswith("aligntax: error: ")
    assert complaint in result.err
    assert result.err.count("\n") == 1
    assert not result.out
    assert sorted(tmp_path.iterdir()) == before
    assert json_file.read_text() == html_file.read_text() == "before"


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_a_file_that_cannot_be_written_is_known_before_anything_is_measured(
    run: Run, tmp_path: Path, option: str
) -> None:
    for path in (tmp_path / "no" / "such.file", tmp_path):
        result = run("bench", "no.such.module:pipeline", option, path)
        assert result.code == 3
        assert result.err.startswith(f"aligntax: error: {option} {path}: ")
        assert result.err.count("\n") == 1


def test_one_file_for_both_is_refused(run: Run, tmp_path: Path) -> None:
    result = run("bench", PIPELINE, "--json", tmp_path / "one", "--html", tmp_path / "one")
    assert result.code == 3
    assert f"--html {tmp_path / 'one'}: --json writes it, too; name another file" in result.err


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_a_file_that_is_read_is_not_written_over(run: Run, tmp_path: Path, option: str) -> None:
    """A configuration and prompts may end in .json, as results do."""
    path = tmp_path / "file.json"
    path.write_text("[]")
    at_server = (path, "--upstream", "http://127.0.0.1:9")
    loads = [(PIPELINE, "--load-results", f"raw={path}{run}") for run in ("", "#2")]
    for arguments in (at_server, (PIPELINE, "--prompts", path), *loads):
        result = run("bench", *arguments, option, path)
        assert result.code == 3
        assert f"{option} {path}: it is read; name another file" in result.err
        assert path.read_text() == "[]"


@pytest.mark.parametrize("place", ["target_of_mine.py", "target_of_mine/__init__.py"])
def test_the_module_of_a_target_is_not_written_over(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path(place)
    path.parent.mkdir(exist_ok=True)
    path.write_text("def pipeline(prompt): ...\n")
    result = run("bench", "target_of_mine:pipeline", "--json", path)
    assert result.code == 3
    assert result.err == f"aligntax: error: --json {path}: it is read; name another file\n"
    assert path.read_text() == "def pipeline(prompt): ...\n"


def test_a_history_that_is_no_folder_or_is_not_shown_is_refused(run: Run, tmp_path: Path) -> None:
    page, file = tmp_path / "report.html", tmp_path / "file"
    file.write_text("")
    refused = run("bench", PIPELINE, *QUICK, "--history", file, "--html", page)
    assert refused.code == 3
    assert f"--history {file}: is no folder; name the one that aligntax gate keeps results in" in refused.err
    unseen = run("bench", PIPELINE, *QUICK, "--history", tmp_path)
    assert unseen.code == 3
    assert "the trend is shown on the page; say with --html FILE where to write it" in unseen.err
    assert not refused.out + unseen.out
    assert not page.exists()


@pytest.mark.parametrize("missing", ["scipy", "matplotlib", "jinja2"])
def test_a_missing_extra_is_named(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    path = tmp_path / "result.json"
    result = run("bench", PIPELINE, *QUICK, "--json", path)
    assert result.code == 3
    expected = f"experiments need {missing}, which is not installed; run: pip install 'aligntax[bench]'"
    assert result.err == f"aligntax: error: {expected}\n"
    assert not path.exists()


def without(*modules: str) -> list[str]:
    """Return a command line of a program in which some modules are not installed."""
    code = f"""if True:
        import sys
        class Hidden:
            def find_spec(name, *_):
                if name.partition(".")[0] in {modules}:
                    raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
        sys.meta_path.insert(0, Hidden)
        from aligntax.cli import main
        sys.exit(main())"""
    return [sys.executable, "-c", code, "bench"]


def test_servers_need_an_extra_that_pipelines_do_not(config: Path) -> None:
    serve = ("aiohttp", "uvicorn", "httptools")
    for target in (["http://127.0.0.1:9"] * 2, [str(config), "--upstream", "http://127.0.0.1:9"]):
        refused = subprocess.run([*without(*serve), *target], capture_output=True, text=True, check=False)
        assert refused.returncode == 3
        assert "which is not installed; run: pip install 'aligntax[serve]'" in refused.stderr
        assert refused.stderr.count("\n") == 1
    done = subprocess.run([*without(*serve), PIPELINE, *QUICK], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_demo_says_what_it_needs() -> None:
    refused = subprocess.run([*without("torch"), "demo", *QUICK], capture_output=True, text=True, check=False)
    assert refused.returncode == 3
    needs = "demo needs torch, which is not installed; run: pip install 'aligntax[demo]'"
    assert refused.stderr == f"aligntax: error: {needs}\n"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (f"{TARGETS}:failing", "the target raised KeyError, in failing (bench_targets.py:"),
        (f"{TARGETS}:failing_async", "the target raised OSError, in failing_async (bench_targets.py:"),
        (f"{TARGETS}:failing_stream", "the target raised ValueError, in failing_stream (bench_targets.py:"),
        (f"{TARGETS}:leaving", "the target raised SystemExit, in leaving (bench_targets.py:"),
        (
            "tests.cli.bench_target_broken:pipeline",
            "the target raised RuntimeError, in <module> (bench_target_broken.py:3",
        ),
    ],
)
def test_what_a_target_raises_is_told_without_its_message(run: Run, tmp_path: Path, target: str, said: str) -> None:
    path = tmp_path / "result.json"
    path.write_text("before")
    result = run("bench", target, *QUICK, "--json", path)
    assert result.code == 3
    assert result.err.startswith(f"aligntax: error: {said}")
    assert result.err.endswith("; --debug shows its traceback\n")
    assert result.err.count("\n") == 1
    assert "cannot" not in result.err
    assert path.read_text() == "before"


def test_the_traceback_is_shown_on_request(run: Run) -> None:
    result = run("bench", f"{TARGETS}:failing", *QUICK, "--debug")
    assert result.code == 3
    assert "Traceback (most recent call last)" in result.err
    assert "cannot answer three" in result.err
    assert result.err.splitlines()[-1].startswith("aligntax: error: the target raised KeyError")


def test_what_a_target_raises_when_it_starts_cold_is_a_warning_without_its_message(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "result.json"
    (tmp_path / "target_that_starts_once.py").write_text(
        "import os, aligntax\nprofiler = aligntax.Profiler(drain_seconds=0)\nprompts = ['a prompt']\n"
        "guard = profiler.guard(lambda text: text, name='guard')\n"
        "def pipeline(prompt):\n    with profiler.request():\n        guard(prompt)\n"
        f"    if os.getpid() != {os.getpid()}: raise RuntimeError(prompt)\n    return prompt\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    result = run("bench", "target_that_starts_once:pipeline", *QUICK[1:], "--json", path)
    assert result.code == 0, result.err
    assert "cold_start" not in written(path)
    (warning,) = (each for each in written(path)["warnings"] if "cold start" in each)
    assert "ended with code 1: the target raised RuntimeError, in pipeline (target_that_starts_once.py:8)" in warning
    assert "a prompt" not in warning
