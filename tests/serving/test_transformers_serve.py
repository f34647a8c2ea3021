"""A real OpenAI-compatible server behind the proxy: `transformers serve`, on a model that is made on the spot."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from string import ascii_letters
from typing import Any

import openai
import pytest
from tests.serving.calling import running

from aligntax.guards import Blocklist, FunctionGuard
from aligntax.serving.proxy import create_proxy
from aligntax.serving.settings import GuardSettings, Settings
from aligntax.trace import Outcome

START_SECONDS = 100.0
TEMPLATE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
MESSAGES: Any = [{"role": "user", "content": "what does it cost to be safe"}]


def tiny_model(folder: Path) -> Path:
    """Save a model of a few thousand random weights, and a tokenizer that was trained on a few lines."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=["<s>", "</s>"], initial_alphabet=sorted(alphabet), show_progress=False
    )
    tokenizer.train_from_iterator(["what does it cost to be safe, and who pays for it"] * 3, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    fast.add_special_tokens({"bos_token": "<s>", "eos_token": "</s>", "pad_token": "</s>"})
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=512,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of the server, and what it calls its model."""
    if find_spec("accelerate") is None:
        pytest.skip("transformers serve needs accelerate; run: pip install accelerate")
    folder = tiny_model(tmp_path_factory.mktemp("tiny"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = folder / "server.log"
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(folder)]
    options = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--log-level", "warning"]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen(command + options, stdout=output, stderr=output, env=environment)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(f"http://127.0.0.1:{port}/health"):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}", str(folder)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 (our own server)
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


async def ask(url: str, model: str) -> tuple[str, str]:
    """Return what the server says as a whole, and as a stream."""
    options: Any = {"model": model, "messages": MESSAGES, "max_tokens": 24, "temperature": 0}
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0, timeout=60) as client:
        whole = await client.chat.completions.create(**options)
        stream = await client.chat.completions.create(**options, stream=True)
        pieces = [choice.delta.content or "" async for chunk in stream for choice in chunk.choices]
    return whole.choices[0].message.content or "", "".join(pieces)


@pytest.mark.timeout(180)
async def test_the_proxy_in_front_of_it(server: tuple[str, str]) -> None:
    upstream, model = server
    direct = await ask(upstream, model)
    assert all(direct)  # they need not be the same: half a character at the end is not streamed

    def shout(text: str) -> str:
        return f"[{text}]"

    letters = [each for each in direct[0] if each in ascii_letters]
    letter = max(letters, key=letters.count)
    cases: dict[str, tuple[list[Any], Any]] = {
        "watched": ([], direct),
        "nothing found": ([Blocklist(["nowhere in it"], stage="stream", on_hit="block")], direct),
        "changed": ([FunctionGuard(shout, name="shout", stage="output")], tuple(f"[{text}]" for text in direct)),
        "redacted": (
            [Blocklist([letter], stage="stream", on_hit="redact", replacement="#", caseless=False)],
            tuple(text.replace(letter, "#") for text in direct),
        ),
    }
    for name, (guards, expected) in cases.items():
        settings = Settings(guards=tuple(map(GuardSettings, guards)), model="tiny")
        proxy = create_proxy(upstream, settings)
        async with running(proxy) as url:
            found = await ask(url, model)
            profiler = proxy._application.profiler
            profiler.drain()
            outcomes = [trace.outcome for trace in profiler.traces()]
        assert found == expected, name
        assert outcomes == [Outcome.ALLOWED if expected is direct else Outcome.MODIFIED] * 2, name
