"""Which program wrote a file or a folder: what its name and its first keys say."""

from __future__ import annotations

from pathlib import Path

from aligntax.taxes.lines import Progress, silent
from aligntax.taxes.performance.readers.asked import Asked
from aligntax.taxes.performance.scores import Arm

__all__ = ["read_arm"]


def read_arm(path: Path, asked: Asked, progress: Progress = silent) -> Arm:
    """Return what a file or a folder says of one model.

    Args:
        path: results JSON of lm-evaluation-harness, or the folder they lie in; a log of inspect_ai, or a folder of
            those; a run folder of HELM, or a folder of runs; a CSV file.
        asked: what to look for.
        progress: told of the reading of samples.

    Raises:
        ValueError: if it is none of these, or is broken; names the file and the mend.
        ModuleNotFoundError: if it needs a program that is not installed; says how to install it.
        KeyboardInterrupt: if `progress` says not to go on.
    """
    from aligntax.taxes.performance.readers import csv, helm, inspect, lm_eval

    if not path.exists():
        raise ValueError(f"{path}: is not there; name a file or a folder that exists")
    if path.is_dir():
        for reader in (helm, lm_eval, inspect):
            found = reader.files(path)
            if found:
                arm: Arm = reader.read(found, asked, progress)
                return arm
        raise ValueError(
            f"{path}: holds no results_*.json of lm-evaluation-harness, no log of inspect_ai, and no stats.json of HELM"
        )
    if path.suffix.lower() in (".csv", ".tsv"):
        return csv.read([path], asked, progress)
    if path.suffix.lower() == ".eval" or inspect.is_log(path):
        return inspect.read([path], asked, progress)
    if path.name == "stats.json":
        return helm.read([path.parent], asked, progress)
    if path.suffix.lower() == ".json":
        return lm_eval.read([path], asked, progress)
    raise ValueError(
        f"{path}: is no kind of file that is read here; pass results JSON of lm-evaluation-harness, a log of "
        "inspect_ai, a run folder of HELM, or a CSV file with the columns task, metric, score, stderr, n"
    )
