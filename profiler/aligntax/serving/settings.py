"""What an operator can say of guarded serving, in TOML or as keywords, checked when the server starts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, cast, get_args

from aligntax.guards.configuration import from_table, read_table, shown
from aligntax.trace import Layer

__all__ = ["CONFIG_VARIABLE", "LEDGER_VARIABLE", "GuardSettings", "Settings", "read_settings", "settings_of"]

CONFIG_VARIABLE = "ALIGNTAX_CONFIG"
LEDGER_VARIABLE = "ALIGNTAX_LEDGER_DIR"
SERVER_VARIABLE = "ALIGNTAX_SERVER"

RouteKind = Literal["chat", "completions", "responses", "embeddings"]
Order = Literal["series", "parallel"]
Unreadable = Literal["refuse", "pass"]
Refusal = Literal["answer", "error"]

STAGES = ("input", "parallel", "stream", "output")
_SERVING_KEYS = ("timeout_seconds", "thread")


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """One guard, and how it is served.

    Attributes:
        guard: called with a text, returns a `Judgement`; has `name`, `stage` and `on_error`.
        timeout_seconds: how long a call may take, the wait for a thread included, before the request goes on as
            `on_error` says; the call itself goes on on its thread. One that runs on the event loop cannot be
            interrupted. A stream that does not return in time ends the answer, whatever `on_error` says, because what
            it holds back is lost.
        thread: whether calls run on a thread. None: those of guards made of the user's own code and of ONNX Runtime,
            and those on long texts. Asynchronous guards run on the event loop.
    """

    guard: Any
    timeout_seconds: float = 5.0
    thread: bool | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything about serving that is not the application itself.

    Attributes:
        guards: in the order in which they are asked.
        order: how the guards of a stage run, by stage: one after another, or all at once. `parallel` guards always run
            all at once, and `stream` guards one after another.
        routes: further paths beside OpenAI's, each with the kind of API that it speaks.
        model: name of the model's layer where the application marks none, and of its requests' series.
        models: model names that get series of their own, where requests name them in a body that guards read; all
            others are booked under `model`.
        on_block: whether a block is an answer that refuses, with status 200, or an error with status 400.
        block_message: what either says.
        unreadable: whether a prompt that holds what no guard can read, such as token ids or an image, is refused.
        max_body_bytes, max_answer_bytes: of a request and of an answer that guards read as a whole, or that repeats its
            texts; larger ones are refused.
        max_event_bytes: of one event of a stream that guards read.
        upload_seconds: that may go by until the next piece of a request comes that guards read; in the proxy, the
            `client_seconds` of its `Limits` if those are fewer.
        threads: for guards that run beside the event loop.
        metrics_port, metrics_host: where `/metrics` is served from; no port: not at all. 0: any free one.
        metrics_token_file: file with a bearer token, and nothing else, that requests for metrics must carry. Read when
            the server starts, as all files here; paths start from the working directory.
        metrics_username, metrics_password_file: what lets a request in as well, as basic authentication; a browser
            needs it for the live page. Both or neither.
        metrics_certificate, metrics_key: PEM files with the certificates and the private key, unless the first has it:
            make it HTTPS. Without, token and password cross the network in clear.
        metrics_hosts: names under which browsers may open the live page; see `aligntax.exporters.server.serve`.
        ledger_dir: folder where the workers of one server put their numbers together; that of the environment variable
            ALIGNTAX_LEDGER_DIR where None.
        server: see `Profiler`; beside a `ledger_dir`, that of ALIGNTAX_SERVER where None.
        traces_file: JSON Lines file for traces, rotated; `traces_share` of the requests go there.
        otlp: whether metrics and traces are exported as the environment variables of OpenTelemetry say.
        cpu_share: see `Profiler`.
    """

    guards: tuple[GuardSettings, ...] = ()
    order: Mapping[str, Order] = field(default_factory=dict)
    routes: Mapping[str, RouteKind] = field(default_factory=dict)
    model: str = "app"
    models: tuple[str, ...] = ()
    on_block: Refusal = "answer"
    block_message: str = "This request was blocked by a safety guard."
    unreadable: Unreadable = "refuse"
    max_body_bytes: int = 8 * 2**20
    max_answer_bytes: int = 32 * 2**20
    max_event_bytes: int = 2**20
    upload_seconds: float = 60.0
    threads: int = 8
    metrics_port: int | None = None
    metrics_host: str = "127.0.0.1"
    metrics_token_file: str | None = None
    metrics_username: str | None = None
    metrics_password_file: str | None = None
    metrics_certificate: str | None = None
    metrics_key: str | None = None
    metrics_hosts: tuple[str, ...] = ()
    ledger_dir: str | None = None
    server: str | None = None
    traces_file: str | None = None
    traces_share: float = 0.01
    otlp: bool = False
    cpu_share: float = 0.01

    def __post_init__(self) -> None:
        for stage, order in self.order.items():
            if stage not in ("input", "output") or order not in get_args(Order):
                raise ValueError(
                    f"order: {stage!r}={shown(order)}; guards of the stages 'input' and 'output' run in 'series' or in "
                    "'parallel', the others as they must"
                )
        for path, kind in self.routes.items():
            if not (isinstance(path, str) and path.startswith("/")) or kind not in get_args(RouteKind):
                kinds = ", ".join(map(repr, get_args(RouteKind)))
                raise ValueError(
                    f"routes: {path!r}={shown(kind)}; a path begins with '/', and its kind is one of {kinds}"
                )
        for name, allowed in (("on_block", get_args(Refusal)), ("unreadable", get_args(Unreadable))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name}={shown(getattr(self, name))}; use {' or '.join(map(repr, allowed))}")
        for name, least, most in (
            ("max_body_bytes", 1, 2**31),
            ("max_answer_bytes", 1, 2**31),
            ("max_event_bytes", 1024, 2**28),
            ("upload_seconds", 0.001, 86_400),
            ("threads", 1, 256),
            ("traces_share", 0, 1),
            ("cpu_share", 0, 1),
        ):
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name}={getattr(self, name)} is out of range; use {least} to {most}")
        if self.metrics_port is not None and not 0 <= self.metrics_port <= 65535:
            raise ValueError(f"metrics_port={self.metrics_port} is no port; use 0 to 65535, 0 for a free one")
        if (self.metrics_username is None) != (self.metrics_password_file is None):
            raise ValueError(
                f"metrics_username={self.metrics_username!r} and metrics_password_file={self.metrics_password_file!r} "
                "go together; set both or neither"
            )
        if self.metrics_key is not None and self.metrics_certificate is None:
            raise ValueError(f"metrics_key={self.metrics_key!r} without metrics_certificate; name the certificate, too")
        names = [self.model, *self.models]
        for name in names:
            Layer(name, "model")
        for settings in self.guards:
            if settings.guard.name in names:
                raise ValueError(f"guard {settings.guard.name!r} is called as a model is; give one another name")
            if not 0 < settings.timeout_seconds <= 3600:
                raise ValueError(
                    f"timeout_seconds={settings.timeout_seconds} of guard {settings.guard.name!r} is out of range; use "
                    "more than 0, at most 3600"
                )


