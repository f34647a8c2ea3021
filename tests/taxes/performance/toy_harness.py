"""A task of sums and two tiny language models of random weights, for lm-evaluation-harness to run with no network.

As a program: FOLDER for all that it writes. Both models run in one process, so that its libraries are loaded once.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

TASK = "sums"
ITEMS = 30
SEEDS = {"raw": 1, "aligned": 2}
VERSION = 3
END, UNKNOWN = "<end>", "<unknown>"
_OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
_LIMIT_SECONDS = 240


def write_task(folder: Path) -> None:
    """Write the task as the harness reads it, and its items: each a sum with four answers."""
    draw = random.Random(0)
    rows = []
    for _ in range(ITEMS):
        first, second = draw.randrange(2, 30), draw.randrange(2, 30)
        answers = [str(first + second + off) for off in range(4)]
        draw.shuffle(answers)
        right = answers.index(str(first + second))
        rows.append({"question": f"{first} plus {second} is", "choices": answers, "gold": right})
    items = folder / f"{TASK}.jsonl"
    items.write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = {
        "task": TASK,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(items)}},
        "output_type": "multiple_choice",
        "test_split": "test",
        "doc_to_text": "{{question}}",
        "doc_to_target": "{{gold}}",
        "doc_to_choice": "{{choices}}",
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
        "metadata": {"version": VERSION},
    }
    (folder / f"{TASK}.yaml").write_text(json.dumps(task))  # YAML holds JSON


def write_model(folder: Path, seed: int) -> None:
    """Write a GPT-2 of some 30,000 random weights that reads characters."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    letters = [chr(code) for code in range(ord(" "), ord("~") + 1)]
    vocabulary = {word: number for number, word in enumerate([END, UNKNOWN, *letters])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.decoder = decoders.Fuse()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=END, eos_token=END, pad_token=END, unk_token=UNKNOWN
    ).save_pretrained(folder)
    torch.manual_seed(seed)
    shape = GPT2Config(
        vocab_size=len(vocabulary), n_positions=128, n_embd=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0
    )
    shape.initializer_range = 0.3  # the usual 0.02 says nearly the same of every answer
    GPT2LMHeadModel(shape).save_pretrained(folder)


def run_harness(folder: Path) -> dict[str, Path]:
    """Have lm-evaluation-harness ask both models; return the folder of what it wrote of each arm."""
    environment = {**os.environ, **_OFFLINE, "HF_HOME": str(folder / "cache")}
    command = [sys.executable, __file__, str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_LIMIT_SECONDS, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    return {arm: folder / arm for arm in SEEDS}


def main(folder: Path) -> None:
    """Write task and models, and run the harness on them as its command line does."""
    from lm_eval.__main__ import cli_evaluate

    write_task(folder)
    for arm, seed in SEEDS.items():
        model = folder / f"model-{arm}"
        write_model(model, seed)
        sys.argv = ["lm_eval", "run", "--model", "hf", "--model_args", f"pretrained={model}", "--device", "cpu"]
        sys.argv += ["--batch_size", "8", "--include_path", str(folder), "--tasks", TASK, "--log_samples"]
        sys.argv += ["--output_path", str(folder / arm)]
        cli_evaluate()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
