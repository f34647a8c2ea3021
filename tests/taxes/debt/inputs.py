"""What a debt is reckoned from, known exactly, and the record of a measured cost."""

from __future__ import annotations

from pathlib import Path

from aligntax.experiment.result import write_json
from aligntax.inference import Estimate
from aligntax.taxes.record import Figure, TaxRecord

# Everything known exactly: 1e6 requests, of which 1e-5 are attacks; 60 % of these succeed, and 10 % with guards.
KNOWN = {
    "requests_per_year": "1_000_000",
    "single_loss": "10_000",
    "control_cost_per_year": "15_000",
    "principal": "20_000",
    "discount_rate": "0.1",
    "years": "3",
    "attacks": "{ share = 1e-5 }",
    "success_without": "{ share = 0.6 }",
    "success_with": "{ share = 0.1 }",
}


def written(folder: Path, **changes: str | None) -> Path:
    keys = {**KNOWN, **changes}
    path = folder / "debt.toml"
    path.write_text("\n".join(f"{key} = {value}" for key, value in keys.items() if value is not None))
    return path


def cost_record(folder: Path, absolute: Estimate, unit: str = "USD per useful request") -> Path:
    path = folder / "cost.json"
    write_json(path, TaxRecord("cost", "", [Figure("currency.request", "Price", absolute, unit)]).to_dict())
    return path
