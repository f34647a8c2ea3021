"""Makes the records in examples/records from the files in examples/data, by the commands that anybody would use.

    python examples/measure.py

It takes about two minutes: the latencies are measured for real, on a pipeline whose model does nothing but take time.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from make import RELEASES

__all__ = ["commands", "main"]

ROOT = Path(__file__).parent.parent
DATA, RECORDS, ALONE = "examples/data", "examples/records", "examples/alone"


def commands() -> Iterator[str]:
    """Yield the commands, in an order in which each finds what it reads."""
    for release in RELEASES:
        folder = f"{RECORDS}/{release}"
        pipeline = f"v{release.rpartition('v')[2].replace('.', '_')}"
        yield f"bench examples.shop:{pipeline} --pairs 60 --warm-up 2 --json {folder}/latency.json"
        scores = f"{DATA}/scores/raw.csv {DATA}/scores/{release}.csv"
        yield f"tax performance {scores} --margin 1 --json {folder}/performance.json"
    latest = f"{RECORDS}/{RELEASES[-1]}"
    yield (
        f"tax capability {DATA}/samples/raw.jsonl {DATA}/samples/aligned.jsonl "
        f"--safe {DATA}/samples/safe_raw.jsonl {DATA}/samples/safe_aligned.jsonl --json {latest}/capability.json"
    )
    yield (
        f"tax benefit {DATA}/verdicts/both.jsonl --tax {latest}/latency.json --prevalence 0.001 "
        f"--json {latest}/benefit.json"
    )
    parts = []
    for name in ("blocklist", "classifier"):
        parts.append(f"--config {name}={DATA}/verdicts/{name}.jsonl:{ALONE}/{name}.json")
        yield f"bench examples.shop:{name} --pairs 60 --warm-up 2 --json {ALONE}/{name}.json"
    parts.append(f"--config both={DATA}/verdicts/both.jsonl:{latest}/latency.json")
    yield f"tax benefit {' '.join(parts)} --prevalence 0.001 --json {latest}/configurations.json"
    yield f"tax scaling {DATA}/sizes.csv --json {latest}/scaling.json"
    yield (
        f"tax cost {latest}/latency.json --price-per-hour 4.10 --tokens-per-request 250 --slo 100ms "
        f"--json {latest}/cost.json"
    )
    yield (
        f"tax development --guards {DATA}/guards.toml --bench {latest}/latency.json --ledger {DATA}/hours.toml "
        f"--json {latest}/development.json"
    )
    yield f"tax debt {DATA}/debt.toml --tax {latest}/cost.json --json {latest}/debt.json"


def main() -> int:
    """Run them one after the other; return the exit code of the first one that fails."""
    for folder in (ALONE, *(f"{RECORDS}/{release}" for release in RELEASES)):
        (ROOT / folder).mkdir(parents=True, exist_ok=True)
    for command in commands():
        sys.stdout.write(f"\naligntax {command}\n")
        sys.stdout.flush()
        ended = subprocess.run([sys.executable, "-m", "aligntax", *shlex.split(command)], cwd=ROOT, check=False)  # noqa: S603 (the commands above)
        if ended.returncode:
            return ended.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
