"""A GPU's energy is divided among the layers that used it, by GPU time; what was not measured is absent."""

from __future__ import annotations

import pytest

from aligntax.devices import Reading
from aligntax.ledger import Ledger
from aligntax.summary import SelfCost, summarise
from aligntax.trace import Layer

NOTHING = SelfCost(None, 0)


def energy_by_layer(readings: list[Reading]) -> dict[str, float | None]:
    ledger = Ledger()
    for layer, gpu_ns in ((Layer("model", "model"), 3_000), (Layer("guard"), 1_000), (Layer("host"), 0)):
        ledger.gpu_ns[ledger.layer_row(layer), ledger.device_row("cuda:0")] = gpu_ns
    layers = summarise(ledger, readings, NOTHING).to_dict()["layers"]
    return {layer["layer"]: layer["gpu_energy_joules_estimated"] for layer in layers}


def test_energy_goes_by_gpu_time_and_adds_up() -> None:
    energy = energy_by_layer([Reading("energy_joules", "gpu0", "nvml", 100.0)])
    assert energy == {"model": pytest.approx(75.0), "guard": pytest.approx(25.0), "host": None}


@pytest.mark.parametrize(
    "readings",
    [
        [],
        [Reading("energy_joules", "gpu1", "nvml", 100.0)],
        [Reading("energy_joules", "package-0", "rapl", 100.0)],
        [Reading("memory_bytes", "gpu0", "nvml", 100.0)],
    ],
    ids=["no sensor", "another GPU", "the processor's", "no energy"],
)
def test_without_the_gpus_own_energy_there_is_none(readings: list[Reading]) -> None:
    assert set(energy_by_layer(readings).values()) == {None}
