"""The built-in guards by the names that configuration has for them, and what each can be told in a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from aligntax.guards.kinds import (
    BOOLEAN,
    FILE,
    FOLDING,
    INTEGER,
    LABEL,
    NUMBER,
    OBJECT,
    PII_REPLACEMENT,
    SECRETS_REPLACEMENT,
    TEXT,
    TEXTS,
    TOKENS,
    Kind,
)

__all__ = ["BUILT_IN", "BuiltIn"]


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A built-in guard.

    Attributes:
        module, name: where its class is.
        keys: what a table can hold beside `use`: arguments of the class.
        required: keys that it must hold.
    """

    module: str
    name: str
    keys: Mapping[str, Kind]
    required: tuple[str, ...] = ()

    def load(self) -> Callable[..., Any]:
        """Return the class; importing it may load numba or ONNX Runtime."""
        loaded: Callable[..., Any] = getattr(import_module(f"aligntax.guards.{self.module}"), self.name)
        return loaded


_EVERYWHERE = {"name": TEXT, "stage": TEXT, "on_error": TEXT}
_ON_TEXT = {**_EVERYWHERE, "on_hit": TEXT}

BUILT_IN = {
    "blocklist": BuiltIn(
        "blocklist",
        "Blocklist",
        {
            **_ON_TEXT,
            "patterns": TEXTS,
            "file": FILE,
            "caseless": BOOLEAN,
            "whole_words": BOOLEAN,
            "fold": FOLDING,
            "replacement": TEXT,
        },
    ),
    "entropy_gate": BuiltIn(
        "entropy_gate", "EntropyGate", {**_ON_TEXT, "above": NUMBER, "below": NUMBER, "cuda": BOOLEAN}
    ),
    "linear_classifier": BuiltIn(
        "linear_classifier",
        "LinearClassifier",
        {**_ON_TEXT, "model": FILE, "threshold": NUMBER, "label": LABEL},
        ("model",),
    ),
    "onnx_classifier": BuiltIn(
        "onnxruntime",
        "OnnxClassifier",
        {
            **_ON_TEXT,
            "model": FILE,
            "tokenizer": OBJECT,
            "threshold": NUMBER,
            "output": TEXT,
            "index": INTEGER,
            "activation": TEXT,
            "label": TEXT,
            "providers": TEXTS,
        },
        ("model", "tokenizer"),
    ),
    "pii": BuiltIn(
        "pii",
        "PII",
        {
            **_ON_TEXT,
            "types": TEXTS,
            "minimum": NUMBER,
            "replacement": PII_REPLACEMENT,
        },
    ),
    "secrets": BuiltIn(
        "secrets",
        "Secrets",
        {
            **_ON_TEXT,
            "types": TEXTS,
            "replacement": SECRETS_REPLACEMENT,
        },
    ),
    "token_ban": BuiltIn(
        "token_ban",
        "TokenBan",
        {
            **_EVERYWHERE,
            "sequences": TOKENS,
            "vocab_size": INTEGER,
            "strings": TEXTS,
            "tokenizer": OBJECT,
            "cuda": BOOLEAN,
        },
    ),
}
