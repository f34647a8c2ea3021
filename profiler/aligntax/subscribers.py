"""Who is handed traces of finished requests, and which of the requests."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from aligntax.attribution import Attribution
from aligntax.ranges import require_share
from aligntax.recording import Recorder
from aligntax.trace import Trace

logger = logging.getLogger("aligntax")

Callback = Callable[[Trace, Attribution], object]


class Subscriber:
    """One that is called, the share of the requests that it wants, and whether it has failed before."""

    __slots__ = ("callback", "failed", "share")

    def __init__(self, callback: Callback, share: float) -> None:
        self.callback = callback
        self.share = share
        self.failed = False


class Delivery(NamedTuple):
    """A request, and who chose it."""

    takers: Sequence[Subscriber]
    trace: Trace
    attribution: Attribution


class Subscribers:
    """Chooses requests for each of its subscribers, at random, and hands them over.

    Args:
        recorder: counts what was not taken.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        # Every operation on it is one of the interpreter's, so that no lock is needed, nor to be mended after a fork.
        self._subscribers: dict[int, Subscriber] = {}
        self._random = random.Random()  # noqa: S311 (samples requests; nothing secret)

    def __bool__(self) -> bool:
        """Whether there is anybody to choose for."""
        return bool(self._subscribers)

    def add(self, callback: Callback, share: float) -> Callable[[], None]:
        """Hand `share` of the requests to `callback` from now on, until the function that is returned is called.

        Raises:
            TypeError: if `callback` is not callable.
            ValueError: if `share` is not from 0 to 1.
        """
        if not callable(callback):
            raise TypeError(f"callback={callback!r} is not callable; pass a function of a trace and its attribution")
        require_share(share=share)
        subscriber = Subscriber(callback, share)
        self._subscribers[id(subscriber)] = subscriber

        def unsubscribe() -> None:
            self._subscribers.pop(id(subscriber), None)

        return unsubscribe

    def choose(self) -> list[Subscriber]:
        """Return who wants the next request; most often nobody."""
        draw = self._random.random
        return [subscriber for subscriber in tuple(self._subscribers.values()) if draw() < subscriber.share]

    def deliver(self, deliveries: Sequence[Delivery]) -> None:
        """Hand each request to those who chose it. One who fails loses that request, and nobody else does."""
        for takers, trace, attribution in deliveries:
            for subscriber in takers:
                try:
                    subscriber.callback(trace, attribution)
                except Exception as error:
                    self._recorder.drops.count("export")
                    _complain_once(subscriber, error)


def _complain_once(subscriber: Subscriber, error: Exception) -> None:
    if subscriber.failed:
        return
    subscriber.failed = True
    # Whatever else an error says might quote what the application works on.
    reason = f": {error.strerror}, {error.filename}" if isinstance(error, OSError) and error.strerror else ""
    logger.warning(
        "aligntax: a subscriber of traces failed (%s%s); its further failures are only counted",
        type(error).__name__,
        reason,
    )
