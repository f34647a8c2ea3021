"""The command: what it prints and writes, and which inputs it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.taxes.debt.inputs import cost_record, written
from tests.taxes.one_command import figures, refused, run

from aligntax.inference import Estimate
from aligntax.taxes.debt import debt_tax


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"single_loss": '"much"'}, "single_loss='much' is no number; write single_loss = 5, or single_loss = [2, 10]"),
        ({"single_loss": "nan"}, "single_loss=nan is no number"),
        ({"single_loss": "inf"}, "single_loss=inf must be 0 or more, and at most 1e+15"),
        ({"single_loss": "1" + "0" * 400}, "must be 0 or more, and at most 1e+15"),
        ({"requests_per_year": "0"}, "requests_per_year=0 must be above 0"),
        ({"single_loss": "[5, 2]"}, "single_loss=[5, 2] has its ends in the wrong order"),
        ({"single_loss": "[1, 1e9]"}, "single_loss=[1.0, 1000000000.0] spans more than a factor of 1e+06"),
        ({"single_loss": "-5"}, "single_loss=-5 must be 0 or more"),
        ({"single_loss": "[1, 2, 3]"}, "single_loss=[1, 2, 3] is no number"),
        ({"loss": "5"}, "the key 'loss' is unknown; use any of attacks, control_cost_per_year, currency"),
        ({"years": "0"}, "years=0 is no count; write a whole number from 1 on"),
        ({"years": "200"}, "years=200 is more than 50"),
        ({"years": "2.5"}, "years=2.5 is no count"),
        ({"discount_rate": "8"}, "discount_rate=8 must be 0 or more, and at most 1"),
        ({"discount_rate": "[0.02, 0.08]"}, "discount_rate=[0.02, 0.08] is a range; choose one number"),
        ({"currency": "5"}, "currency=5 is no short text"),
        ({"currency": '" "'}, "currency=' ' is no short text; write it in quotes, on one line"),
        ({"attacks": "5"}, "[attacks]: is no table"),
        ({"attacks": "{ count = 3 }"}, "[attacks] needs count and requests, or share alone"),
        ({"attacks": "{ count = 3, requests = 9, share = 0.3 }"}, "[attacks] needs count and requests, or share alone"),
        ({"attacks": "{ count = 30, requests = 9 }"}, "[attacks] count=30 is more than requests=9"),
        ({"attacks": "{ share = 1.5 }"}, "share=1.5 must be 0 or more, and at most 1"),
        ({"success_with": "{ count = true, of = 9 }"}, "count=True is no count"),
        ({"incidents_with": "{ count = 3 }"}, "[incidents_with] needs count, and the years that it was counted in"),
        ({"incidents_with": "{ count = 3, years = 0 }"}, "years=0 must be above 0"),
    ],
)
def test_bad_inputs(changes: dict[str, str], message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, **changes)
    refused(run(capfd, "debt", path), message)
    assert str(path) in run(capfd, "debt", path).err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b"single_loss = ", "no TOML"),
        (b"\xff\xfe", "no TOML"),
        (b"#" * (2**20 + 1), "more than 1 MiB"),
    ],
)
def test_bad_files(content: bytes | None, message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "debt.toml"
    if content is not None:
        path.write_bytes(content)
    refused(run(capfd, "debt", path), message)


def test_the_command(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path, out = written(tmp_path, single_loss="[5e3, 2e4]"), tmp_path / "debt.json"
    ended = run(capfd, "debt", path, "--tax", cost_record(tmp_path, Estimate(0.01)), "--json", out)
    assert ended.code == 0, ended.err
    assert "Interest of going without guards" in ended.out
    assert out.exists()
    refused(run(capfd, "debt", path, "--figure", "currency.request"), "names a figure of --tax, which is missing")


def test_what_is_read_is_not_written_over(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path, tax = written(tmp_path), cost_record(tmp_path, Estimate(0.01))
    for each in (path, tax):
        before = each.read_bytes()
        ended = run(capfd, "debt", path, "--tax", tax, "--json", each)
        refused(ended, f"--json {each}: it is read; name another file")
        assert each.read_bytes() == before


def test_the_command_without_a_loss(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ended = run(capfd, "debt", written(tmp_path, single_loss=None))
    assert ended.code == 0
    assert "no_single_loss" in ended.out
    assert "single_loss is missing" in ended.out
    assert "USD" not in ended.out


def test_the_documented_example_is_read(tmp_path: Path) -> None:
    from textwrap import dedent

    from aligntax.taxes.debt import inputs as module

    first, second = (part.split("\n\nInstead")[0] for part in str(module.__doc__).split("::\n\n")[1:])
    for number, text in enumerate((first, second)):
        path = tmp_path / f"{number}.toml"
        path.write_text(dedent(text))
        found: Any = debt_tax(path)
        assert figures(found)["incidents.with"].absolute.value > 0
    assert "interest.year" in figures(debt_tax(tmp_path / "0.toml"))
