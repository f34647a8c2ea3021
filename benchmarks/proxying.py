"""What the proxy adds to the first chunk of a stream, with guards, beside a direct call and LiteLLM's proxy."""

from __future__ import annotations

import asyncio
import json
import os
import random
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from time import perf_counter_ns

import aiohttp
import measure
import numpy as np
import proxy_upstream
import psutil
import result
from measure import Estimate, Float64Array
from result import Result, Row
from serving import free_port, wait_for

LITELLM_VARIABLE = "LITELLM"
ROUNDS, QUICK_ROUNDS = 7, 1
RATE, SECONDS, QUICK_SECONDS = 100.0, 5.0, 1.0
STREAMS, QUICK_STREAMS = 500, 50
PATH = "/v1/chat/completions"
BODY = {
    "model": "tiny",
    "stream": True,
    "messages": [{"role": "user", "content": "Tell me of the fox, at some length."}],
}
# LiteLLM refuses to start without a key of its own that is hard to guess.
KEY = f"sk-{secrets.token_hex(32)}"
GUARDS = """
[serving]
model = "tiny"

[[guards]]
use = "blocklist"
patterns = ["forbidden word", "another forbidden word"]
on_hit = "block"

[[guards]]
use = "pii"
name = "pii-in"

[[guards]]
use = "pii"
stage = "stream"
"""
DIRECT, OURS, LITELLM = "a direct call", "ours", "LiteLLM's proxy, without guards"


def run(quick: bool) -> Result:
    """Send the same requests to the server, to our proxy and to LiteLLM's, in turns."""
    litellm = os.environ.get(LITELLM_VARIABLE) or shutil.which("litellm")
    if litellm is None:
        raise FileNotFoundError(
            "LiteLLM's proxy is not installed; put it into an environment of its own (pip install 'litellm[proxy]'), "
            f"since it pins what others need newer, and name its command in {LITELLM_VARIABLE}"
        )
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if quick else (ROUNDS, SECONDS)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aligntax-proxy-")))
        upstream, _ = stack.enter_context(_upstream(0.01))
        ours, _ = stack.enter_context(_our_proxy(upstream, folder))
        theirs, _ = stack.enter_context(_litellm(litellm, upstream, folder))
        ports = {DIRECT: upstream, OURS: ours, LITELLM: theirs}
        agree = _agree(ports)
        said = _interleaved(ports, rounds, seconds)
    rows = [*_first_chunk(said), *_many_streams(QUICK_STREAMS if quick else STREAMS)]
    printed = subprocess.run([litellm, "--version"], capture_output=True, text=True, check=False).stdout.split()
    versions = {**result.versions("aiohttp", "uvicorn", "starlette"), "litellm": printed[-1] if printed else "unknown"}
    return Result(rows, agree, {"versions": versions})


# -- load ------------------------------------------------------------------------------------------------------------


def _interleaved(ports: Mapping[str, int], rounds: int, seconds: float) -> dict[str, list[Float64Array]]:
    """Return, for each round, the milliseconds to the first chunk of every request; a first round is thrown away."""
    order = random.Random(0)
    said: dict[str, list[Float64Array]] = {name: [] for name in ports}
    for number in range(rounds + 1):
        names = list(ports)
        order.shuffle(names)
        for name in names:
            values = asyncio.run(_open_loop(ports[name], seconds))
            if number:
                said[name].append(values)
    return said


async def _open_loop(port: int, seconds: float) -> Float64Array:
    """Start requests at a fixed rate whatever becomes of them, and time each from when it was due."""
    found: list[float] = []
    async with _session() as session:
        start_ns = perf_counter_ns()
        tasks = []
        for number in range(int(RATE * seconds)):
            due_ns = start_ns + int(number / RATE * 1e9)
            await asyncio.sleep(max(0.0, (due_ns - perf_counter_ns()) / 1e9))
            tasks.append(asyncio.create_task(_one(session, port, due_ns, found)))
        await asyncio.gather(*tasks)
    return np.array(found)


async def _one(session: aiohttp.ClientSession, port: int, due_ns: int, found: list[float]) -> str:
    async with session.post(f"http://127.0.0.1:{port}{PATH}", json=BODY) as answer:
        answer.raise_for_status()
        text = ""
        async for line in answer.content:
            if not line.startswith(b"data: {"):
                continue
            piece = json.loads(line[6:])["choices"][0]["delta"].get("content") or ""
            if piece and not text:
                found.append((perf_counter_ns() - due_ns) / 1e6)
            text += piece
    return text


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), headers={"Authorization": f"Bearer {KEY}"}, trust_env=False
    )


