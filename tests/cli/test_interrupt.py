"""Ctrl-C: what was measured is shown, and the exit code says how the run ended."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

Start = Callable[..., "subprocess.Popen[str]"]

DEADLINE_SECONDS = 60.0


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Return the first line of the output that has `text` in it."""
    assert process.stdout is not None
    for line in process.stdout:
        if text in line:
            return line
    raise AssertionError(f"the command ended without {text!r}: {process.stderr.read() if process.stderr else ''}")


def metrics_of(line: str) -> str:
    found = re.search(r"http://\S+/metrics", line)
    assert found, line
    with urllib.request.urlopen(found.group(), timeout=10) as response:  # noqa: S310 (the address is our own)
        return str(response.read(), "utf-8")


def requests_in(metrics: str) -> int:
    found = re.findall(r"^aligntax_request_duration_seconds_count\{.*\} (\d+)", metrics, re.MULTILINE)
    return sum(map(int, found))


def test_ctrl_c_during_the_run_shows_what_was_measured_and_exits_with_130(start: Start, tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    process = start("--once", "--requests", 1_000_000, "--port", 0, "--json", target)
    line = read_until(process, "Metrics: ")
    deadline = time.monotonic() + DEADLINE_SECONDS
    while requests_in(metrics_of(line)) < 2:
        assert time.monotonic() < deadline, "no request was measured"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 130, err
    assert "Alignment tax: +" in out
    assert "Traceback" not in err
    report = json.loads(target.read_text(encoding="utf-8"))
    assert 2 <= report["requests"] < 1_000_000
    assert "error" not in report["outcomes"]
    assert "cancelled" not in report["outcomes"]


def test_after_the_run_metrics_are_served_until_ctrl_c(start: Start) -> None:
    # Ctrl-C is ignored in what a shell starts in the background, and has to work all the same.
    process = start("--requests", 5, "--port", 0, before=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    line = read_until(process, "until Ctrl-C")
    metrics = metrics_of(line)
    assert requests_in(metrics) == 5
    assert 'aligntax_layer_verdicts_total{layer="pii"' in metrics
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0, err
    assert out.splitlines()[-1] == "5 requests measured."
    assert "Traceback" not in err
