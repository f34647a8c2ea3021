"""Files of samples whose variety is known."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

WORDS = [f"word{number}" for number in range(400)]
REFUSAL = "I'm sorry, but I can't help with that request."


def write(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def samples(
    path: Path, prompts: int = 30, k: int = 3, *, variety: float = 0.8, refused: float = 0.0, seed: int = 0, **more: Any
) -> Path:
    """Write k samples of each prompt; the lower the variety, the more of their words are of its own five."""
    draw = random.Random(seed)
    rows = []
    for prompt in range(prompts):
        own = draw.sample(WORDS, 5)
        for _ in range(k):
            words = [draw.choice(WORDS if draw.random() < variety else own) for _ in range(draw.randint(8, 20))]
            text = REFUSAL if draw.random() < refused else " ".join(words)
            rows.append({"id": f"p{prompt}", "text": text, **more})
    return write(path, rows)
