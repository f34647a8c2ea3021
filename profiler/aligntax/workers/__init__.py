"""Many workers, one server: a file for each worker's ledger in one folder, and their sum for whoever asks.

A worker that is killed loses nothing that it had folded in: its file stays, and is moved to an archive by the next
scrape of any other. Counters never go back. `aligntax.Profiler(ledger_dir=...)` is the way in.
"""
