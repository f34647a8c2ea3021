"""A worker that does what its standard input says, one JSON answer a line. Run as a program of its own."""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

from aligntax import Profiler
from aligntax.exporters.exposition import Exposition
from aligntax.exporters.scrape import booked_scrape, read_families


def main() -> None:
    folder, settings = sys.argv[1], json.loads(sys.argv[2])
    stage, layer = settings.pop("stage", "input"), settings.pop("layer", "guard")
    profiler = Profiler(ledger_dir=folder, **{"drain_seconds": 0.02, "cpu_share": 0.0, **settings})
    guard = profiler.guard(lambda text: text, name=layer, stage=stage)
    model = profiler.model(lambda text: text + "!", name="model")
    exposition = Exposition()
    threads: list[threading.Thread] = []
    stop = threading.Event()

    def serve(count: int) -> None:
        for _ in range(count):
            with profiler.request():
                model(guard("x"))

    def serve_on() -> None:
        while not stop.is_set():
            serve(20)

    def hang() -> None:
        with profiler.request(), profiler.layer(layer, stage=stage):
            stop.wait()

    def answer(command: str, argument: str) -> Any:
        match command:
            case "serve":
                serve(int(argument))
                profiler.drain()
            case "serve-on" | "hang":
                threads.append(threading.Thread(target=serve_on if command == "serve-on" else hang, daemon=True))
                threads[-1].start()
            case "stop":
                stop.set()
                for thread in threads:
                    thread.join()
                profiler.drain()
            case "drain":
                profiler.drain()
            case "requests":
                return profiler.report().to_dict()["requests"]
            case "own":
                profiler.drain()
                return int(profiler.ledger.requests.sum())
            case "report":
                return profiler.report().to_dict()
            case "scrape":
                with booked_scrape(profiler):
                    return exposition.render(read_families(profiler)).decode()
            case "begin-batch":
                profiler.ledger.lock.acquire()
            case "file":
                assert profiler.worker is not None
                return str(profiler.worker._file.path) if profiler.worker._file else None
            case "limit-files":
                import resource

                resource.setrlimit(resource.RLIMIT_FSIZE, (int(argument), int(argument)))
            case "fork":
                child = os.fork()
                if child == 0:
                    serve(int(argument))
                    profiler.drain()
                    os.kill(os.getpid(), 9)
                os.waitpid(child, 0)
            case "close":
                profiler.close()
            case _:
                raise ValueError(command)
        return None

    say(os.getpid())
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        say(answer(command, argument))


def say(answer: Any) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
