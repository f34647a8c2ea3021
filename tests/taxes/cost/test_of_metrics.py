"""The cost of a deployment by its `/metrics`: what a real profiler exports, in both text formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.taxes.one_command import figures, reasons, refused, run

from aligntax import Profiler, Verdict
from aligntax.devices.sensor import Reading
from aligntax.experiment.result import read_json
from aligntax.exporters.exposition import Exposition
from aligntax.exporters.scrape import read_families
from aligntax.exporters.server import serve
from aligntax.taxes.cost import Prices, cost_of
from aligntax.taxes.record import TaxRecord
from aligntax.testing import FakeClock

MODEL_SECONDS, GUARD_SECONDS = 0.3, 0.1


class Meter:
    """A sensor whose counter a test sets."""

    failures = 0

    def __init__(self, *, estimated: bool = False, device: str = "package-0") -> None:
        self.joules = 0.0
        self.estimated = estimated
        self.device = device

    def read(self) -> list[Reading]:
        return [Reading("energy_joules", self.device, "rapl", self.joules, self.estimated)]


@pytest.fixture
def deployment(
    make_profiler: Callable[..., Profiler], clock: FakeClock, cpu_clock: FakeClock
) -> Callable[..., Profiler]:
    """Makes a profiler that has seen some requests: a guard of 0.1 s, and a model of 0.3 s."""
    layers: dict[str, Callable[..., object]] = {}

    def deployment(allowed: int, *, blocked: int = 0, profiler: Profiler | None = None, **settings: object) -> Profiler:
        made = profiler or make_profiler(cpu_share=1.0, **settings)

        def taking(seconds: float, verdict: Verdict | None = None) -> Verdict | None:
            for each in (clock, cpu_clock):
                each.advance(round(seconds * 1e9))
            return verdict

        if not layers:
            layers["model"] = made.model(taking, name="gpt2")
            layers["guard"] = made.guard(taking, name="pii", stage="output")
        for number in range(allowed + blocked):
            with made.request():
                layers["model"](MODEL_SECONDS)
                layers["guard"](GUARD_SECONDS, Verdict.ALLOW if number < allowed else Verdict.BLOCK)
        return made

    return deployment


def scraped(profiler: Profiler, path: Path, *, openmetrics: bool = False) -> Path:
    profiler.drain()
    path.write_bytes(Exposition(openmetrics=openmetrics).render(read_families(profiler)))
    return path


def told(path: Path, *, since: Path | None = None, slo_seconds: float | None = None, **prices: float) -> TaxRecord:
    return cost_of(path, Prices(**prices), since=since, slo_seconds=slo_seconds)  # type: ignore[arg-type]


@pytest.mark.parametrize("openmetrics", [False, True])
def test_a_real_scrape(deployment: Callable[..., Profiler], tmp_path: Path, openmetrics: bool) -> None:
    path = scraped(deployment(8, blocked=2), tmp_path / "now.prom", openmetrics=openmetrics)
    record = told(path, per_hour=4.0, node_hours=10.0, tokens_per_request=100.0)
    found = figures(record)
    cpu = found["cpu_seconds.request"]
    # Ten requests took it, and eight were useful.
    assert cpu.n == 8
    assert cpu.raw == pytest.approx(10 * MODEL_SECONDS / 8)
    assert cpu.absolute.value == pytest.approx(10 * GUARD_SECONDS / 8)
    assert cpu.relative.value == pytest.approx(GUARD_SECONDS / MODEL_SECONDS)
    money = found["currency.request"]
    assert money.more["guarded"] == pytest.approx(4.0 * 10 / 8)
    assert money.absolute.value == pytest.approx(4.0 * 10 / 8 * 0.25)
    assert "estimated" in money.marks
    assert found["currency.million_tokens"].more["guarded"] == pytest.approx(4.0 * 10 / (8 * 100) * 1e6)
    assert reasons(record) == {"gpu_seconds": "not_measured", "joules": "no_sensor", "idle_joules": "no_idle_power"}


def test_since_an_earlier_scrape(deployment: Callable[..., Profiler], tmp_path: Path) -> None:
    profiler = deployment(5)
    before = scraped(profiler, tmp_path / "before.prom")
    after = scraped(deployment(3, profiler=profiler), tmp_path / "after.prom")
    found = figures(told(after, since=before))["cpu_seconds.request"]
    assert found.n == 3
    assert found.absolute.value == pytest.approx(GUARD_SECONDS)
    with pytest.raises(ValueError, match=r"is less than in the earlier scrape: the program began anew in between"):
        told(before, since=after)


def test_nothing_happened_since(deployment: Callable[..., Profiler], tmp_path: Path) -> None:
    path = scraped(deployment(5), tmp_path / "now.prom")
    record = told(path, since=path)
    assert reasons(record) == {"all": "no_useful_request"}


def test_a_service_level_is_a_bound_of_a_bucket(deployment: Callable[..., Profiler], tmp_path: Path) -> None:
    path = scraped(deployment(4), tmp_path / "now.prom")
    assert figures(told(path, slo_seconds=0.5))["cpu_seconds.request"].n == 4
    assert reasons(told(path, slo_seconds=0.1)) == {"all": "no_useful_request"}
    with pytest.raises(ValueError, match=r"--slo 0.3 s: is no bound of a bucket; use one of 0.001s, .* 0.25s, 0.5s"):
        told(path, slo_seconds=0.3)


@pytest.mark.parametrize("estimated", [False, True])
def test_energy(deployment: Callable[..., Profiler], tmp_path: Path, estimated: bool) -> None:
    meter = Meter(estimated=estimated)
    profiler = deployment(4, sensors=[meter])
    meter.joules = 200.0
    record = told(scraped(profiler, tmp_path / "now.prom"), idle_watts=10.0, node_hours=0.001)
    found = figures(record)
    joules, idle = found["joules.request"], found["idle_joules.request"]
    assert joules.more["guarded"] == pytest.approx(50)
    assert joules.absolute.value == pytest.approx(12.5)
    assert joules.marks == (
        "estimated",
        "idle power included",
        f"the sum is {'estimated' if estimated else 'measured'}",
    )
    assert idle.raw == pytest.approx(10 * 3.6 / 4)
    assert idle.absolute.value == 0


def test_energy_of_a_device_that_no_layer_was_timed_on(deployment: Callable[..., Profiler], tmp_path: Path) -> None:
    meter = Meter(device="gpu0")
    profiler = deployment(4, sensors=[meter])
    meter.joules = 200.0
    record = told(scraped(profiler, tmp_path / "now.prom"))
    assert reasons(record)["joules"] == "no_share"
    assert "joules.request" not in figures(record)


def test_money_needs_what_only_the_user_knows(deployment: Callable[..., Profiler], tmp_path: Path) -> None:
    path = scraped(deployment(4), tmp_path / "now.prom")
    missing = [each.reason for each in told(path).refusals if each.what == "currency"]
    assert missing == ["no_price", "no_node_hours"]
    assert reasons(told(path, per_hour=1.0))["currency"] == "no_node_hours"


def test_a_scrape_without_the_tax_of_requests_has_no_price(deployment: Callable[..., Profiler], tmp_path: Path) -> None:
    path = scraped(deployment(4), tmp_path / "now.prom")
    kept = [line for line in path.read_text().splitlines(keepends=True) if "aligntax_request_tax_seconds" not in line]
    path.write_text("".join(kept))
    record = told(path, per_hour=1.0, node_hours=1.0)
    assert reasons(record)["currency"] == "no_request_time"
    assert "currency.request" not in figures(record)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"# HELP up is up\n# TYPE up gauge\nup 1\n", "has no aligntax_request_duration_seconds"),
        (b"not an exposition at all {\n", "is no exposition of Prometheus"),
        (b"aligntax_x 1\xff\n", "is no UTF-8"),
        (b'aligntax_request_duration_seconds_count{outcome="allowed"} NaN\n', "_count is nan"),
        (b'aligntax_request_duration_seconds_count{outcome="allowed"} -3\n', "_count is -3"),
        (b'aligntax_request_duration_seconds_count{outcome="allowed"} many\n', "is no exposition of Prometheus"),
    ],
)
def test_bad_scrapes(content: bytes, message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "now.prom"
    path.write_bytes(content)
    refused(run(capfd, "cost", path), message)


def test_a_scrape_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aligntax.taxes.cost.metrics.MAX_BYTES", 2**20)
    path = tmp_path / "now.prom"
    path.write_bytes(b"# a comment\n" * 100_000)
    with pytest.raises(ValueError, match="more than 1 MiB; save the answer of one scrape"):
        told(path)


def test_the_command(deployment: Callable[..., Profiler], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = scraped(deployment(4), tmp_path / "now.prom")
    ended = run(capfd, "cost", path, "--price-per-hour", 2, "--node-hours", 1, "--json", tmp_path / "cost.json")
    assert ended.code == 0, ended.err
    assert "CPU time per useful request" in ended.out
    assert (tmp_path / "cost.json").exists()


def test_an_endpoint_that_runs(
    deployment: Callable[..., Profiler], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    profiler = deployment(3)
    before = scraped(profiler, tmp_path / "before.prom")
    deployment(4, blocked=1, profiler=profiler)
    out = tmp_path / "cost.json"
    with serve(profiler, port=0) as server:
        url = f"{server.url}/metrics"
        ended = run(capfd, "cost", url, "--since", before, "--price-per-hour", 2, "--node-hours", 1, "--json", out)
        refused(run(capfd, "cost", f"{server.url}/other"), f"{server.url}/other: answers 404 (Not Found); name the")
    assert ended.code == 0, ended.err
    record = read_json(out)
    assert [source["name"] for source in record["sources"]] == [url, "before.prom"]
    assert all(len(source["sha256"]) == 64 for source in record["sources"])
    assert [figure["sources"] for figure in record["figures"]] == [[url]] * len(record["figures"])
    saved = told(scraped(profiler, tmp_path / "after.prom"), since=before, per_hour=2.0, node_hours=1.0)
    assert {figure["name"]: figure["absolute"]["value"] for figure in record["figures"]} == {
        name: figure.absolute.value for name, figure in figures(saved).items()
    }
