"""The cost of a result of `aligntax bench`: sums over what was useful, intervals that cover, absent sensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.experiment.results import make_result
from tests.inference.simulations import covered
from tests.taxes.one_command import figures, reasons, refused, run

from aligntax.experiment.result import write_json
from aligntax.taxes.cost import Prices, cost_of
from aligntax.taxes.cost.resource import per_useful_request
from aligntax.taxes.record import TaxRecord, TaxVerdict

N = 60


@pytest.fixture
def result(tmp_path: Path) -> Path:
    return saved(tmp_path, made())


def made(**overrides: Any) -> dict[str, Any]:
    generator = np.random.default_rng(7)
    raw = generator.normal(0.100, 0.005, N)
    cpu = {"raw": raw / 2, "guarded": raw / 2 + 0.004}
    return make_result(raw, raw + 0.010, cpu_seconds=cpu, **overrides)


def saved(folder: Path, data: dict[str, Any], name: str = "result.json") -> Path:
    write_json(folder / name, data)
    return folder / name


def told(path: Path, **prices: Any) -> TaxRecord:
    slo = prices.pop("slo_seconds", None)
    return cost_of(path, Prices(**prices), slo_seconds=slo)


def test_cpu_and_money(result: Path) -> None:
    record = told(result, per_hour=3.6, nodes=2, tokens_per_request=200.0)
    found = figures(record)
    assert record.figures[0].name == "currency.request"
    cpu, money = found["cpu_seconds.request"], found["currency.request"]
    assert cpu.absolute.value == pytest.approx(0.004)
    assert cpu.unit == "CPU-seconds per useful request"
    assert cpu.relative.value == pytest.approx(0.004 / cpu.raw)
    assert cpu.more["guarded"] == pytest.approx(cpu.raw + 0.004)
    assert cpu.n == N
    assert money.absolute.value == pytest.approx(0.010 * 2 * 3.6 / 3600)
    assert money.unit == "USD per useful request"
    assert money.verdict is TaxVerdict.TAX
    assert "measured" in money.marks


def test_price_per_million_tokens(result: Path) -> None:
    # As TAX.md has it: price per hour * node-hours / useful tokens * 1e6.
    seconds = sum(made()["samples"]["seconds"]["guarded"])
    found = figures(told(result, per_hour=4.10, tokens_per_request=250.0))["currency.million_tokens"]
    assert found.more["guarded"] == pytest.approx(4.10 * (seconds / 3600) / (N * 250) * 1e6)
    assert found.unit == "USD per million useful tokens"


def test_what_useless_requests_took_is_paid_for(tmp_path: Path) -> None:
    blocked = [("blocked_input", "allowed", "modified")[index % 3] for index in range(N)]  # modified ones are answered
    found = figures(told(saved(tmp_path, made(outcomes=blocked))))["cpu_seconds.request"]
    samples = made()["samples"]["cpu_seconds"]
    assert found.more["guarded"] == pytest.approx(sum(samples["guarded"]) / (N * 2 / 3))
    assert found.raw == pytest.approx(sum(samples["raw"]) / N)
    assert found.n == N * 2 / 3


def test_a_service_level_makes_late_ones_useless(result: Path) -> None:
    seconds = made()["samples"]["seconds"]
    limit = float(np.median(seconds["guarded"]))
    found = figures(told(result, slo_seconds=limit))["cpu_seconds.request"]
    assert found.n == N / 2
    in_time = sum(value <= limit for value in seconds["raw"])
    assert found.raw == pytest.approx(sum(made()["samples"]["cpu_seconds"]["raw"]) / in_time)


def test_no_useful_request_at_all(result: Path) -> None:
    record = told(result, slo_seconds=1e-6, per_hour=1.0)
    assert not record.figures
    assert reasons(record) == {"all": "no_useful_request"}
    assert "within 1e-06 s" in record.refusals[0].message


def test_what_is_not_measured_is_absent_and_never_zero(tmp_path: Path) -> None:
    raw = np.full(10, 0.1)
    record = told(saved(tmp_path, make_result(raw, raw + 0.01)))
    assert not record.figures
    assert reasons(record) == {
        "currency": "no_price",
        "cpu_seconds": "not_measured",
        "gpu_seconds": "no_sensor",
        "joules": "no_sensor",
        "idle_joules": "no_idle_power",
    }


@pytest.mark.parametrize("estimated", [False, True])
def test_energy(tmp_path: Path, estimated: bool) -> None:
    energy = {"raw": 2.0, "guarded": 2.5, "source": ["rapl package-0"], "estimated": estimated}
    path = saved(tmp_path, made(compute={"energy_joules": energy}))
    record = told(path, idle_watts=10.0, nodes=2)
    found = figures(record)
    joules, idle = found["joules.request"], found["idle_joules.request"]
    assert joules.absolute == (0.5, None, None)
    assert joules.relative == (0.25, None, None)
    assert joules.marks == ("estimated" if estimated else "measured", "idle power included")
    assert joules.more["origins"] == ["rapl package-0"]
    assert idle.absolute.value == pytest.approx(0.010 * 10 * 2)
    assert idle.marks == ("estimated",)
    assert reasons(record) == {
        "currency": "no_price",
        "gpu_seconds": "no_sensor",
        "per_million_tokens": "no_tokens",
    }


def test_requests_that_ran_to_their_end_in_one_arm_alone(tmp_path: Path) -> None:
    blocked = ["blocked_input" if index % 2 else "allowed" for index in range(N)]
    data = made(outcomes=blocked, compute={"energy_joules": {"raw": 2.0, "guarded": 2.5}}, shares={"pii": np.ones(N)})
    data["samples"]["outcomes"]["raw"] = ["allowed" if index % 2 else "error" for index in range(N)]
    data["guards"][0]["gpu_seconds"] = 0.003
    whole = {**data, "compute": {**data["compute"], **gpu(0.02, 0.025)}}
    assert reasons(told(saved(tmp_path, whole, "whole.json")))["gpu_seconds"] == "no_useful_request"
    told_reasons = reasons(told(saved(tmp_path, data)))
    assert (told_reasons["joules"], told_reasons["gpu_seconds"]) == ("no_useful_request", "no_useful_request")


def gpu(raw: float, guarded: float) -> dict[str, Any]:
    """Return the GPU time of a request in both arms, as a result holds it."""
    tax = {"value": guarded - raw, "low": guarded - raw - 0.001, "high": guarded - raw + 0.001}
    arms = {"raw": raw, "guarded": guarded}
    found = {arm: {"value": at, "low": at - 0.002, "high": at + 0.002} for arm, at in arms.items()}
    return {"gpu_seconds": {**found, "tax": tax}}


def test_gpu_time_of_requests_in_both_arms(tmp_path: Path) -> None:
    data = made(shares={"pii": np.full(N, 0.01)}, compute=gpu(0.02, 0.025))
    data["guards"][0]["gpu_seconds"] = 0.004  # what its calls had of it; the rest is the model's
    found = figures(told(saved(tmp_path, data), tokens_per_request=100.0))
    request = found["gpu_seconds.request"]
    assert request.title == "GPU time per useful request"
    assert request.absolute == pytest.approx((0.005, 0.004, 0.006))
    assert request.relative == (pytest.approx(0.25), None, None)
    assert (request.raw, request.more["guarded"]) == pytest.approx((0.02, 0.025))
    assert (request.verdict, request.n, request.marks) == (TaxVerdict.TAX, N, ("measured",))
    assert found["gpu_seconds.million_tokens"].absolute.value == pytest.approx(50)


def test_gpu_time_is_shared_among_those_in_time(tmp_path: Path) -> None:
    data = made(compute=gpu(0.02, 0.025))
    limit = float(np.median(data["samples"]["seconds"]["guarded"]))
    in_time = sum(value <= limit for value in data["samples"]["seconds"]["raw"]) / N
    found = figures(told(saved(tmp_path, data), slo_seconds=limit))["gpu_seconds.request"]
    assert found.raw == pytest.approx(0.02 / in_time)
    assert found.absolute == (pytest.approx(0.05 - 0.02 / in_time), None, None)


def test_a_gpu_that_only_guards_use_has_no_relative_figure(tmp_path: Path) -> None:
    found = figures(told(saved(tmp_path, made(compute=gpu(0.0, 0.003)))))["gpu_seconds.request"]
    assert (found.raw, found.relative) == (0.0, None)
    assert found.absolute.value == pytest.approx(0.003)


def test_gpu_time_of_guards_where_the_model_is_elsewhere(tmp_path: Path) -> None:
    data = made(shares={"pii": np.full(N, 0.01), "toxicity": np.zeros(N)})
    data["guards"][0]["gpu_seconds"] = 0.003
    data["guards"][1]["gpu_seconds"] = {"value": 0.002, "low": None, "high": None}
    found = figures(told(saved(tmp_path, data)))["gpu_seconds.request"]
    assert found.absolute.value == pytest.approx(0.005)
    assert found.raw is None
    assert found.relative is None
    assert "raw is not timed" in found.marks


def test_price_at_the_highest_rate(tmp_path: Path) -> None:
    def bracket(kept: float, failed: float) -> dict[str, Any]:
        return {"rate": {"value": kept, "low": kept, "high": failed}}

    load = {"throughput_tax": {"arms": {"raw": bracket(100, 105), "guarded": bracket(80, 84)}}}
    found = figures(told(saved(tmp_path, made(load=load)), per_hour=3600.0))["currency_at_capacity.request"]
    assert found.absolute.value == pytest.approx(1 / 80 - 1 / 100)
    assert found.absolute.low == pytest.approx(1 / 84 - 1 / 100)
    assert found.absolute.high == pytest.approx(1 / 80 - 1 / 105)
    assert found.relative.value == pytest.approx(0.25)


def test_identical_arms_cost_nothing_more(tmp_path: Path) -> None:
    raw = np.random.default_rng(1).normal(0.1, 0.01, N)
    path = saved(tmp_path, make_result(raw, raw, cpu_seconds={"raw": raw, "guarded": raw}))
    for figure in told(path, per_hour=1.0).figures:
        assert figure.absolute == (0, 0, 0)
        assert figure.relative == (0, 0, 0)


values = st.lists(st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)), min_size=10, max_size=30)


@settings(deadline=None, max_examples=25)
@given(values, st.floats(1e-3, 1e3))
def test_what_must_hold(pairs: list[tuple[float, float]], scale: float) -> None:
    raw, guarded = (np.array(column) for column in zip(*pairs, strict=True))
    useful, prompts = np.ones(len(raw)), np.arange(len(raw)) // 2
    base, tax, relative = per_useful_request(raw, useful, guarded, useful, prompts, resamples=99)
    _, back, _ = per_useful_request(guarded, useful, raw, useful, prompts, resamples=99)
    assert base == pytest.approx(raw.mean())
    assert tax.value == pytest.approx(guarded.mean() - raw.mean(), abs=1e-12)
    assert back == pytest.approx((-tax.value, -(tax.high or 0), -(tax.low or 0)), abs=1e-9)
    scaled_base, scaled, scaled_relative = per_useful_request(
        raw * scale, useful, guarded * scale, useful, prompts, resamples=99
    )
    assert scaled_base == pytest.approx(base * scale)
    assert scaled == pytest.approx(tuple((end or 0) * scale for end in tax), rel=1e-6, abs=1e-9 * scale)
    if relative is not None and scaled_relative is not None:
        assert scaled_relative == pytest.approx(relative, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("prompts", [30, 60])
def test_the_tax_covers_where_some_requests_are_useless(prompts: int) -> None:
    # Requests of a prompt are alike, and a prompt that is blocked is blocked in every round.
    rounds, blocked = 4, 0.2
    truth_raw, truth_guarded = 1.0, (1.0 + 0.3 * (1 - blocked)) / (1 - blocked)

    def intervals(generator: np.random.Generator) -> tuple[bool, bool]:
        names = np.repeat(np.arange(prompts), rounds)
        length = generator.gamma(25, 1 / 25, prompts)[names]
        useful = (generator.random(prompts) >= blocked)[names].astype(float)
        raw = length * generator.normal(1, 0.1, len(names))
        guarded = length * generator.normal(1, 0.1, len(names)) + 0.3 * useful
        _, tax, relative = per_useful_request(raw, np.ones(len(raw)), guarded, useful, names, resamples=199)
        assert relative is not None
        return tax.covers(truth_guarded - truth_raw), relative.covers(truth_guarded / truth_raw - 1)

    assert 0.92 <= covered(lambda g: intervals(g)[0], seed=prompts, experiments=400) <= 0.98
    assert 0.92 <= covered(lambda g: intervals(g)[1], seed=prompts, experiments=400) <= 0.98


@pytest.mark.parametrize("prompts", [1, 4])
def test_few_prompts_have_no_interval(prompts: int, tmp_path: Path) -> None:
    raw = np.array([0.1, 0.11, 0.12, 0.13])
    path = saved(tmp_path, make_result(raw, raw + 0.01, prompts=prompts))
    found = figures(told(path, per_hour=3600.0))["currency.request"]
    assert found.absolute == (pytest.approx(0.01), None, None)
    assert found.verdict is None


@pytest.mark.parametrize(
    ("prices", "message"),
    [
        ({"per_hour": -1.0}, "--price-per-hour -1: must be a number from 0 to 1e.15"),
        ({"per_hour": float("nan")}, "--price-per-hour nan: must be a number"),
        ({"tokens_per_request": 0.0}, "--tokens-per-request 0: must be a number from 1e-09"),
        ({"nodes": 0.0}, "--nodes 0: must be a number from 1e-09"),
        ({"idle_watts": float("inf")}, "--idle-watts inf: must be a number from 0"),
        ({"slo_seconds": 0.0}, "--slo 0s: must be above 0"),
        ({"currency": ""}, "--currency '': is no name of a currency; write e.g. USD or EUR"),
        ({"currency": " "}, "--currency ' ': is no name of a currency"),
        ({"currency": "U\nD"}, "is no name of a currency"),
        ({"node_hours": 3.0}, "is a result, and --node-hours is for metrics; leave it out, or give --nodes"),
    ],
)
def test_what_is_no_price(result: Path, prices: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        told(result, **prices)


def test_the_command(result: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "cost.json"
    ended = run(capfd, "cost", result, "--price-per-hour", 4.1, "--currency", "EUR", "--slo", "500ms", "--json", out)
    assert ended.code == 0, ended.err
    assert "Price per useful request, EUR" in ended.out
    assert "no_idle_power" in ended.out
    assert out.exists()


def test_the_command_sets_raw_against_guarded(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    raw = np.full(N, 0.1)
    data = make_result(raw, raw * 1.25, cpu_seconds={"raw": raw * 0.4, "guarded": raw * 0.5}, shares={"pii": raw / 4})
    data["guards"][0]["gpu_seconds"] = 0.003
    ended = run(capfd, "cost", saved(tmp_path, data), "--tokens-per-request", 100)

    def cells(start: str) -> list[str]:
        line = next(line for line in ended.out.splitlines() if line.startswith(start))
        return line.rpartition("measured")[2].partition(")")[2].split()[:3]

    assert "tax / raw" in ended.out
    assert cells("CPU time per useful request, CPU-seconds (") == ["0.0400", "0.0500", "+0.0100"]
    assert cells("CPU time per million useful tokens, CPU-seconds (") == ["400", "500", "+100"]
    assert cells("GPU time of guards per useful request, GPU-seconds (") == ["-", "-", "+0.00300"]


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        ("", (), "is empty; name a result"),
        ("{}", (), "is JSON, but no result"),
        ('{"schema"', (), "is no JSON"),
        (None, (), "cannot be read (No such file or directory)"),
        ("{}", ("--slo", "soon"), "'soon' is no duration; write it like 500ms, 2s or 80us"),
        ("{}", ("--since", "{path}"), "is a result, and --since is for metrics"),
    ],
)
def test_bad_files(
    content: str | None, arguments: tuple[str, ...], message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "given"
    if content is not None:
        path.write_text(content)
    refused(run(capfd, "cost", path, *(each.format(path=path) for each in arguments)), message)


def test_what_is_read_is_not_written_over(result: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = result.read_bytes()
    refused(run(capfd, "cost", result, "--json", result), f"--json {result}: it is read; name another file")
    assert result.read_bytes() == before


def test_samples_that_are_none(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = made()
    data["samples"]["cpu_seconds"] = 5
    refused(run(capfd, "cost", saved(tmp_path, data)), "are no columns by arm")


def test_a_result_without_samples_of_both_arms(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = made()
    del data["samples"]["outcomes"]["raw"]
    refused(run(capfd, "cost", saved(tmp_path, data)), "samples lack 'raw'; write the result anew")


@pytest.mark.parametrize(
    "compute",
    [
        {"energy_joules": {"raw": "much", "guarded": 1.0}},
        {"energy_joules": {"raw": [1.0], "guarded": 1.0}},
        {"energy_joules": 5},
    ],
)
def test_a_result_that_is_not_whole(compute: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = saved(tmp_path, made(compute=compute))
    refused(run(capfd, "cost", path), f"{path}: ")
