"""The tables in the terminal: right numbers in the right lines, at every width, also where parts are missing."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from aligntax.figures import duration
from aligntax.report.experiment import ExperimentTable

from ...experiment.results import make_result
from .conftest import HOSTILE, MakeResult


def render(result: dict[str, Any], width: int = 160) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=True, highlight=False)
    console.print(ExperimentTable(result))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def cells(lines: list[str], name: str) -> list[str]:
    """Return what stands in the only line that begins with `name`, split at gaps of two spaces and more."""
    (line,) = [line for line in lines if line.startswith(f"{name} ")]
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


@pytest.fixture(scope="module")
def even() -> dict[str, Any]:
    """A result whose numbers are known: requests of 100 ms, and guards of 4 and 1 ms."""
    raw = [0.1] * 60
    shares = {"pii": [0.004] * 60, "[red]check[/]": [0.001] * 60}
    return make_result(raw, [0.105] * 60, raw, shares, stages={"[red]check[/]": "output"})


def test_the_headline_has_the_absolute_and_the_relative_tax_with_intervals(even: dict[str, Any]) -> None:
    lines = render(even)
    assert lines[0] == (
        "Alignment tax: +5.00 ms (+5.00 to +5.00 ms) a request, +5.00 % (+5.00 to +5.00 %) of raw; 60 pairs"
    )
    assert lines[1] == "The guards add 5.00 ms to a typical request and make requests 5.00 % slower overall."
    assert (
        lines[2]
        == "Noise: two identical arms without guards (A/A) differed by 0 s (0 to 0 s), 0.00 % (0.00 to 0.00 %)."
    )


def test_each_guard_has_its_line_and_names_are_no_markup(even: dict[str, Any]) -> None:
    lines = render(even)
    assert cells(lines, "pii") == [
        *("pii", "4.00 ms", "4.00 ms", "4.00 ms", "+4.00 ms", "+4.00 to +4.00 ms", "80.0 %", "above"),
        *("input", "60", "60 allow"),
    ]
    assert cells(lines, "[red]check[/]")[4:8] == ["+1.00 ms", "+1.00 to +1.00 ms", "20.0 %", "above"]
    assert cells(lines, "all guards") == ["all guards", "+5.00 ms", "+5.00 to +5.00 ms"]
    assert lines.index(next(line for line in lines if line.startswith("pii"))) < lines.index(
        next(line for line in lines if line.startswith("[red]"))
    )


def test_quantiles_are_printed_where_there_are_enough_values(even: dict[str, Any]) -> None:
    lines = render(even)
    assert cells(lines, "without guards")[1:] == [
        *["100 ms (100 to 100 ms)"] * 3,
        *("n too small", "100 ms", "60"),
    ]
    assert cells(lines, "with guards")[1] == "105 ms (105 to 105 ms)"


def test_contention_compute_cold_start_and_warnings_are_told(whole: dict[str, Any]) -> None:
    lines = render(whole)
    text = " ".join(lines)
    assert "Contention: The measured tax is +" in text
    assert cells(lines, "memory, peak of Python's heap")[1:3] == [
        "50.8 KiB (49.8 to 51.8 KiB)",
        "2.86 MiB (2.77 to 2.96 MiB)",
    ]
    assert cells(lines, "energy (rapl package-0, measured)")[1:3] == ["1.5 J", "1.9 J"]
    assert cells(lines, "cold start, first request")[1:] == ["30.0 ms", "90.0 ms", "-"]
    assert "Warning: 400 pairs from 20 prompts" in lines
    assert "The tax against the noise: stands out from the noise." in lines


def test_a_load_is_told(whole: dict[str, Any], loaded: dict[str, Any]) -> None:
    lines = render(whole, 400)
    text = " ".join(lines)
    assert "Under load: 60 requests a second arrive at random" in text
    assert "Tax under load: +" in text
    assert "Throughput tax: " in text
    assert "p50<=30ms" in text
    assert cells(lines, "under load")[1:] == ["without guards", "with guards"]
    assert cells(lines, "goodput")[1].endswith("/s)")
    assert len(cells(lines, "due")) == len(cells(lines, "answered")) == len(cells(lines, "time, p50")) == 3
    for warning in loaded["warnings"]:
        assert f"Warning: {warning}" in text
    assert "under load" not in " ".join(render({**whole, "load": None}))


def test_a_search_that_ended_at_a_bound_says_so_and_what_it_had_seen(
    whole: dict[str, Any], loaded: dict[str, Any]
) -> None:
    ended = "load: the search for the highest rate ended early"
    found = {**loaded["throughput_tax"], "stopped": "budget", "absolute": None, "relative": None}
    for raw, guarded, said in (
        ((40.0, None), (None, None), "at least 40/s without guards, unknown with them"),
        ((40.0, 80.0), (None, 20.0), "40/s to 80/s without guards, less than 20/s with them"),
    ):
        ends = {
            name: {"rate": None, "highest_kept": kept, "lowest_failed": failed, "trials": []}
            for name, (kept, failed) in (("raw", raw), ("guarded", guarded))
        }
        lines = render({**whole, "load": {**loaded, "throughput_tax": {**found, "arms": ends}, "warnings": [ended]}})
        assert f"Warning: {ended}" in lines
        assert f"Throughput tax: -; not both of the highest rates were found: {said}; p50<=30ms" in " ".join(lines)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 160, 240])
def test_no_line_is_wider_than_the_terminal(whole: dict[str, Any], width: int) -> None:
    assert max(map(cell_len, render(whole, width))) <= width


@pytest.mark.parametrize("width", [80, 100, 160])
def test_no_share_is_cut_off_at_common_widths(whole: dict[str, Any], width: int) -> None:
    text = "\n".join(render(whole, width))
    for guard in whole["guards"]:
        assert duration(guard["share_seconds"]["value"], signed=True) in text
    assert HOSTILE[:8] in text


def test_a_bonus_is_negative_and_shown(make: MakeResult) -> None:
    lines = render(make(cost=-0.2))
    assert lines[0].startswith("Alignment tax: -")
    assert lines[1].startswith("The guards take ")
    assert "faster overall" in lines[1]


def test_with_few_pairs_it_says_so(make: MakeResult) -> None:
    lines = render(make(3))
    assert "(n too small)" in lines[0]
    assert lines[1].startswith("Too few requests to tell what the guards cost: ")


def test_where_all_were_blocked_it_says_so() -> None:
    result = make_result([0.1] * 9, [0.01] * 9, [0.1] * 9, outcomes=["blocked_input"] * 9)
    lines = render(result)
    assert lines[0] == "Alignment tax: unknown, no pair of requests ran to its end"
    assert "Requests with guards: 9 blocked input." in lines


def test_what_was_not_measured_is_left_out(make: MakeResult) -> None:
    needed = ("schema", "target", "environment", "design", "samples", "tax", "guards")
    result = {name: part for name, part in make(30).items() if name in needed}
    text = "\n".join(render({**result, "design": {}, "environment": {}, "target": {}, "guards": []}))
    assert "Alignment tax: +" in text
    assert "No A/A comparison was made" in text
    for missing in ("guard ", "p50", "CPU", "Contention", "Requests with guards", "Warning"):
        assert missing not in text


def test_an_interrupted_experiment_says_so(make: MakeResult) -> None:
    assert any("was interrupted" in line for line in render(make(30, design={"stopped": "interrupted"})))