_KINDS: Mapping[str, tuple[type, ...]] = {
    "tuple[str, ...]": (list, tuple),
    "str": (str,),
    "str | None": (str,),
    "int": (int,),
    "int | None": (int,),
    "float": (int, float),
    "bool": (bool,),
}


def read_settings(path: str | Path) -> Settings:
    """Return the settings in a file: TOML, or JSON if it ends in `.json`.

        [serving]
        model = "llama"
        metrics_port = 9464

        [[guards]]
        use = "pii"
        stage = "stream"
        timeout_seconds = 2

    Args:
        path: `[serving]` holds attributes of `Settings`, each `[[guards]]` a guard as `aligntax.guards.from_table` has
            it, with `timeout_seconds` and `thread` beside its keys.

    Raises:
        ValueError: if the file cannot be read or holds anything unknown or out of range; names the file and the mend.
    """
    path = Path(path)
    content = read_table(path)
    for key in content:
        if key not in ("serving", "guards"):
            raise ValueError(f"{path}: the key {key!r} is unknown at the top; use [serving] and [[guards]]")
    try:
        return settings_of(content.get("serving", {}), content.get("guards", ()), source=path)
    except ValueError as error:
        message = str(error)
        raise ValueError(message if message.startswith(str(path)) else f"{path}: {message}") from error


