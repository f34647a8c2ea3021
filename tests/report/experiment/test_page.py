"""The page: a section for each part that a result has, deterministic, bounded, and safe with anybody's names."""

from __future__ import annotations

import copy
import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from aligntax.experiment.load.foreign import load_of, read_foreign
from aligntax.report.experiment import write_page

from ...experiment.results import make_result
from ..pages import sections, words
from .conftest import HOSTILE, MakeResult, Traces

ALWAYS = ("summary", "comparison", "method", "setting")
EVERY = (
    *("summary", "request", "guards", "comparison", "resources", "load", "scaling", "whatif", "trend", "method"),
    "setting",
)


@pytest.fixture
def page(tmp_path: Path) -> Any:
    """Write a page and return its text."""

    def write(result: dict[str, Any], history: Sequence[dict[str, Any]] = ()) -> str:
        path = tmp_path / "page.html"
        write_page(result, path, history)
        assert [*tmp_path.iterdir()] == [path]
        return path.read_text(encoding="utf-8")

    return write


def test_a_whole_result_has_every_section(page: Any, whole: dict[str, Any], history: list[dict[str, Any]]) -> None:
    text = page(whole, history)
    assert sections(text) == EVERY
    assert text.count('class="plot wide"') == text.count('class="plot narrow"') == 10
    said = words(text)
    assert re.search(r"The guards add [\d.]+ ms to a typical request and make requests [\d.]+ % slower overall\.", said)
    for part in (
        *("To be known before the numbers are believed", "400 pairs from 20 prompts"),
        *("Exponent 0.50, 95 % interval 0.46 to 0.54.", "No exponent: 2 sizes, and an exponent needs at least 4."),
        *("drop pii", "It moved on 2025-05-01.", "These runs are from 2 kinds of machines", "60 requests a second"),
        *("Shapley value", "airport game", "order statistics", "delta method", "Contention residual"),
        *("cpu model Fast CPU 9000", "50.8 KiB", "energy (rapl package-0, measured)"),
    ):
        assert part in said


def test_rates_are_written_alike_on_the_plot_and_in_its_table(page: Any, whole: dict[str, Any]) -> None:
    result = copy.deepcopy(whole)
    trial = next(one for one in result["load"]["throughput_tax"]["arms"]["raw"]["trials"] if one["seconds"])
    trial["rate"] = 84.8528137
    text = page(result)
    assert ">84.9</text>" in text
    assert "84.9/s" in words(text)
    assert "84.8528" not in text


def test_sections_of_what_was_not_measured_are_missing(page: Any, make: MakeResult) -> None:
    result = make(30)
    assert sections(page(result)) == ("summary", "request", "guards", "comparison", "resources", "method", "setting")
    for name in (
        "null",
        "latency",
        "contention",
        "compute",
        "outcomes",
        "self",
        "traces",
        "warnings",
        "arms",
        "created",
    ):
        result.pop(name)
    text = page({**result, "guards": [], "environment": {}, "design": {}, "target": {}})
    assert sections(text) == ALWAYS
    assert "No A/A comparison was made" in text


def test_names_are_text_everywhere(page: Any, whole: dict[str, Any], history: list[dict[str, Any]]) -> None:
    result = copy.deepcopy(whole)
    result["target"]["name"] = HOSTILE
    result["environment"] |= {"cpu_model": HOSTILE, HOSTILE: HOSTILE}
    result["warnings"] = [HOSTILE]
    result["scaling"][HOSTILE] = {**result["scaling"]["patterns"], "parameter": HOSTILE, "label": HOSTILE}
    result["whatif"][0]["scenario"] = HOSTILE
    result["load"]["warnings"] = [HOSTILE]
    result["outcomes"]["guarded"][HOSTILE] = 1
    text = page(result, [{**run, "cpu_model": f"{HOSTILE}{run['created']}"} for run in history]).replace("<wbr>", "")
    assert "<script" not in text
    assert text.count("&lt;script&gt;document.title=") > 20
    assert "javascript:" not in text


