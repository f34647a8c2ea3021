"""Energy of CPU packages and their memory, from the Linux powercap interface to Intel's and AMD's RAPL.

Files and units: Linux kernel documentation, power/powercap/powercap.rst.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from aligntax.devices.energy import EnergyTotal
from aligntax.devices.sensor import NullSensor, Reading, Sensor

_CONTROL_TYPE = "intel-rapl:"  # AMD's too. "intel-rapl-mmio:" counts the same packages a second time.
_MICROJOULES_PER_JOULE = 1_000_000


@dataclass(frozen=True, slots=True)
class _Domain:
    """One energy counter: its label, its file in microjoules, and the joules counted so far."""

    device: str
    energy_file: Path
    total: EnergyTotal

    def joules(self) -> float:
        return self.total.count(int(self.energy_file.read_text()))


def _label(folder: Path) -> str | None:
    """Return what to call a domain; None for one whose energy is in another one or cannot be told.

    `core` and `uncore` are inside their package, `psys` contains all packages: counting them would count
    twice. `dram` is beside its package.
    """
    try:
        name = (folder / "name").read_text().strip()
        package_id, _, subdomain_id = folder.name.removeprefix(_CONTROL_TYPE).partition(":")
        if not subdomain_id:
            return name if name.startswith("package") else None
        package = _label(folder.with_name(_CONTROL_TYPE + package_id))
    except (OSError, ValueError):
        return None
    return f"{package}/{name}" if package is not None and name == "dram" else None


def _open(device: str, folder: Path) -> _Domain | None:
    """Return the domain with its baseline taken; None where its counter cannot be read."""
    try:
        wraps_at = int((folder / "max_energy_range_uj").read_text())
        domain = _Domain(device, folder / "energy_uj", EnergyTotal(_MICROJOULES_PER_JOULE, wraps_at))
        domain.joules()
    except (OSError, ValueError):
        return None
    return domain


class RaplSensor:
    """Energy of CPU packages and DRAM in joules since opening, each joule in one reading only.

    A counter wraps after its range, at 200 W for some machines within a few minutes; one wrap between two
    reads is seen and added, a second one cannot be. So read at least once a minute. Reads may come from
    several threads.

    Attributes:
        failures: readings that failed after the counter had been readable at opening; a count.
    """

    def __init__(self, domains: tuple[_Domain, ...]) -> None:
        """Take the domains that `open_rapl` found readable."""
        self.failures = 0
        self._domains = domains
        self._lock = threading.Lock()

    def read(self) -> list[Reading]:
        """Return one `energy_joules` reading for each domain that can be read now."""
        readings = []
        with self._lock:
            for domain in self._domains:
                try:
                    joules = domain.joules()
                except (OSError, ValueError):
                    self.failures += 1
                else:
                    readings.append(Reading("energy_joules", domain.device, "rapl", joules))
        return readings


def open_rapl(root: Path = Path("/sys/class/powercap")) -> Sensor:
    """Open the RAPL counters of this machine.

    Most kernels let only root read them: a domain that cannot be read at opening is absent, not failing.
    Names that occur more than once get the domain's id: `package-0:0` and `package-0:1`.

    Args:
        root: the folder of the powercap class.

    Returns:
        A `RaplSensor`, or a `NullSensor` where no domain can be read.
    """
    folders = sorted(root.glob(f"{_CONTROL_TYPE}*"))
    labels = {folder: label for folder in folders if (label := _label(folder)) is not None}
    occurrences = Counter(labels.values())
    domains = []
    for folder, label in labels.items():
        identity = folder.name.removeprefix(_CONTROL_TYPE)
        domain = _open(label if occurrences[label] == 1 else f"{label}:{identity}", folder)
        if domain is not None:
            domains.append(domain)
    return RaplSensor(tuple(domains)) if domains else NullSensor()
