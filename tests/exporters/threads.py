"""The threads of metrics servers, by name."""

import threading


def own_threads() -> list[str]:
    names = {"aligntax-metrics", "aligntax-scrape"}
    return [thread.name for thread in threading.enumerate() if thread.name in names]