def test_the_same_result_gives_the_same_page_in_any_process(
    page: Any, whole: dict[str, Any], history: list[dict[str, Any]], tmp_path: Path
) -> None:
    first = page(whole, history)
    assert page(copy.deepcopy(whole), reversed(history)) == first  # type: ignore[arg-type]
    (tmp_path / "result.json").write_text(json.dumps([whole, history]))
    program = (
        "import json, sys; from pathlib import Path; from aligntax.report.experiment import write_page\n"
        "write_page(*(lambda both: (both[0], 'again.html', both[1]))(json.loads(Path('result.json').read_text())))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "SOURCE_DATE_EPOCH": "0", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, check=True, timeout=110)
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == first


def test_a_page_of_10000_samples_is_small(page: Any, make: MakeResult) -> None:
    assert len(page(make(10_000)).encode()) < 500_000


def test_a_page_is_bounded_however_much_there_is(page: Any, make: MakeResult, shop_traces: Traces) -> None:
    names = [f"guard {number} {'long ' * 20}" for number in range(80)]
    result = make_result(
        [0.1] * 500, [0.2] * 500, [0.1] * 500, {name: [0.1 / 80] * 500 for name in names}, traces=shop_traces * 25
    )
    trace = copy.deepcopy(shop_traces[0])
    trace["spans"] *= 200
    result["traces"] = [trace]
    history = [
        {**make_result([0.1] * 9, [0.2] * 9), "created": f"2025-01-01T{hour:02}:{minute:02}:00+00:00"}
        for hour in range(10)
        for minute in range(60)
    ]
    text = page(result, history)
    assert len(text.encode()) < 2_000_000
    assert "The 50 guards that cost least are only in the table." in words(text)
    assert "800 more are not shown" in words(text)
    assert "over 200 runs" in words(text)


def test_the_model_is_in_the_picture_however_many_guards_there_are(page: Any, shop_traces: Traces) -> None:
    trace = copy.deepcopy(shop_traces[0])
    first = trace["spans"][0]
    trace["spans"] += [{**first, "layer": f"guard-{number}"} for number in range(40)]
    trace["shares_ns"] |= {f"guard-{number}": 10_000_000 + number for number in range(40)}
    text = page(make_result([0.1] * 9, [0.2] * 9, traces=[trace]))
    assert "17 layers that cost least are left out here" in words(text)
    drawn = [*re.findall(r">([^<>]+)</text>", text)]
    assert "gpt2" in drawn
    assert "guard-39" in drawn
    assert "guard-0" not in drawn


def test_numbers_of_one_page_agree(page: Any) -> None:
    """The median of an even number of pairs, what guards add to memory, and calls beside verdicts of all requests."""
    result = make_result([0.1, 0.1, 0.1, 0.1], [0.11, 0.12, 0.13, 0.14])
    peaks = (("raw", 1000), ("guarded", 3500), ("tax", 2500))
    memory = {arm: {"value": at, "low": at - 100, "high": at + 100} for arm, at in peaks}
    energy = {"raw": 1.5, "guarded": 1.9, "source": ["rapl package-0"], "estimated": False}
    said = words(page({**result, "compute": {"memory_bytes": memory, "energy_joules": energy}}))
    assert "Tax of a request +25.0 ms" in said
    assert " 50 % +25.0 ms " in said
    assert (
        "memory, peak of Python's heap 1,000 B (900 B to 1.07 KiB) 3.42 KiB (3.32 to 3.52 KiB) +2.44 KiB (+2.34" in said
    )
    assert "energy (rapl package-0, measured) 1.5 J 1.9 J +0.4 J" in said
    assert "+0.4 J (" not in said
    assert "Calls are those of requests that are compared; verdicts are those of all requests" in said


@pytest.mark.parametrize("guards", [1, 12])
def test_any_number_of_guards(page: Any, many_traces: Traces, guards: int) -> None:
    shares = {f"guard-{number:02}": [0.001 * (number + 1)] * 40 for number in range(guards)}
    tax = sum(np.asarray(share) for share in shares.values())
    said = words(page(make_result([0.1] * 40, 0.1 + tax, [0.1] * 40, shares, traces=many_traces)))
    assert all(name in said for name in shares)
    assert f"Dearest is guard-{guards - 1:02}" in said


def test_a_bonus_is_told_as_one(page: Any, make: MakeResult) -> None:
    said = words(page(make(cost=-0.2)))
    assert re.search(r"The guards take \d\.\d\d ms off a typical request and make requests .* faster overall\.", said)
    assert "No guard's share stands out from the noise." in said


def test_few_samples_give_no_numbers_that_they_cannot_carry(page: Any, make: MakeResult) -> None:
    said = words(page(make(1)))
    assert "Too few requests to tell what the guards cost" in said
    assert "n too small for an interval; median of 1 pair" in said
    assert "A typical request takes" not in said


def test_where_all_were_blocked_nothing_is_compared(page: Any, blocked_traces: Traces) -> None:
    result = make_result([0.1] * 9, [0.01] * 9, [0.1] * 9, outcomes=["blocked_input"] * 9, traces=blocked_traces)
    said = words(page(result))
    assert "No request ran to its end both with and without the guards, so what they cost is not known." in said
    assert "None of the 3 recorded requests ran to its end." in said
    assert "was blocked before the model" in said


def test_a_trend_is_made_of_results_or_of_a_gates_rows(page: Any, make: MakeResult) -> None:
    earlier = [make(30, seed=seed, created=f"2026-02-0{seed}T00:00:00Z") for seed in (2, 1)]
    said = words(page(make(30), earlier))
    assert "on 2026-02-01 to" in said
    assert "on 2026-03-01, over 3 runs." in said
    assert "trend" not in sections(page(make(30), [make(30)]))  # the same run is no trend
    assert "trend" not in sections(page(make(30), [{"created": "2026-01-01T00:00:00Z", "metrics": {}}]))
    with pytest.raises(ValueError, match="created='yesterday' is no time"):
        page(make(30), [make(30, created="yesterday")])
    with pytest.raises(ValueError, match="neither 'tax' nor 'metrics'"):
        page(make(30), [{"created": "2026-01-01T00:00:00Z"}])


def test_a_failed_write_leaves_what_was_there(make: MakeResult, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no-such-folder"):
        write_page(make(30), tmp_path / "no-such-folder" / "page.html")
    folder = tmp_path / "page.html"
    folder.mkdir()
    with pytest.raises(OSError, match=r"page\.html"):
        write_page(make(30), folder)
    assert [*tmp_path.iterdir()] == [folder]
    with pytest.raises(UnicodeError):
        write_page(make(30, warnings=["half of a character: \ud800"]), tmp_path / "other.html")
    assert [*tmp_path.iterdir()] == [folder]


def test_the_table_needs_nothing_that_only_the_page_needs() -> None:
    program = (
        "import sys; sys.modules['matplotlib'] = None; import aligntax.report.experiment as report\n"
        "print('jinja2' in sys.modules)\n"
        "try: report.write_page({}, 'page.html')\n"
        "except ModuleNotFoundError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines() == [
        "False",
        "the page needs matplotlib, which is not installed; run: pip install 'aligntax[bench]'",
    ]


@pytest.mark.parametrize("file", ["guidellm-0.8.1.json.gz", "profile_export_aiperf.json.gz"])
def test_a_load_that_another_program_measured(page: Any, make: MakeResult, tmp_path: Path, file: str) -> None:
    data = Path(__file__).parents[2] / "experiment" / "load" / "data"
    with TemporaryDirectory() as folder:
        for name in ("guidellm-0.8.1.json", "profile_export.jsonl", "profile_export_aiperf.json"):
            Path(folder, name).write_bytes(gzip.decompress((data / f"{name}.gz").read_bytes()))
        run = read_foreign(Path(folder, file.removesuffix(".gz")))[0]
    found = load_of({"raw": run, "guarded": run})
    said = words(page(make(30, load=found)))
    assert f"Measured by {run.program}." in said
    assert "difference of medians, n =" in said
    assert "scheduled, without guards" in said
