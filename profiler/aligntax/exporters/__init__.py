"""Ways out of the profiler: Prometheus text, an HTTP server for it, and Chrome traces. Each module stands alone."""
