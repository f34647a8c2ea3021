"""What the log says of an upstream that fails with every request: a line in some seconds, and how many it left out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from aligntax.serving.brief_logs import Brief
from aligntax.serving.forward import AnswerBroken, Forwarder
from aligntax.serving.repeats import REPEAT_SECONDS, Repeats
from aligntax.testing import FakeClock

from .running import Connection, Raw, Running, run_proxy
from .test_faults import CHUNK, CHUNKED, saying

MakeRaw = Callable[[Callable[[Connection], None]], Raw]

SECOND_NS = 10**9
PAUSE_NS = round(REPEAT_SECONDS * 1e9)
UNREACHABLE = "upstream_unreachable: the upstream cannot be reached"


def test_one_line_in_some_seconds_and_the_next_one_counts_the_others() -> None:
    clock = FakeClock()
    repeats = Repeats(clock, seconds=5)
    said = []
    for _ in range(18):
        said.append(repeats.passes("a"))
        clock.advance(SECOND_NS)
    assert [index for index, line in enumerate(said) if line is not None] == [0, 5, 10, 15]
    assert said[::5] == ["", *[" (and 4 more since the last such line)"] * 3]
    clock.advance(100 * SECOND_NS)
    assert repeats.passes("a") == " (and 2 more since the last such line)"
    clock.advance(100 * SECOND_NS)
    assert repeats.passes("a") == ""


def test_kinds_are_counted_each_on_its_own() -> None:
    clock = FakeClock(7 * SECOND_NS)
    repeats = Repeats(clock)
    assert [repeats.passes(kind) for kind in ("a", "b", "a", "a", "b")] == ["", "", None, None, None]
    assert repeats.take_held() == {"a": 2, "b": 1}
    assert repeats.take_held() == {}
    assert repeats.passes("a") == ""


class Failing:
    """A proxy on a fake clock, before a server that nobody can reach, and what it logs."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self.clock = FakeClock()
        self.running = run_proxy(Forwarder("http://127.0.0.1:9", clock=self.clock))
        self._caplog = caplog

    def fail(self, times: int) -> None:
        with httpx.Client() as client:
            for _ in range(times):
                assert client.get(self.running.url).status_code == 502

    def said(self) -> list[str]:
        return [each.getMessage() for each in self._caplog.records if each.name == "aligntax.serving.forward"]


@pytest.fixture
def failing(caplog: pytest.LogCaptureFixture) -> Iterator[Failing]:
    found = Failing(caplog)
    yield found
    found.running.stop()


def test_the_log_of_a_proxy_before_a_failing_upstream(failing: Failing) -> None:
    failing.fail(4)
    assert failing.said() == [UNREACHABLE]
    failing.clock.advance(PAUSE_NS - 1)
    failing.fail(1)
    assert failing.said() == [UNREACHABLE]
    failing.clock.advance(1)
    failing.fail(3)
    assert failing.said() == [UNREACHABLE, f"{UNREACHABLE} (and 4 more since the last such line)"]
    failing.running.stop()
    assert failing.said()[2:] == ["upstream_unreachable: 2 more since the last such line"]


def test_failures_of_other_kinds_are_not_held_back(
    raw: MakeRaw, forward: Callable[..., Running], caplog: pytest.LogCaptureFixture
) -> None:
    talks = iter([saying(), saying(b"nonsense\r\n\r\n"), saying(), saying(CHUNKED + b"\r\n" + CHUNK)])
    proxied = forward(raw(lambda connection: next(talks)(connection)).url, clock=FakeClock())
    for _ in range(3):
        assert httpx.post(proxied.url).status_code == 502  # which is not sent twice
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.post(proxied.url)
    codes = [each.getMessage().partition(":")[0] for each in caplog.records if each.name == "aligntax.serving.forward"]
    assert codes == ["upstream_closed", "upstream_protocol", "upstream_broke"]


def record_of(error: Exception | None) -> logging.LogRecord:
    info: Any = error and (type(error), error, error.__traceback__)
    return logging.LogRecord("uvicorn.error", logging.ERROR, "", 1, "Exception in ASGI application\n", None, info)


def test_answers_that_are_cut_off_are_one_line_as_well() -> None:
    clock = FakeClock()
    brief = Brief(clock)
    records = [record_of(AnswerBroken("upstream_broke: it did")) for _ in range(4)]
    assert [brief.filter(record) for record in records] == [True, False, False, False]
    clock.advance(PAUSE_NS)
    last = record_of(AnswerBroken("upstream_broke: it did"))
    assert brief.filter(last)
    assert last.getMessage() == ("an answer was cut off (upstream_broke: it did) (and 3 more since the last such line)")
    assert last.exc_info is None
    for error in (None, KeyError("x"), KeyError("x")):
        other = record_of(error)
        assert brief.filter(other)
        assert other.getMessage() == "Exception in ASGI application\n"
