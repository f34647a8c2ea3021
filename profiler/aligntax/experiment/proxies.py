"""The proxy as the target of an experiment: one process for each arm, with some of its guards left out."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aligntax.attribution import Attribution, attribute
from aligntax.experiment.children import child, end_with_parent
from aligntax.serving.http_server import Listening
from aligntax.serving.proxy import ProxyOptions
from aligntax.serving.server import run
from aligntax.serving.settings import LEDGER_VARIABLE, Settings, read_settings
from aligntax.trace import Layer, Trace

__all__ = ["guards_of", "proxy_without", "traces_of"]

START_SECONDS = 120.0
STOP_SECONDS = 30.0
_FOLD_SECONDS = 5.0
_SERVES = re.compile(r"^Proxy: (http://127\.0\.0\.1:\d+)")


@dataclass(frozen=True, slots=True)
class Variant(ProxyOptions):
    """A proxy some of whose guards are left out.

    Attributes:
        left_out: their names.
        traces_file: where all its traces go; None: nowhere.
    """

    left_out: tuple[str, ...] = ()
    traces_file: str | None = None

    def settings(self) -> Settings:
        """Return what the file says, without some of the guards."""
        settings = ProxyOptions.settings(self)
        kept = tuple(each for each in settings.guards if each.guard.name not in self.left_out)
        return replace(
            settings, guards=kept, traces_file=self.traces_file, traces_share=1.0, ledger_dir=None, otlp=False
        )


def guards_of(config: Path) -> dict[str, Layer]:
    """Return the guards that a configuration lists, by name.

    Raises:
        ValueError: if it is wrong, or lists none.
    """
    listed = [each.guard for each in read_settings(config).guards]
    guards = {guard.name: Layer(guard.name, "guard", guard.stage) for guard in listed}
    if not guards:
        raise ValueError(f"{config}: lists no guards, so there is nothing to measure; add a [[guards]] table")
    return guards


@contextmanager
def proxy_without(
    left_out: Sequence[str], *, upstream: str, config: Path, traces: Path | None = None
) -> Iterator[Callable[[Callable[[], bool]], str]]:
    """Start a proxy in a process of its own, which runs for as long as the block lasts.

    Args:
        left_out: names of the guards that it has not.
        upstream: URL of the server behind it.
        config: the guards, and everything else.
        traces: where the traces of all its requests go; None: nowhere.

    Yields:
        A function that waits until the proxy serves, and returns its URL. It asks its argument now and then whether to
        go on, and raises KeyboardInterrupt if not, and RuntimeError if the proxy does not start; that says why.
    """
    options = {"upstream": upstream, "config": str(config), "left_out": list(left_out), "metrics_port": 0}
    if traces is not None:
        options["traces_file"] = str(traces)
    # Proxies of an experiment are no workers of one server.
    environment = {name: value for name, value in os.environ.items() if name != LEDGER_VARIABLE}
    with child(
        __name__, [json.dumps(options)], _SERVES, grace_seconds=STOP_SECONDS, environment=environment
    ) as process:

        def url(go_on: Callable[[], bool]) -> str:
            try:
                return process.wait(START_SECONDS, go_on)[1]
            except RuntimeError as error:
                raise RuntimeError(f"the proxy did not start: {error}") from error

        yield url


def traces_of(file: Path, count: int) -> list[tuple[Trace, Attribution]] | None:
    """Return the last requests of a proxy, in the order in which they ended.

    Args:
        file: where it writes its traces.
        count: how many requests it was sent.

    Returns:
        They, once all are there; None if they do not come, or not all of them can be read back.
    """
    from aligntax.experiment.whatif.reading import trace_of  # loads SciPy, and proxies import this module

    until = time.monotonic() + _FOLD_SECONDS
    lines: list[str] = []
    while len(lines) < count:
        if time.monotonic() > until:
            return None
        time.sleep(0.1)
        older = sorted(file.parent.glob(f"{file.name}.*"), key=lambda path: -int(path.suffix[1:]))
        # What stands behind the last line feed is still being written.
        lines = [line for path in (*older, file) if path.exists() for line in path.read_text().split("\n")[:-1]]
    traces = [trace_of(json.loads(line)) for line in lines[-count:]]
    known = [(trace, attribute(trace)) for trace in traces if trace is not None]
    return known if len(known) == count else None


def _serve(options: dict[str, Any]) -> int:
    options["left_out"] = tuple(options["left_out"])
    listening = Listening("127.0.0.1", 0, 1, None, None, 5)
    return run(Variant(**options), listening, lambda line: print(line, flush=True))  # noqa: T201 (the parent reads it)


if __name__ == "__main__":
    end_with_parent()
    try:
        sys.exit(_serve(json.loads(sys.argv[1])))
    except (ValueError, OSError) as error:
        sys.exit(str(error))
