"""Built-in guards on top of the kernels: each is called with a text (or logits), and returns a `Judgement`.

    guard = PII(types=["email", "phone"])
    guard("write to jo@example.com")    # Judgement: verdict modify, text "write to [email]", hits 1, labels ("email",)
    guard.stream()                      # the same for a text that arrives in chunks; see `PII.stream`
    profiler.guard(guard)               # timed, under its own name and stage

An error inside of a guard is raised (`on_error="closed"`, the default) or lets the text pass as it is, with the verdict
`error` (`"open"`). Threads may share a guard. It is compiled when it is made, and loads numba or ONNX Runtime then:
importing this package loads neither.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aligntax.guards.blocklist import Blocklist
    from aligntax.guards.configuration import from_file, from_table
    from aligntax.guards.entropy_gate import EntropyGate
    from aligntax.guards.function import AsyncFunctionGuard, FunctionGuard
    from aligntax.guards.guard import Guard
    from aligntax.guards.judgement import Judgement
    from aligntax.guards.linear_classifier import LinearClassifier
    from aligntax.guards.onnxruntime import OnnxClassifier
    from aligntax.guards.pii import PII
    from aligntax.guards.secrets import Secrets
    from aligntax.guards.token_ban import TokenBan

__all__ = [
    "PII",
    "AsyncFunctionGuard",
    "Blocklist",
    "EntropyGate",
    "FunctionGuard",
    "Guard",
    "Judgement",
    "LinearClassifier",
    "OnnxClassifier",
    "Secrets",
    "TokenBan",
    "from_file",
    "from_table",
]

_HOMES = {
    "PII": "pii",
    "AsyncFunctionGuard": "function",
    "Blocklist": "blocklist",
    "EntropyGate": "entropy_gate",
    "FunctionGuard": "function",
    "Guard": "guard",
    "Judgement": "judgement",
    "LinearClassifier": "linear_classifier",
    "OnnxClassifier": "onnxruntime",
    "Secrets": "secrets",
    "TokenBan": "token_ban",
    "from_file": "configuration",
    "from_table": "configuration",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'aligntax.guards' has no attribute {name!r}; its names are {', '.join(__all__)}")
    value = globals()[name] = getattr(import_module(f"aligntax.guards.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
