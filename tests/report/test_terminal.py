"""The table in the terminal: right numbers in the right lines, at every width."""

from __future__ import annotations

import copy
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from aligntax import Profiler, Report
from aligntax.report.terminal import TerminalReport
from aligntax.testing import FakeClock


def render(report: Report, width: int = 140, **console: Any) -> list[str]:
    console = {"file": io.StringIO(), "width": width, **console}
    output = Console(**console)
    output.print(TerminalReport(report))
    return str(output.file.getvalue()).splitlines()  # type: ignore[attr-defined]


def cells(lines: list[str], name: str) -> list[str]:
    """Return what stands in the only line that begins with `name`, split at gaps of two spaces and more."""
    (line,) = [line for line in lines if line.startswith(name)]
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def changed(report: Report, change: Callable[[dict[str, Any]], None]) -> Report:
    data = copy.deepcopy(report.to_dict())
    change(data)
    return Report(data)


def test_the_headline_is_one_line_with_the_absolute_and_the_relative_tax(report: Report) -> None:
    assert render(report, 80)[0] == "Alignment tax: +5.00 ms a request, +4.90 % of 102 ms raw (mean of 60)"


def test_each_layer_has_its_line_and_names_are_no_markup(report: Report) -> None:
    lines = render(report)
    assert cells(lines, "redact")[:3] == ["redact", "input", "60"]
    assert cells(lines, "redact")[5:] == ["n too small", "+2.00 ms", "40.0 %", "█" * 9 + "▋", "2.00 ms", "60 modify"]
    assert cells(lines, "model")[:3] == ["model", "model", "60"]
    assert cells(lines, "model")[5:] == ["n too small", "-", "-", "100 ms", "-"]
    assert cells(lines, "[red]check[/]")[6:8] == ["+3.00 ms", "60.0 %"]
    assert cells(lines, "all guards") == ["all guards", "+5.00 ms", "100.0 %"]


def test_the_request_has_its_lines(report: Report) -> None:
    lines = render(report)
    assert cells(lines, "guarded")[-1] == "107 ms"
    assert cells(lines, "raw")[-1] == "102 ms"
    assert cells(lines, "tax  ")[-1] == "+5.00 ms"
    assert cells(lines, "tax / raw")[-1] == "+4.90 %"
    assert cells(lines, "unattributed")[-1] == "2.00 ms"
    assert "Requests: 60 modified; the tax covers 60 of them." in lines
    assert "All time: 6.42 s = model 6.00 s + guards 300 ms + unattributed 120 ms." in lines


@pytest.mark.parametrize("requests", [1, 60, 300])
def test_quantiles_are_printed_where_there_are_enough_values(
    make_report: Callable[[int], Report], requests: int
) -> None:
    p50, p90, p99 = cells(render(make_report(requests)), "model")[3:6]
    assert (p50 == "n too small") == (requests < 6)
    assert (p90 == "n too small") == (requests < 29)
    assert (p99 == "n too small") == (requests < 299)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_no_line_is_wider_than_the_terminal(report: Report, width: int) -> None:
    assert max(map(cell_len, render(report, width))) <= width


@pytest.mark.parametrize("width", [80, 120, 200])
def test_no_number_is_cut_off_at_common_widths(report: Report, width: int) -> None:
    text = "\n".join(render(report, width))
    assert "…" not in text
    assert text.count("+2.00 ms") == len(re.findall(r"\b60 modify\b", text)) == 1


def test_a_narrow_terminal_gets_two_tables_and_a_wide_one_longer_bars(report: Report) -> None:
    def headings(lines: list[str]) -> int:
        return sum(line.startswith("layer ") for line in lines)

    assert headings(render(report, 80)) == 2
    assert headings(render(report, 120)) == 1
    longest = [max(line.count("█") for line in render(report, width)) for width in (80, 120, 200)]
    assert longest[1] <= longest[0] <= longest[2]


def test_there_is_colour_in_a_terminal_only(report: Report) -> None:
    assert not any("\x1b" in line for line in render(report))
    assert any("\x1b[31m" in line for line in render(report, force_terminal=True, color_system="standard"))


def test_a_console_without_unicode_gets_none(report: Report) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    Console(file=stream, width=120).print(TerminalReport(report))
    stream.flush()
    assert b"#####" in stream.buffer.getvalue()


def test_before_any_request_there_are_no_numbers_and_no_failure() -> None:
    profiler = Profiler(drain_seconds=0, clock=FakeClock())
    profiler.guard(len, name="length")
    for width in (40, 120):
        lines = render(profiler.report(), width)
        assert lines[0].startswith("Alignment tax: unknown")
        assert any("nothing dropped" in " ".join(lines[i : i + 2]) for i in range(len(lines)))
    assert cells(render(profiler.report()), "all guards")[1:] == ["-", "-"]


def test_a_bonus_is_shown_with_its_sign(report: Report) -> None:
    def negate(data: dict[str, Any]) -> None:
        data["request"]["tax_seconds"]["mean"] = -0.001
        data["request"]["tax_ratio"]["of_sums"] = -0.01
        data["layers"][0]["tax_seconds"]["sum"] *= -1

    lines = render(changed(report, negate))
    assert lines[0].startswith("Alignment tax: -1.00 ms a request, -1.00 % of")
    assert "-2.00 ms" in cells(lines, "redact")


