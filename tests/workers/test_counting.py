"""What several workers count is one sum, whoever is asked, however they end, and no counter ever goes back."""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from aligntax import Profiler

RISING = ("_total", "_bucket", "_count", "_sum")
Start = Callable[..., Any]


def ledgers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.ledger") if not path.name.startswith("archive"))


def test_every_worker_reports_the_sum(start: Start) -> None:
    workers = [start() for _ in range(3)]
    for number, worker in enumerate(workers, 1):
        worker(f"serve {number * 100}")
    assert [worker("requests") for worker in workers] == [600] * 3
    assert [worker("own") for worker in workers] == [100, 200, 300]
    report = workers[0]("report")
    assert [(layer["layer"], layer["calls"]) for layer in report["layers"]] == [("guard", 600), ("model", 600)]
    assert report["models"] == ["model"]


def test_a_killed_worker_loses_nothing_and_is_moved_to_the_archive(start: Start, folder: Path) -> None:
    first, second = start(), start()
    first("serve 10")
    second("serve 32")
    second.kill()
    assert first("requests") == 42
    assert len(ledgers(folder)) == 1
    assert first("requests") == 42
    third = start()
    third("serve 8")
    assert third("requests") == first("requests") == 50
    for worker in (first, third):
        worker.kill()
    assert start()("requests") == 50
    assert len(ledgers(folder)) == 1


def test_workers_that_end_as_soon_as_they_start_do_not_fill_the_disk(start: Start, folder: Path) -> None:
    for number in range(4):
        worker = start()
        assert len(ledgers(folder)) == 1
        worker(f"serve {number}")
        worker.kill()
    assert start()("requests") == 6


def test_a_closed_profiler_leaves_its_counts_and_no_file(folder: Path) -> None:
    for _ in range(3):
        with Profiler(ledger_dir=folder, drain_seconds=0) as profiler:
            guard = profiler.guard(len, name="guard")
            for _ in range(5):
                with profiler.request():
                    guard("x")
        profiler.drain()
    assert profiler.report().to_dict()["requests"] == 15
    assert ledgers(folder) == []
    guard("x")
    profiler.drain()
    assert profiler.report().to_dict()["requests"] == 15


def test_two_profilers_of_one_process_are_two_workers(folder: Path) -> None:
    with Profiler(ledger_dir=folder, drain_seconds=0) as one, Profiler(ledger_dir=folder, drain_seconds=0) as two:
        for profiler in (one, two):
            with profiler.request(), profiler.layer("guard"):
                pass
        two.drain()
        assert one.report().to_dict()["requests"] == 2


def test_calls_in_progress_are_those_of_the_living(start: Start, samples: Callable[[str], Any]) -> None:
    first, second = start(), start()
    series = ("aligntax_layer_calls_in_progress", 'layer="guard",stage="input"')
    for worker in (first, second, second):
        worker("hang")
    for worker in (first, second):
        worker("drain")
    assert samples(first("scrape"))[series] == 3
    second.kill()
    assert samples(first("scrape"))[series] == 1
    first("stop")
    assert samples(first("scrape"))[series] == 0


def test_a_layer_that_means_different_things_in_two_workers_is_kept_apart(start: Start, samples: Any) -> None:
    first, second = start(stage="input"), start(stage="output")
    first("serve 3")
    second("serve 5")
    second("hang")
    second("drain")
    found = samples(first("scrape"))
    count, running = "aligntax_layer_duration_seconds_count", "aligntax_layer_calls_in_progress"
    assert found[count, 'layer="guard",stage="input"'] == 3
    assert found[count, 'layer="guard",stage="output"'] == 5
    assert found[running, 'layer="guard",stage="input"'] == 0
    assert found[running, 'layer="guard",stage="output"'] == 1
    assert [layer["stage"] for layer in first("report")["layers"]] == ["input", "model", "output"]


def test_a_worker_that_is_stopped_in_the_middle_of_a_batch_holds_nobody_up(start: Start, samples: Any) -> None:
    first, second = start(), start(drain_seconds=0)
    second("serve 7")
    second("begin-batch")
    second.signal(signal.SIGSTOP)
    assert first("requests") == 7
    second.signal(signal.SIGCONT)
    second.kill()
    assert first("requests") == 7
    assert first("requests") == 7


@pytest.mark.parametrize("seed", [1, 2])
def test_counters_never_go_back_while_workers_come_and_die(start: Start, samples: Any, seed: int) -> None:
    """Three of the workers scrape all the time, others serve and are killed; the sum of all is exact at the end."""
    draw = random.Random(seed)
    scrapers = [start() for _ in range(3)]
    done = threading.Event()
    exact = 0

    ticks = iter(range(10**9))
    lock = threading.Lock()

    def clock() -> int:
        with lock:
            return next(ticks)

    def timed(worker: Any) -> list[tuple[int, int, dict[Any, float]]]:
        pages = []
        while not done.is_set():
            begun = clock()
            page = samples(worker("scrape"))
            pages.append((begun, clock(), page))
        return pages

    with ThreadPoolExecutor(len(scrapers)) as pool:
        histories = [pool.submit(timed, worker) for worker in scrapers]
        for _ in range(5):
            workers = [start() for _ in range(2)]
            for worker in workers:
                count = draw.randrange(1, 400)
                worker(f"serve {count}")
                exact += count
            for worker in workers:
                worker("serve 0" if draw.random() < 0.5 else "close")
                worker.kill()
        done.set()
        pages = [page for history in histories for page in history.result()]
    last = samples(scrapers[0]("scrape"))
    assert last["aligntax_request_duration_seconds_count", 'model="model",outcome="allowed"'] == exact
    assert last["aligntax_layer_verdicts_total", 'layer="guard",stage="input",verdict="allow"'] == exact
    assert len(pages) > 10
    # What a scrape saw is also seen by every scrape that began after that one had ended, by whichever worker.
    pages.append((clock(), clock(), last))
    ended = sorted(pages, key=lambda page: page[1])
    highest: dict[Any, float] = {}
    for begun, _, page in sorted(pages, key=lambda page: page[0]):
        while ended[0][1] < begun:
            for series, value in ended.pop(0)[2].items():
                if series[0].endswith(RISING):
                    highest[series] = max(value, highest.get(series, 0.0))
        for series, value in highest.items():
            assert page.get(series, -1) >= value, series
    for _, _, page in pages:
        counts = [
            sum(value for (found, _), value in page.items() if found == f"aligntax_{name}_count")
            for name in ("request_duration_seconds", "request_tax_seconds", "model_duration_seconds")
        ]
        assert counts == [counts[0]] * 3  # whole batches only


def test_workers_that_are_killed_while_they_serve(start: Start) -> None:
    """Whatever they had folded in when they died stays; nobody sees less than before."""
    reader = start()
    seen = [reader("requests")]
    for _ in range(3):
        workers = [start() for _ in range(2)]
        for worker in workers:
            worker("serve-on")
        before = seen[-1]
        while seen[-1] == before:  # until they have folded something in
            seen.append(reader("requests"))
        seen += [reader("requests") for _ in range(5)]
        for worker in workers:
            worker.kill()
        seen.append(reader("requests"))
    assert seen == sorted(seen)
    assert seen[-1] > 0
    assert reader("requests") == seen[-1]
