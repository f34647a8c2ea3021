"""What is told beside the tax of a request: the first chunk, a proxy, the warm-up, and why the experiment ended."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aligntax.inference import Estimate
from aligntax.report.experiment import write_page

from ...experiment.results import make_result
from ..pages import words
from .conftest import MakeResult
from .test_terminal import cells, render

HOP = Estimate(0.0012, 0.0011, 0.0013)
FIRST = Estimate(0.0041, 0.0039, 0.0043)
CACHES = "caches, memory and processors that they share with the model"


@pytest.fixture(scope="module")
def proxied(make: MakeResult) -> dict[str, Any]:
    """A result of a proxy that streams: with what it takes without guards, and with a warm-up."""
    result = make(60, design={"width": 0.01, "stopped": "width"}, tax={"first_chunk_seconds": FIRST.to_dict()})
    result["tax"]["hop_seconds"] = HOP.to_dict()
    result["contention"]["hop_seconds"] = HOP.to_dict()
    result["latency"]["hop"] = result["latency"]["raw"]
    few = {name: {"value": 0.2, "low": None, "high": None} for name in ("p50", "p90", "p95", "p99")}
    took = {"raw": (1, 0.25), "guarded": (1, 0.375), "hop": (1, 0.3125)}
    result["warm_up"] = {arm: {"n": n, "mean": mean, **few} for arm, (n, mean) in took.items()}
    return result


def page_of(result: dict[str, Any], folder: Path) -> str:
    write_page(result, folder / "page.html")
    return words((folder / "page.html").read_text(encoding="utf-8"))


def test_the_terminal_tells_what_was_measured_beside_the_tax(proxied: dict[str, Any], make: MakeResult) -> None:
    lines = render(proxied, 400)
    assert "Tax on the first chunk: +4.10 ms (+3.90 to +4.30 ms); until the answer begins; median of pairs" in lines
    way = "Way through the proxy: +1.20 ms (+1.10 to +1.30 ms); with no guard in it; a part of the tax, median of pairs"
    assert way in lines
    warm = "250 ms without guards (n = 1), 375 ms with guards (n = 1)"
    assert f"Warm-up, a request on average, which counts nowhere: {warm}." in lines
    assert cells(lines, "proxy without guards")[-1] == "60"
    plain = " ".join(render(make(60), 400))
    assert not any(word in plain for word in ("first chunk", "proxy", "Warm-up"))


def test_the_page_tells_what_was_measured_beside_the_tax(
    proxied: dict[str, Any], make: MakeResult, tmp_path: Path
) -> None:
    said = page_of(proxied, tmp_path)
    assert "Tax on the first chunk +4.10 ms 95 % interval +3.90 to +4.30 ms; until the answer begins" in said
    assert "Way through the proxy +1.20 ms 95 % interval +1.10 to +1.30 ms; with no guard in it" in said
    assert "The warm-up as a table" in said
    assert "without guards n too small n too small n too small n too small 250 ms 1" in said
    plain = page_of(make(60), tmp_path)
    assert not any(word in plain for word in ("first chunk", "the proxy", "warm-up as a table"))


def test_the_way_through_a_proxy_is_no_contention(proxied: dict[str, Any], make: MakeResult, tmp_path: Path) -> None:
    said = (
        f"the way through the proxy takes +1.20 ms (+1.10 to +1.30 ms) of it, and the rest is what guards cost {'{}'}"
    )
    for text in (" ".join(render(proxied, 900)), page_of(proxied, tmp_path)):
        assert said.format(f"without running: {CACHES}.") in text
    plain = " ".join(render(make(60), 900))
    assert f"is what guards cost without running: {CACHES}." in plain


@pytest.mark.parametrize(
    ("stopped", "words_of_it"),
    [
        ("width", "both intervals, of the absolute and of the relative tax, were narrow enough"),
        ("budget", "the time was up"),
        ("pairs", "there were as many pairs as it may have at most"),
        ("interrupted", "it was interrupted"),
    ],
)
def test_the_page_says_when_it_was_to_end_and_why_it_did(stopped: str, words_of_it: str, tmp_path: Path) -> None:
    result = make_result([0.1] * 9, [0.2] * 9, design={"stopped": stopped, "width": 0.02})
    said = page_of(result, tmp_path)
    assert f"stopped because {words_of_it} " in said
    assert "width wanted ±2.00 % of a request" in said
    assert "both within ±2.00 % of a request" in said
    without = page_of(make_result([0.1] * 9, [0.2] * 9), tmp_path)
    assert "width wanted" not in without
    assert "It ends when" not in without


def test_the_page_says_which_arms_are_compared(proxied: dict[str, Any], tmp_path: Path) -> None:
    said = page_of(proxied, tmp_path)
    assert "ran to their end, allowed or modified, both without and with the guards are compared" in said
    assert "in all arms" not in said


def test_what_a_verification_warns_of_is_told(
    make: MakeResult, scenarios: list[dict[str, Any]], tmp_path: Path
) -> None:
    first = {**scenarios[0], "warnings": ["few traces"]}
    first["verification"] = {**first["verification"], "warnings": ["only 3 of 60 prompts were asked"]}
    said = page_of(make(60, whatif=[first, *scenarios[1:]]), tmp_path)
    assert f"{first['scenario']}: few traces" in said
    assert f"{first['scenario']}: only 3 of 60 prompts were asked" in said


def test_tables_in_a_terminal_need_no_library_for_pages() -> None:
    program = (
        "import sys; sys.modules.update(dict.fromkeys(('jinja2', 'markupsafe', 'matplotlib')))\n"
        "import aligntax.report.experiment, aligntax.report.whole, aligntax.experiment.gate.words"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=110)
