"""The ledger of hours: ranges in, ranges out, and nothing made up."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.taxes.one_command import figures, reasons, refused, run

from aligntax.taxes.development import development_tax
from aligntax.taxes.development import hours as module
from aligntax.taxes.development.hours import Entry, Hours, read_hours
from aligntax.taxes.ranges import Range

LEDGER = """
currency = "EUR"
rate_per_hour = 100
window_months = 12
requests_per_month = 1_000_000
[[hours]]
what = "first version"
once = 60
[[hours]]
what = "reviews"
per_month = [2, 4]
rate_per_hour = [80, 120]
"""


def ledger(folder: Path, text: str = LEDGER) -> Path:
    path = folder / "hours.toml"
    path.write_text(text)
    return path


def test_hours_times_rate_over_requests(tmp_path: Path) -> None:
    found = figures(development_tax(ledger=ledger(tmp_path)))
    assert found["ledger.hours"].absolute == (60 + 36, 60 + 24, 60 + 48)
    assert found["ledger.window"].absolute == (6000 + 3600, 6000 + 24 * 80, 6000 + 48 * 120)
    assert found["ledger.request"].absolute == pytest.approx(
        (9600 / 12e6, (6000 + 24 * 80) / 12e6, (6000 + 48 * 120) / 12e6)
    )
    assert found["ledger.million_requests"].absolute.value == pytest.approx(800)
    assert found["ledger.million_requests"].unit == "EUR per million requests"
    assert "bounds of the ledger's ranges, no confidence interval" in found["ledger.request"].marks


def test_a_longer_window_makes_what_is_done_once_cheaper(tmp_path: Path) -> None:
    text = (
        LEDGER.replace("window_months = 12", "window_months = [6, 24]")
        .replace("[2, 4]", "2")
        .replace("[80, 120]", "100")
    )
    found = figures(development_tax(ledger=ledger(tmp_path, text)))["ledger.request"].absolute
    assert found == pytest.approx(((6000 / 15 + 200) / 1e6, (6000 / 24 + 200) / 1e6, (6000 / 6 + 200) / 1e6))


@pytest.mark.parametrize("missing", ["window_months", "requests_per_month", "rate_per_hour"])
def test_what_is_missing_is_named(missing: str, tmp_path: Path) -> None:
    text = "\n".join(line for line in LEDGER.splitlines() if not line.startswith(missing))
    record = development_tax(ledger=ledger(tmp_path, text))
    assert "ledger.request" not in figures(record)
    assert reasons(record) == {"ledger.request": f"no_{missing}"}
    assert f"{missing} is missing" in record.refusals[0].message


def test_hours_are_never_inferred(tmp_path: Path) -> None:
    config = tmp_path / "guards.toml"
    config.write_text('[[guards]]\nuse = "tests.taxes.development.guards_of_tests:shorten"\nstage = "input"\n')
    with pytest.raises(ValueError, match="give --ledger, --bench, --guards, or several"):
        development_tax()


ranges = st.tuples(st.floats(0.1, 100), st.floats(1, 5)).map(lambda pair: Range(pair[0], pair[0] * pair[1]))


@given(st.lists(st.tuples(ranges, ranges, ranges), min_size=1, max_size=5), ranges, ranges, st.floats(0.1, 10))
def test_what_must_hold(
    entries: list[tuple[Range, Range, Range]], window: Range, requests: Range, scale: float
) -> None:
    def made(factor: float) -> Hours:
        listed = (Entry("", *each[:2], Range(each[2].low * factor, each[2].high * factor)) for each in entries)
        return Hours("USD", tuple(listed), window, requests)

    value, low, high = made(1.0).cost_per_request() or (0, 0, 0)
    assert low is not None
    assert high is not None
    assert 0 < low <= value <= high
    assert made(scale).cost_per_request() == pytest.approx((value * scale, low * scale, high * scale))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("currency = ''\n[[hours]]\nonce = 1", "currency='' is no short text"),
        ("currency = 'EUR'", "0 entries of hours; write [[hours]] before each"),
        ("hours = 5", "hours is no list of tables; write [[hours]] before each"),
        ("[[hours]]\nwhat = 'a'", "[[hours]] number 1: has no hours; write once = ..., per_month = ..., or both"),
        ("[[hours]]\nonce = -1", "[[hours]] number 1: once=-1 must be 0 or more"),
        ("[[hours]]\nonce = 1\n[[hours]]\nonce = 'x'", "[[hours]] number 2: once='x' is no number"),
        ("[[hours]]\nlines = 500", "the key 'lines' is unknown; use any of once, per_month, rate_per_hour, what"),
        ("window_months = 0\n[[hours]]\nonce = 1", "window_months=0 must be above 0"),
        ("rate_per_hour = [9, 3]\n[[hours]]\nonce = 1", "rate_per_hour=[9, 3] has its ends in the wrong order"),
    ],
)
def test_bad_ledgers(text: str, message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = ledger(tmp_path, text)
    refused(run(capfd, "development", "--ledger", path), message)


def test_the_documented_example_is_read(tmp_path: Path) -> None:
    found = read_hours(ledger(tmp_path, dedent(str(module.__doc__).split("::\n\n")[1])))
    assert len(found.entries) == 2
    assert not found.missing


def test_the_command(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "development.json"
    ended = run(capfd, "development", "--ledger", ledger(tmp_path), "--json", out)
    assert ended.code == 0, ended.err
    assert "EUR per million requests" in ended.out
    assert out.exists()


def test_what_is_read_is_not_written_over(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = ledger(tmp_path)
    before = path.read_bytes()
    refused(
        run(capfd, "development", "--ledger", path, "--json", path), f"--json {path}: it is read; name another file"
    )
    assert path.read_bytes() == before
