"""The live page of the metrics server: recent requests, the tax by guard, its trend and the verdicts, in a browser."""
