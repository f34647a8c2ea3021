"""`aligntax deploy`: what it writes, what it says, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from aligntax.cli import main
from aligntax.deploy import Settings
from aligntax.deploy.pack import read_pack
from aligntax.histogram import FINE_BOUNDS, RATIO_BOUNDS

FILES = [path.as_posix() for path in read_pack(Settings())]


class Result(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "140")

    def run(*arguments: object) -> Result:
        capfd.readouterr()
        code = main(["deploy", *map(str, arguments)])
        return Result(code, *capfd.readouterr())

    return run


def refused(result: Result, *parts: str) -> None:
    assert result.code == 3
    assert not result.out
    assert result.err.startswith("aligntax: error: ")
    assert result.err.count("\n") == 1
    for part in parts:
        assert part in result.err


def test_it_writes_the_pack_and_says_so(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "new folder" / "deploy"
    result = run(folder)
    assert (result.code, result.err) == (0, "")
    *paths, empty, following, then = result.out.splitlines()
    assert paths == [str(folder / name) for name in FILES]
    assert all(Path(path).is_file() for path in paths)
    assert not empty
    assert following == f"Next: docker compose -f '{folder}/compose.yml' up -d"
    assert "http://127.0.0.1:3000" in then
    assert "http://127.0.0.1:9090" in then


def test_options_reach_the_files(run: Run, tmp_path: Path) -> None:
    targets = ("--target", "10.0.0.5:9464", "--target", "[2001:db8::1]:80")
    ports = ("--prometheus-port", 9191, "--grafana-port", 3131)
    assert run(tmp_path, *targets, *ports, "--budget", 0.1, "--guard-p99", 1).code == 0
    config = yaml.safe_load((tmp_path / "prometheus/prometheus.yml").read_text(encoding="utf-8"))
    assert config["scrape_configs"][0]["static_configs"][0]["targets"] == ["10.0.0.5:9464", "[2001:db8::1]:80"]
    rules = (tmp_path / "prometheus/rules/recording.yml").read_text(encoding="utf-8")
    assert 'aligntax_request_tax_ratio_bucket{le="0.1"}' in rules
    assert 'aligntax_layer_duration_seconds_bucket{le="1.0"}' in rules
    compose = (tmp_path / "compose.yml").read_text(encoding="utf-8")
    assert "127.0.0.1:9191" in compose
    assert '"3131"' in compose


def test_files_that_are_there_are_named_and_kept(run: Run, tmp_path: Path) -> None:
    (tmp_path / "prometheus").mkdir()
    (tmp_path / "prometheus/prometheus.yml").write_text("mine")
    (tmp_path / "compose.yml").symlink_to(tmp_path / "nowhere")
    refused(run(tmp_path), str(tmp_path), "compose.yml, prometheus/prometheus.yml are there already", "--force")
    assert (tmp_path / "prometheus/prometheus.yml").read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()
    assert not (tmp_path / "grafana").exists()


def test_force_replaces_these_and_keeps_others(run: Run, tmp_path: Path) -> None:
    assert run(tmp_path).code == 0
    (tmp_path / "compose.yml").write_text("mine")
    (tmp_path / "other.yml").write_text("mine")
    assert run(tmp_path, "--force").code == 0
    assert "prom/prometheus" in (tmp_path / "compose.yml").read_text(encoding="utf-8")
    assert (tmp_path / "other.yml").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--budget", "0.07"], ["budget=0.07", "aligntax_request_tax_ratio", "0.05, 0.1"]),
        (["--budget", "0"], ["budget=0"]),
        (["--budget", "nan"], ["budget=nan"]),
        (["--budget", "-1"], ["budget=-1"]),
        (["--budget", "much"], ["--budget"]),
        (["--guard-p99", "0.3"], ["guard_p99", "aligntax_layer_duration_seconds", "0.25, 0.5"]),
        (["--target", "http://host:1"], ["'http://host:1'", "host:port"]),
        (["--target", "host"], ["'host'"]),
        (["--target", "host:0"], ["'host:0'"]),
        (["--target", "host:65536"], ["'host:65536'"]),
        (["--target", 'a"]:1'], ["host:port"]),
        (["--target", "host:1\n"], ["host:port"]),
        (["--target", "host:1/metrics"], ["host:port"]),
        (["--target", ""], ["host:port"]),
        (["--target", "host:1", "--target", "host:1"], ["'host:1' is named twice"]),
        (["--prometheus-port", "0"], ["--prometheus-port"]),
        (["--grafana-port", "65536"], ["--grafana-port"]),
        (["--grafana-port", "9090"], ["9090", "use two ports"]),
    ],
)
def test_bad_values_are_refused(run: Run, tmp_path: Path, arguments: list[str], parts: list[str]) -> None:
    refused(run(tmp_path / "new", *arguments), *parts)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("budget", RATIO_BOUNDS)
def test_every_bound_of_the_ratio_is_a_budget(budget: float) -> None:
    assert Settings(budget=budget).values()["budget"] == repr(budget)


@pytest.mark.parametrize("seconds", FINE_BOUNDS)
def test_every_bound_of_a_call_is_a_limit(seconds: float) -> None:
    assert Settings(guard_p99_seconds=seconds).values()["guard_seconds"] == repr(seconds)


def test_a_file_is_no_folder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    refused(run(tmp_path / "file"), "is no folder")
    refused(run(tmp_path / "file" / "below"), "cannot be written")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_in_the_place_of_a_file_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "compose.yml").mkdir()
    refused(run(tmp_path, "--force"), "compose.yml", "cannot be written")


def test_it_needs_neither_the_generator_nor_a_yaml_library(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['grafana_foundation_sdk'] = sys.modules['yaml'] = None; "
        f"from aligntax.cli import main; sys.exit(main(['deploy', {str(tmp_path)!r}]))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)
    assert (tmp_path / "grafana/dashboards/aligntax.json").is_file()
