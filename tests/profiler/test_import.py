"""What importing the package loads, and what it offers."""

from __future__ import annotations

import json
import subprocess
import sys

import aligntax

HEAVY = {
    *("torch", "onnxruntime", "numba", "pynvml", "rich", "prometheus_client", "matplotlib", "plotly", "typer"),
    *("opentelemetry", "aiohttp", "uvicorn", "starlette", "bokeh"),
}


def loaded_by(program: str) -> set[str]:
    """Return the top-level packages that a fresh interpreter has loaded after `program`."""
    run = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport json, sys; print(json.dumps(list(sys.modules)))"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return {name.partition(".")[0] for name in json.loads(run.stdout)}


def test_importing_and_using_the_package_loads_nothing_heavy() -> None:
    assert not loaded_by("import aligntax") & HEAVY
    use = (
        "import aligntax\n"
        "profiler = aligntax.Profiler()\n"
        "guard = profiler.guard(len, name='guard')\n"
        "with profiler.request() as request:\n"
        "    guard([])\n"
        "str(profiler.report()), request.tax.seconds\n"
    )
    assert not loaded_by(use) & HEAVY


def test_the_public_names_are_few_and_all_there() -> None:
    assert len(aligntax.__all__) <= 12
    assert sorted(aligntax.__all__) == sorted(set(aligntax.__all__))
    for name in aligntax.__all__:
        assert getattr(aligntax, name) is not None
    assert set(aligntax.__all__) <= set(dir(aligntax))