def test_losses_errors_discarded_time_and_energy_are_told(report: Report) -> None:
    def add(data: dict[str, Any]) -> None:
        data["self"]["dropped_by_reason"] = {"queue_full": 3, "orphan_span": 1}
        data["self"]["seconds_per_span"] = 4.2e-7
        data["layers"][0]["errors"] = {"TimeoutError": 2}
        data["layers"][1]["errors"] = {"ValueError": 1}
        data["discarded_model_seconds"] = {"redact": 0.25}
        data["devices"] = [
            {"metric": "energy_joules", "device": "gpu0", "source": "nvml", "value": 1234.56, "estimated": True},
            {"metric": "memory_bytes", "device": "gpu0", "source": "nvml", "value": 1.0, "estimated": False},
        ]

    lines = render(changed(report, add))
    assert any(line.endswith("3 queue full, 1 orphan span dropped.") for line in lines)
    assert any(line.startswith("Instrument: 420 ns a span (mean of 180), 180 spans recorded") for line in lines)
    assert cells(lines, "redact")[-1] == "60 modify (2 TimeoutError)"
    assert cells(lines, "model")[-1] == "(1 ValueError)"
    assert "Model time thrown away: 250 ms by redact." in lines
    assert "Energy: 1,234.6 J gpu0 (nvml, estimated)." in lines


REFUND = {
    "before": "old guards",
    "after": "new ones",
    "pairs": 60,
    "guards": [
        {
            "layer": "redact",
            "before_seconds": {"mean": 0.011, "median": 0.010},
            "after_seconds": {"mean": 0.003, "median": 0.002},
            "factor": 5.04,
            "factor_interval": [4.96, 5.12],
            "saved_seconds": 0.008,
            "saved_interval": [0.0075, 0.0085],
        },
        {
            "layer": "[red]check[/]",
            "before_seconds": {"mean": 0.0, "median": 0.0},
            "after_seconds": {"mean": 0.001, "median": 0.001},
            "factor": None,
            "factor_interval": None,
            "saved_seconds": -0.001,
            "saved_interval": "n too small",
        },
    ],
    "all_guards": {
        "before_seconds": {"mean": 0.011, "median": 0.010},
        "after_seconds": {"mean": 0.004, "median": 0.003},
        "factor": 123.4,
        "factor_interval": [100.2, 150.0],
        "saved_seconds": 0.007,
        "saved_interval": [-0.0001, 0.0072],
    },
}


def with_refund(report: Report) -> Report:
    return changed(report, lambda data: data.update(refund=REFUND))


def test_a_refund_is_told_in_one_line_and_guard_by_guard(report: Report) -> None:
    lines = render(with_refund(report), 120)
    assert lines[1] == (
        "Refund: +10.0 ms a request behind old guards, +3.00 ms behind new ones, 123x (medians of 60 pairs)"
    )
    table = lines[next(index for index, line in enumerate(lines) if line.startswith("refund ")) :]
    assert cells(table, "redact") == [
        *("redact", "+10.0 ms", "+2.00 ms", "5.0x", "5.0x to 5.1x", "+8.00 ms", "7.50 ms to 8.50 ms")
    ]
    assert cells(table, "[red]check[/]") == ["[red]check[/]", "0 s", "+1.00 ms", "-", "-", "-1.00 ms", "n too small"]
    assert cells(table, "all guards")[-4:] == ["123x", "100x to 150x", "+7.00 ms", "-100 us to 7.20 ms"]
    assert not any(line.startswith(("refund", "Refund")) for line in render(report))


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_a_refund_fits_into_the_terminal(report: Report, width: int) -> None:
    lines = render(with_refund(report), width)
    assert max(map(cell_len, lines)) <= width
    if width >= 80:
        assert "…" not in "\n".join(lines)
        assert any(line.endswith("7.50 ms to 8.50 ms") for line in lines)


def test_a_refund_without_pairs_is_unknown(report: Report) -> None:
    nothing = dict.fromkeys(REFUND["all_guards"])  # type: ignore[call-overload]
    nothing |= {arm: {"mean": None, "median": None} for arm in ("before_seconds", "after_seconds")}
    empty = {**REFUND, "pairs": 0, "guards": [], "all_guards": nothing}
    lines = render(changed(report, lambda data: data.update(refund=empty)))
    assert lines[1] == "Refund: unknown, no request has run to its end yet"
    table = lines[next(index for index, line in enumerate(lines) if line.startswith("refund ")) :]
    assert cells(table, "all guards")[1:] == ["-"] * 6


def test_gpu_time_has_a_column_where_there_is_some(report: Report) -> None:
    def add(data: dict[str, Any]) -> None:
        data["layers"][1]["gpu_seconds_sum"] = 0.6

    assert not any("GPU" in line for line in render(report))
    lines = render(changed(report, add), 160)
    assert any("GPU/call" in line for line in lines)
    assert cells(lines, "model")[-2] == "10.0 ms"


def test_the_headline_without_raw_time_has_no_ratio(report: Report) -> None:
    def drop(data: dict[str, Any]) -> None:
        data["request"]["tax_ratio"]["of_sums"] = None
        data["request"]["raw_seconds"]["mean"] = 0.0

    assert render(changed(report, drop))[0] == "Alignment tax: +5.00 ms a request, 0 s raw (mean of 60)"
