"""Proxies in processes of their own, and the traces that they leave."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest

from aligntax.attribution import attribute
from aligntax.experiment import proxies
from aligntax.experiment.proxies import proxy_without, traces_of
from aligntax.exporters.record import record
from aligntax.trace import Layer, Span, Trace, Verdict

NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "guards.toml"
    path.write_text("[[guards]]\nuse = 'blocklist'\nstage = 'input'\npatterns = ['secretword']\n")
    return path


def running() -> list[psutil.Process]:
    """Return the proxies that this process has started."""
    children = psutil.Process().children(recursive=True)
    return [each for each in children if "aligntax.experiment.proxies" in each.cmdline()]


def test_proxies_start_at_once_and_end_with_their_block(config):
    with (
        proxy_without([], upstream=NOBODY, config=config) as one,
        proxy_without(["blocklist"], upstream=NOBODY, config=config) as other,
    ):
        assert len(running()) == 2
        urls = {one(lambda: True), other(lambda: True)}
        assert len(urls) == 2
        for url in urls:
            with urllib.request.urlopen(f"{url}/-/healthy", timeout=10) as answer:  # noqa: S310 (the address is our own)
                assert answer.status == 200
    assert running() == []


def test_a_proxy_that_nobody_waits_for_any_more_ends(config):
    with pytest.raises(KeyboardInterrupt), proxy_without([], upstream=NOBODY, config=config) as url_of:
        url_of(lambda: False)
    assert running() == []


def test_a_proxy_that_does_not_end_is_killed(config, monkeypatch):
    monkeypatch.setattr(proxies, "STOP_SECONDS", 0.2)
    with proxy_without([], upstream=NOBODY, config=config) as url_of:
        url_of(lambda: True)
        (process,) = running()
        process.suspend()
    assert not process.is_running()


def traced(start_ns: int = 0, spans: int = 1) -> str:
    guard = Layer("slow", "guard", "input")
    each = tuple(Span(guard, at, at + 1, Verdict.ALLOW) for at in range(spans))
    trace = Trace(start_ns, start_ns + 10 * spans, each)
    return json.dumps(record(trace, attribute(trace), 0)) + "\n"


def test_traces_are_read_back_in_order_over_files_that_were_rotated(tmp_path):
    file = tmp_path / "traces.jsonl"
    for name, spans in (("traces.jsonl.2", 1), ("traces.jsonl.1", 2), ("traces.jsonl", 3)):
        (tmp_path / name).write_text(traced(spans=spans))
    found = traces_of(file, 3)
    assert found is not None
    assert [len(trace.spans) for trace, _ in found] == [1, 2, 3]
    assert len(traces_of(file, 2) or ()) == 2


@pytest.mark.parametrize("content", [traced(), traced() + traced()[:-1], traced() + traced(spans=1001)])
def test_traces_that_are_missing_or_cut_off_are_not_made_up(tmp_path, monkeypatch, content):
    monkeypatch.setattr(proxies, "_FOLD_SECONDS", 0.2)
    file = tmp_path / "traces.jsonl"
    file.write_text(content)
    assert traces_of(file, 2) is None


def test_proxies_do_not_load_what_they_do_not_need():
    code = "import aligntax.experiment.proxies, sys; print([n for n in ('scipy', 'matplotlib') if n in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"
