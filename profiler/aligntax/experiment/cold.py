"""The cold start of a target, in a process of its own: how long until the first answer, and what guards add to it."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from aligntax.experiment.children import child, end_with_parent

__all__ = ["measure_cold_start"]

RUNS = 3
PATIENCE_SECONDS = 180.0
_NAMED = "ALIGNTAX-COLD-START "
_FOUND = re.compile(rf"^{_NAMED}(\{{.*\}})$")


def measure_cold_start(
    target: str, prompts: Path | None, *, opens_requests: bool, go_on: Callable[[], bool] = lambda: True
) -> dict[str, Any]:
    """Start the target anew a few times, and return what its first request took, as a part of a result.

    Nothing can be left out of a first request by calling something else, since that would have to be learnt from
    earlier ones; the raw time is that of its replay without guards.

    Args:
        target: its name.
        prompts: the file that they are from; None for the target's own.
        opens_requests: whether it opens a request itself.
        go_on: is asked now and then.

    Raises:
        RuntimeError: if it cannot be started; says why.
        KeyboardInterrupt: if `go_on` says no.
    """
    arguments = [target, str(int(opens_requests)), *([str(prompts)] if prompts else [])]
    runs = []
    for _ in range(RUNS):
        with child(__name__, arguments, _FOUND) as process:
            runs.append(json.loads(process.wait(PATIENCE_SECONDS, go_on)[1]))
    from aligntax.inference import median  # heavy, and the process that is measured imports this module

    def over_runs(part: str) -> dict[str, float | None]:
        return median([run[part] for run in runs]).to_dict()

    guards = {name for run in runs for name in run["shares"]}
    return {
        "runs": len(runs),
        "raw": {"import_seconds": over_runs("import_seconds"), "first_call_seconds": over_runs("raw_seconds")},
        "guarded": {"import_seconds": over_runs("import_seconds"), "first_call_seconds": over_runs("guarded_seconds")},
        "guards": {name: median([run["shares"].get(name, 0.0) for run in runs]).to_dict() for name in sorted(guards)},
    }


def _first_request(arguments: Sequence[str]) -> None:
    start = time.perf_counter()
    from aligntax.experiment.loading import first_call, load, prompts_for

    target, opens_requests, *file = arguments
    pipeline = load(target)
    prompts = prompts_for(target, pipeline, Path(file[0]) if file else None)
    import_seconds = time.perf_counter() - start
    found = first_call(pipeline, prompts[0], opens_requests=bool(int(opens_requests)))
    shares = {name: part.share_ns / 1e9 for name, part in found.layers.items() if part.layer.kind == "guard"}
    data = {
        "import_seconds": import_seconds,
        "guarded_seconds": found.guarded_ns / 1e9,
        "raw_seconds": found.raw_ns / 1e9,
        "shares": shares,
    }
    sys.stdout.write(f"\n{_NAMED}{json.dumps(data)}\n")
    sys.stdout.flush()
    os._exit(0)  # threads that the target has started may never end


if __name__ == "__main__":
    end_with_parent()
    try:
        _first_request(sys.argv[1:])
    except (Exception, SystemExit) as error:
        from aligntax.experiment.target_errors import raised_by_target

        sys.exit(raised_by_target(error) or f"{type(error).__name__}: {error}")