def settings_of(serving: Mapping[str, Any], guards: Iterable[Any], *, source: Path | None = None) -> Settings:
    """Return settings from tables, or from the keywords of the middleware.

    Args:
        serving: attributes of `Settings` but `guards`.
        guards: tables, guards ready made, or `GuardSettings`.
        source: the file that both stand in.

    Raises:
        ValueError: for anything unknown, of the wrong kind or out of range.
    """
    if not isinstance(serving, Mapping):
        raise ValueError(f"[serving] is {shown(serving)}; write a table")  # noqa: TRY004 (bad configuration)
    if isinstance(guards, (str, bytes, Mapping)) or not hasattr(guards, "__iter__"):
        raise ValueError(f"guards is {shown(guards)}; write a list, in TOML [[guards]] before each")
    known = {each.name: str(each.type) for each in fields(Settings) if each.name != "guards"}
    checked: dict[str, Any] = {}
    value: Any
    for key, value in serving.items():
        if key not in known:
            raise ValueError(f"the key {key!r} is unknown; use any of {', '.join(map(repr, known))}")
        kinds = _KINDS.get(known[key], (Mapping,) if known[key].startswith("Mapping") else (str,))
        if value is None and known[key].endswith("None"):
            continue
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise ValueError(f"{key}={shown(value)} is of the wrong kind; it must be a {known[key]}")
        checked[key] = tuple(cast("list[str]", value)) if kinds[0] is list else value
    found = tuple(_guard(guard, source) for guard in guards)
    names = [each.guard.name for each in found]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two guards are called {name!r}; give one another name with name = ...")
    settings = Settings(guards=found, **checked)
    if settings.ledger_dir is None and os.environ.get(LEDGER_VARIABLE):
        settings = replace(settings, ledger_dir=os.environ[LEDGER_VARIABLE])
    if settings.ledger_dir is not None and settings.server is None and os.environ.get(SERVER_VARIABLE):
        settings = replace(settings, server=os.environ[SERVER_VARIABLE])
    return settings


def _guard(guard: Any, source: Path | None) -> GuardSettings:
    if isinstance(guard, GuardSettings):
        found = guard
    elif isinstance(guard, Mapping):
        keys = dict(guard)
        serving = {key: keys.pop(key) for key in _SERVING_KEYS if key in keys}
        timeout, thread = serving.get("timeout_seconds", 5.0), serving.get("thread")
        if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
            raise ValueError(f"timeout_seconds={shown(timeout)} is no number of seconds")  # noqa: TRY004
        if thread is not None and not isinstance(thread, bool):
            raise ValueError(f"thread={shown(thread)} is neither true nor false")
        found = GuardSettings(from_table(keys, source=source), float(timeout), thread)
    else:
        found = GuardSettings(guard)
    each = found.guard
    if not (callable(each) and isinstance(getattr(each, "name", None), str)):
        raise ValueError(  # noqa: TRY004 (bad configuration)
            f"{shown(each)} is no guard; use those of aligntax.guards, or a table that names one"
        )
    if getattr(each, "stage", None) not in STAGES:
        raise ValueError(
            f"guard {each.name!r} stands at stage {getattr(each, 'stage', None)!r}, for which a server has no place; "
            f"use one of {', '.join(map(repr, STAGES))}"
        )
    return found