def _agree(ports: Mapping[str, int]) -> bool:
    """Return whether a client reads the same text through all of them."""

    async def ask(port: int) -> str:
        async with _session() as session:
            return await _one(session, port, 0, [])

    texts = {asyncio.run(ask(port)) for port in ports.values()}
    return texts == {"".join(f"{word} " for word in proxy_upstream.WORDS[: proxy_upstream.CHUNKS])}


# -- rows ------------------------------------------------------------------------------------------------------------


def _first_chunk(said: Mapping[str, list[Float64Array]]) -> list[Row]:
    rows = []
    for q, name, limit_ms in ((0.5, "p50", 1.0), (0.99, "p99", 5.0)):
        at = {arm: np.array([np.quantile(values, q) for values in rounds]) for arm, rounds in said.items()}
        added = {arm: values - at[DIRECT] for arm, values in at.items()}
        case = f"100 streams a second: added to the first chunk, {name}"
        more = {"direct_ms": measure.median(at[DIRECT]).median}
        rows.append(result.limited(case, measure.median(added[OURS]), limit_ms, "ms", 0.01, **more))
        rows.append(result.compared(case, added[OURS], LITELLM, added[LITELLM], "ms", 1))
    return rows


def _many_streams(streams: int) -> list[Row]:
    """Hold many streams at once, and look at how much the proxy grows; a second time, at whether it grows on."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aligntax-proxy-")))
        upstream, _ = stack.enter_context(_upstream(0.2))
        port, process = stack.enter_context(_our_proxy(upstream, folder))
        asyncio.run(_at_once(port, 10, process))
        before = process.memory_info().rss
        peak = asyncio.run(_at_once(port, streams, process))
        again = asyncio.run(_at_once(port, streams, process))
    case = f"{streams} streams at once: memory"
    grown, more_grown = (peak - before) / 2**20, (again - peak) / 2**20
    return [
        result.limited(case, Estimate(grown, None), streams * 0.25, "MiB", 0.1, peer="a quarter of a MiB a stream"),
        result.limited(f"{case}, a second time", Estimate(more_grown, None), 16.0, "MiB", 0.1),
    ]


async def _at_once(port: int, streams: int, process: psutil.Process) -> int:
    """Return the most memory that the proxy was seen to have, in bytes."""
    peak = 0
    async with _session() as session:
        found: list[float] = []
        tasks = [asyncio.create_task(_one(session, port, 0, found)) for _ in range(streams)]
        while not all(task.done() for task in tasks):
            peak = max(peak, process.memory_info().rss)
            await asyncio.sleep(0.05)
        await asyncio.gather(*tasks)
    return peak


# -- servers ---------------------------------------------------------------------------------------------------------


def _upstream(gap_seconds: float) -> AbstractContextManager[tuple[int, psutil.Process]]:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "proxy_upstream:application", "--factory", "--port", str(port)]
    more = {proxy_upstream.GAP_VARIABLE: str(gap_seconds)}
    return _running([*command, "--no-access-log", "--log-level", "error"], port, more)


def _our_proxy(upstream: int, folder: Path) -> AbstractContextManager[tuple[int, psutil.Process]]:
    port = free_port()
    config = folder / "aligntax.toml"
    config.write_text(GUARDS)
    command = [sys.executable, "-m", "aligntax", "proxy", "--upstream", f"http://127.0.0.1:{upstream}"]
    return _running([*command, "--config", str(config), "--port", str(port), "--metrics-port", "0"], port, {})


def _litellm(command: str, upstream: int, folder: Path) -> AbstractContextManager[tuple[int, psutil.Process]]:
    port = free_port()
    config = folder / "litellm.yaml"
    parameters = {"model": "openai/tiny", "api_base": f"http://127.0.0.1:{upstream}/v1", "api_key": KEY}
    config.write_text(json.dumps({"model_list": [{"model_name": "tiny", "litellm_params": parameters}]}))
    more = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False", "LITELLM_MASTER_KEY": KEY}
    return _running([command, "--config", str(config), "--host", "127.0.0.1", "--port", str(port)], port, more)


@contextmanager
def _running(command: list[str], port: int, more: Mapping[str, str]) -> Iterator[tuple[int, psutil.Process]]:
    process = subprocess.Popen(
        command, cwd=Path(__file__).parent, env=os.environ | more, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(port, process, seconds=120.0)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(60.0)
