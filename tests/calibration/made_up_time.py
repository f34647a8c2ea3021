"""Time that passes only where a scenario says so: threads and timers in it are exact to the nanosecond."""

import asyncio
import heapq
import itertools
import selectors
import threading
from concurrent.futures import ThreadPoolExecutor

from aligntax.testing import FakeClock


class MadeUpTime:
    """A `stage.Passing` on a fake clock.

    Of the threads that run together only one moves at a time: the clock goes to the earliest moment that any of them
    waits for, and only once all of them wait. A thread leaves after its last call has returned, so nobody can move the
    clock while a wrapper is about to read it.
    """

    def __init__(self):
        self.clock = FakeClock()
        self._turn = threading.Condition()
        self._moving = 1
        self._waiting = []
        self._tickets = itertools.count()

    def sleep(self, length_ns):
        with self._turn:
            mine = (self.clock.now_ns + length_ns, next(self._tickets))
            heapq.heappush(self._waiting, mine)
            self._turn.notify_all()
            self._turn.wait_for(lambda: len(self._waiting) == self._moving and self._waiting[0] == mine)
            heapq.heappop(self._waiting)
            self.clock.advance(mine[0] - self.clock.now_ns)

    spin = sleep

    def together(self, jobs):
        self._moving = len(jobs)
        with ThreadPoolExecutor(len(jobs)) as pool:
            futures = [pool.submit(self._run_and_leave, job) for job in jobs]
        self._moving = 1
        for future in futures:
            future.result()

    def run(self, coroutine):
        with asyncio.Runner(loop_factory=lambda: _Loop(self.clock)) as runner:
            return runner.run(coroutine)

    def _run_and_leave(self, job):
        try:
            job()
        finally:
            with self._turn:
                self._moving -= 1
                self._turn.notify_all()


class _Selector(selectors.DefaultSelector):
    """Instead of waiting for the next timer, moves the clock to it."""

    def __init__(self, clock):
        super().__init__()
        self._made_up = clock

    def select(self, timeout=None):
        if timeout:
            self._made_up.advance(round(timeout * 1e9))
            timeout = 0
        return super().select(timeout)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, clock):
        super().__init__(_Selector(clock))
        self._made_up = clock

    def time(self):
        return self._made_up() / 1e9
